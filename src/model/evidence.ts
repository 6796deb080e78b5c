/** A file that tells of a version that failed, kept for people to look at. */
export interface EvidenceFile {
  /** Where it lies among the others: the server's name is its folder. */
  path: string;
  text: string;
}
