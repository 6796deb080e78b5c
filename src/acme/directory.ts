/** AcmeDirectory is a certificate authority that speaks ACME (RFC 8555), and how we are known to it. */
export interface AcmeDirectory {
  /** Where its directory is: `https://acme-v02.api.letsencrypt.org/directory`. */
  url: string;
  /** PEM of roots by which the directory itself is trusted beside the system's: for an authority of one's own. */
  ca?: string;
  /** External account binding (RFC 8555 §7.3.4): what the authority gave its customer. The key is base64url, as given. */
  eab?: { keyId: string; hmacKey: string };
  /** Where the authority writes to, if it still does. */
  email?: string;
  /** Name of a profile that the directory offers, such as `shortlived`. */
  profile?: string;
}
