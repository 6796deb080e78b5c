import type { Duplex } from 'node:stream';

/** Opens TCP streams to addresses as a server sees them. */
export interface Dialer {
  /**
   * dial opens a stream; it rejects when nobody listens or the way there is closed. When the connection under it
   * breaks, the stream ends with an error that has `isTunnelBroken`: nobody knows what the other end did.
   */
  dial(address: string, port: number): Promise<Duplex>;
  /** close ends the connection under it. */
  close(): Promise<void>;
}
