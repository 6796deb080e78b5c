/** Where to connect and which host keys to believe. */
export interface SshTarget {
  /** What people know the server by. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** `type base64` lines; when empty, connecting fails and the error shows the server's key. */
  hostKeys: readonly string[];
  /** A host to go through. */
  jump?: Omit<SshTarget, 'name' | 'jump'>;
}
