/** Ports of udp are told from those of tcp by this: a port of one has nothing to do with that of the other. */
const UDP = 100_000;

/** portNumber returns the number that a port has here which Docker writes as `53/udp`. */
export function portNumber(written: string): number {
  return Number.parseInt(written, 10) + (written.endsWith('/udp') ? UDP : 0);
}

/** overUdp returns the number that a port of udp has here. */
export function overUdp(port: number): number {
  return UDP + port;
}

/** portSpoken is the inverse of portNumber. */
export function portSpoken(port: number): { port: number; protocol: 'tcp' | 'udp' } {
  return port > UDP ? { port: port - UDP, protocol: 'udp' } : { port, protocol: 'tcp' };
}
