/** Where the value of a secret comes from. */
export type SecretSource = 'generated' | 'encrypted file' | 'file' | 'run';

/** A secret by the name that the file has for it. */
export interface NamedSecretUse {
  from: SecretSource;
  /** Names of the services that use it. */
  services: string[];
}
