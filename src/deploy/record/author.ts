/** Who deploys, for the record. */
export interface Author {
  /** A link to the run, or `local`. */
  run: string;
  actor: string;
  commit: string | undefined;
}
