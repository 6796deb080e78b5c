/** Where to connect and which host keys to believe. */
export interface SshTarget {
  host: string;
  port: number;
  user: string;
  /** `type base64` lines; when empty, connecting fails and the error shows the server's key. */
  hostKeys: readonly string[];
  /** A host to go through. */
  jump?: Omit<SshTarget, 'jump'>;
}
