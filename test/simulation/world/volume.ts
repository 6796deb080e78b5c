/** Volume is a folder that outlives containers: text files by their paths in it. */
export class Volume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** The engine made it for one container, and removes it with that. */
  readonly isAnonymous: boolean;
  readonly files = new Map<string, string>();

  /** Where its files are on the server. */
  get mountpoint(): string {
    return `/var/lib/docker/volumes/${this.name}/_data`;
  }

  /** has tells whether there is a file at a path, or a folder with one. */
  has(path: string): boolean {
    return this.files.has(path) || [...this.files.keys()].some((file) => file.startsWith(`${path}/`));
  }

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
