/** Volume is a folder that outlives containers: text files by their paths in it. */
export class Volume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** The engine made it for one container, and removes it with that. */
  readonly isAnonymous: boolean;
  readonly files = new Map<string, string>();

  constructor(facts: {
    name: string;
    labels: Record<string, string>;
    createdAt: number;
    isAnonymous: boolean;
  }) {
    this.name = facts.name;
    this.labels = facts.labels;
    this.createdAt = facts.createdAt;
    this.isAnonymous = facts.isAnonymous;
  }
}
