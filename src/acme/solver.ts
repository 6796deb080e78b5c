/** What has to be shown to prove that a name is ours. */
export interface Challenge {
  /** The name, without `*.`. */
  name: string;
  isWildcard: boolean;
  token: string;
  /** Token and thumbprint of the account key: what HTTP-01 has to answer. */
  keyAuthorization: string;
  /** Content of the TXT record of DNS-01, at `_acme-challenge.<name>`. */
  dnsValue: string;
}

/** ChallengeSolver shows challenges to the authority, and takes them away again. */
export interface ChallengeSolver {
  type: 'http-01' | 'dns-01';
  /** present resolves when all of `challenges` can be seen by the authority. */
  present(challenges: readonly Challenge[]): Promise<void>;
  /** cleanUp takes away what `present` made for them, also when that had failed halfway. */
  cleanUp(challenges: readonly Challenge[]): Promise<void>;
}
