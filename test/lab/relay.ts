import { connect, createServer, type Socket } from 'node:net';

/** A running relay: connect to it instead of its target. */
export interface Relay {
  host: string;
  port: number;
  /** close ends the relay and all its connections. */
  close(): Promise<void>;
}

/** More than this on its way in one direction holds the sender back, so a fast sender cannot fill the memory. */
const maxBytesUnderway = 16 * 1024 * 1024;

/**
 * startRelay listens on a free loopback port and carries TCP connections to the target with `delayMs` added each
 * way: 25 is a round trip of 50 ms. Order and half-closed connections are kept, and an abortive end stays one.
 * Connecting to the relay itself costs no delay; the first bytes do.
 */
export async function startRelay(options: {
  target: { host: string; port: number };
  delayMs: number;
}): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...options.target, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    carry(near, far, options.delayMs);
    carry(far, near, options.delayMs);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The relay has no port');
  return {
    host: '127.0.0.1',
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** carry takes what comes from one socket to the other, each event `delayMs` after it happened, in order. */
function carry(from: Socket, to: Socket, delayMs: number): void {
  const underway: Array<{ due: number; arrive: () => void }> = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  // One timer for the whole queue: several could fire out of order.
  const deliver = () => {
    timer = undefined;
    while (underway[0] && underway[0].due <= performance.now()) underway.shift()?.arrive();
    if (underway[0]) timer = setTimeout(deliver, Math.max(1, underway[0].due - performance.now()));
  };
  const send = (arrive: () => void) => {
    underway.push({ due: performance.now() + delayMs, arrive });
    timer ??= setTimeout(deliver, delayMs);
  };

  from.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytesUnderway) from.pause();
    send(() => {
      to.write(chunk, () => {
        bytes -= chunk.length;
        if (bytes <= maxBytesUnderway) from.resume();
      });
    });
  });
  from.on('end', () => send(() => to.end()));
  from.on('error', () => send(() => to.resetAndDestroy()));
  to.on('close', () => {
    clearTimeout(timer);
    underway.length = 0;
  });
}
