import type { Socket } from 'node:net';

/**
 * joinWrites has a connected socket send together what is written to it in one turn of the event loop. ssh2 writes each
 * packet in three pieces, and a run has many on their way at once: alone, every piece would be a call of the kernel, and
 * a packet to the server without Nagle's algorithm.
 */
export function joinWrites(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  socket.write = (...given: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return write(...given);
  };
  return socket;
}
