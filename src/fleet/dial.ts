import type { Duplex } from 'node:stream';

/**
 * Opens a TCP stream to an address as a server sees it; rejects when nobody listens or the way there is closed.
 * When the connection under it breaks, the stream ends with an error that has `isTunnelBroken`: nobody knows what
 * the other end did.
 */
export type DialTcp = (address: string, port: number) => Promise<Duplex>;
