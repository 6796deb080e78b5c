import type { Duplex } from 'node:stream';

/** Opens TCP streams to addresses as a server sees them. */
export interface Dialer {
  /** dial opens a stream; it rejects when nobody listens or the way there is closed. */
  dial(address: string, port: number): Promise<Duplex>;
  /** close ends the connection under it. */
  close(): Promise<void>;
}
