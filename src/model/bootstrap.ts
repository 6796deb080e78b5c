/** A port that stays open to the world: `8080/tcp`. */
export type OpenPort = `${number}/${'tcp' | 'udp'}`;

/** How bare servers are set up. */
export interface BootstrapSpec {
  /** Who logs in before the deploy user is there: root, or a user with sudo that asks for no password. */
  login: string;
  /** Public keys that open the deploy user beside that of the run, as `authorized_keys` has them. */
  authorizedKeys: readonly string[];
  /** What is open beside SSH, 80 and 443; undefined where the file does not say. */
  openPorts?: readonly OpenPort[];
  /** Size of the swap of a server that has none, in bytes; 0 is none. */
  swapBytes: number;
}

/** parseOpenPort reads `8080`, `8080/tcp` or `51820/udp`; undefined is what is none. Pure. */
export function parseOpenPort(text: string): OpenPort | undefined {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? `${port}/${protocol as 'tcp' | 'udp'}` : undefined;
}
