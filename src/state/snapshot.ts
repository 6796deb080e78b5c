import type { Scope } from '../model/names.ts';
import type { EnvironmentState, Release } from '../model/release.ts';
import type { Lease } from './lease.ts';
import { releasePath, releasesFolder } from './paths.ts';
import { parseRelease } from './release-file.ts';

/** Reads files of one commit; undefined for what is not there. */
type Files = (commit: string, paths: readonly string[]) => Promise<(string | undefined)[]>;
/** Returns the names in a folder of one commit; none where there is no such folder. */
type Listing = (commit: string, folder: string) => Promise<string[]>;

/** Snapshot is what was recorded of an environment at one commit of the state branch. */
export class Snapshot {
  /** Empty when nothing was recorded yet. */
  readonly state: EnvironmentState;
  /** The commit of the state branch; undefined when there is no branch. */
  readonly commit: string | undefined;
  /** The lease as it stood then, also a released one; undefined when it was never taken. */
  readonly lease: Lease | undefined;
  readonly #scope: Scope;
  readonly #ref: string;
  readonly #files: Files;
  readonly #list: Listing;
  #asked: { path: string; answer: (text: Promise<string | undefined>) => void }[] = [];

  constructor(fields: {
    state: EnvironmentState;
    commit: string | undefined;
    lease: Lease | undefined;
    scope: Scope;
    ref: string;
    files: Files;
    list: Listing;
  }) {
    this.state = fields.state;
    this.commit = fields.commit;
    this.lease = fields.lease;
    this.#scope = fields.scope;
    this.#ref = fields.ref;
    this.#files = fields.files;
    this.#list = fields.list;
  }

  /**
   * release returns a release as it was written, or undefined. Releases asked for together (Promise.all)
   * cost one process, and no round trip. It throws a UserError when the file is damaged or too new.
   */
  async release(service: string, number: number): Promise<Release | undefined> {
    const path = releasePath(this.#scope, service, number);
    if (this.commit === undefined) return undefined;
    const text = await new Promise<string | undefined>((resolve) => {
      this.#asked.push({ path, answer: resolve });
      if (this.#asked.length === 1) queueMicrotask(() => this.#answer());
    });
    return text === undefined ? undefined : parseRelease(text, { ref: this.#ref, path });
  }

  /** releaseNumbers returns the numbers of the releases of a service that are kept, the lowest first: one process. */
  async releaseNumbers(service: string): Promise<number[]> {
    if (this.commit === undefined) return [];
    const names = await this.#list(this.commit, releasesFolder(this.#scope, service));
    return names
      .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** releases returns all releases of a service that are kept, the lowest number first. It throws like `release`. */
  async releases(service: string): Promise<Release[]> {
    const numbers = await this.releaseNumbers(service);
    const found = await Promise.all(numbers.map((number) => this.release(service, number)));
    return found.filter((release) => release !== undefined);
  }

  #answer(): void {
    const asked = this.#asked;
    this.#asked = [];
    const texts = this.#files(
      this.commit ?? '',
      asked.map(({ path }) => path),
    );
    for (const [index, { answer }] of asked.entries()) answer(texts.then((all) => all[index]));
  }
}
