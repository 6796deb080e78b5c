/** A secret that was made by Switchyard, with its value. */
export interface GeneratedSecret {
  /** Random, and made with it: who knows the id knows nothing of the value. */
  id: string;
  value: string;
  made_at: string;
  /** The run that made it. */
  run: string;
}

/** What the record says of a generated secret: neither its value nor a hash of it. */
export interface RecordedSecret {
  id: string;
  made_at: string;
  run: string;
  /** In characters. */
  length: number;
  /** Names of the servers that were given it. */
  servers: string[];
}

/** The encrypted copy of a generated secret on the state branch, encrypted for its recipients. */
export interface SealedSecret {
  /** Of the value that is in it. */
  id: string;
  /** Who can open it: recipients of age. */
  recipients: readonly string[];
  /** An armored age file whose content is the value. */
  age: string;
}

/** Fewer characters of A-Z a-z 0-9 can be tried one by one: 16 are 95 bits. */
export const GENERATED_LENGTH_MIN = 16;
/** Longer passwords are cut off, or refused, by some that they are for. */
export const GENERATED_LENGTH_MAX = 128;
