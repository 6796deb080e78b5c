import { createHash } from 'node:crypto';
import type { GitObject } from '../../../src/git/cat-file.ts';
import type { CommitDraft, Signature, WrittenCommit } from '../../../src/git/fast-import.ts';
import { blobId } from '../../../src/git/object-id.ts';
import type { PushOutcome, RefMove } from '../../../src/git/scratch-repository.ts';
import { UserError } from '../../../src/model/errors.ts';
import type { Scope } from '../../../src/model/names.ts';
import { StateBranch, type StateRepository } from '../../../src/state/state-branch.ts';

/**
 * Wire is what lies between one run and the remote: `serve` does the call there. One that does not serve is a call that
 * never arrived, one that throws after serving lost the answer, and one that never resolves belongs to a dead run.
 */
export type Wire = <T>(call: 'fetch' | 'push', serve: () => T) => Promise<T>;

/** A commit: what it follows, and all files at it. */
interface Commit {
  parent: string | undefined;
  message: string;
  files: ReadonlyMap<string, string>;
}

const URL = 'memory:origin';
const FORMAT = 'sha1';
const BRANCH = 'switchyard-state';

/**
 * MemoryRemote is a git remote in memory, for as many runs as open a branch of it. Its refs move by compare-and-swap,
 * all refs of a push or none; commits with the same content are the same commit, as in git.
 */
export class MemoryRemote {
  readonly #refs = new Map<string, string>();
  /** Of all repositories: nobody knows the id of what it has neither fetched nor written. */
  readonly #commits = new Map<string, Commit>();

  /** branch opens the state branch for one run, which has the remote at the end of `wire`. */
  branch(
    scope: Scope,
    { name = BRANCH, wire = plainWire }: { name?: string; wire?: Wire } = {},
  ): StateBranch {
    return new StateBranch(new MemoryRepository(this, wire), scope, name);
  }

  /** ref returns the commit that a ref points at; undefined when there is none. */
  ref(ref: string): string | undefined {
    return this.#refs.get(ref);
  }

  /** commit returns a commit by its id; undefined when there is none. */
  commit(id: string | undefined): Commit | undefined {
    return id === undefined ? undefined : this.#commits.get(id);
  }

  /** file returns the text of a file at the tip of a ref; undefined for what is not there. */
  file(ref: string, path: string): string | undefined {
    return this.commit(this.ref(ref))?.files.get(path);
  }

  /** history returns the messages of the commits of a ref, the newest first. */
  history(ref: string): string[] {
    const messages: string[] = [];
    for (let at = this.commit(this.ref(ref)); at !== undefined; at = this.commit(at.parent)) {
      messages.push(at.message);
    }
    return messages;
  }

  /** add keeps a commit and returns its id. */
  add(commit: Commit, { name, email, at }: Signature): string {
    const who = `${name} <${email}> ${Math.floor(at.getTime() / 1000)}`;
    const tree = treeOf(commit.files, '').id;
    const id = hash(Buffer.from(JSON.stringify([commit.parent, commit.message, who, tree])));
    this.#commits.set(id, commit);
    return id;
  }

  /** move makes all moves of a push, or none. */
  move(moves: readonly RefMove[]): PushOutcome {
    // What stands there already is no change, whatever was expected: git calls it up to date.
    const stale = moves.filter(({ ref, expected, to }) => this.ref(ref) !== to && this.ref(ref) !== expected);
    if (stale.length > 0) return { raced: stale.map(({ ref }) => `! ${ref} (stale info)`).join('\n') };
    for (const { ref, to } of moves) this.#refs.set(ref, to);
    return 'moved';
  }

  /** edit writes one file at the tip of a ref, as a person does with git. */
  edit(ref: string, path: string, text: string): void {
    const parent = this.ref(ref);
    const files = new Map(this.commit(parent)?.files).set(path, text);
    const dev = { name: 'dev', email: 'dev@example.com', at: new Date(0) };
    this.#refs.set(ref, this.add({ parent, message: 'by hand\n', files }, dev));
  }

  /** remove deletes a ref, as a person does with git. */
  remove(ref: string): void {
    this.#refs.delete(ref);
  }
}

/** What a run has on its own machine: the refs as it last fetched them, and the way to the remote. */
class MemoryRepository implements StateRepository {
  readonly remote = { url: URL };
  readonly objectFormat = FORMAT;
  readonly #origin: MemoryRemote;
  readonly #wire: Wire;
  readonly #refs = new Map<string, string | undefined>();
  #isClosed = false;

  constructor(origin: MemoryRemote, wire: Wire) {
    this.#origin = origin;
    this.#wire = wire;
  }

  async fetch(refs: readonly string[]): Promise<void> {
    this.#assertOpen();
    const found = await this.#wire('fetch', () =>
      refs.map((ref): [string, string | undefined] => [ref, this.#origin.ref(ref)]),
    );
    for (const [ref, commit] of found) this.#refs.set(ref, commit);
  }

  async read(names: readonly string[]): Promise<(GitObject | undefined)[]> {
    this.#assertOpen();
    return names.map((name) => this.#object(name));
  }

  async write(drafts: readonly CommitDraft[], signature: Signature): Promise<WrittenCommit[]> {
    this.#assertOpen();
    return drafts.map(({ parent, message, files: changed, removed = [] }) => {
      const old = this.#origin.commit(parent)?.files ?? new Map<string, string>();
      const files = new Map([...old, ...changed]);
      for (const path of removed) files.delete(path);
      const idOf = (text: string | undefined) => (text === undefined ? undefined : blobId(text, FORMAT));
      return {
        id: this.#origin.add({ parent, message, files }, signature),
        before: new Map([...changed.keys()].map((path) => [path, idOf(old.get(path))])),
      };
    });
  }

  async push(moves: readonly RefMove[]): Promise<PushOutcome> {
    this.#assertOpen();
    return this.#wire('push', () => this.#origin.move(moves));
  }

  refused(said: string): UserError {
    return new UserError(`state could not be written to ${URL}: ${said}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** `<ref>`, `<commit>`, or one of both with `:<path>` of a file or folder. */
  #object(name: string): GitObject | undefined {
    const [start = '', path] = name.split(':');
    const id = this.#refs.get(start) ?? start;
    const commit = this.#origin.commit(id);
    if (commit === undefined) return undefined;
    if (path === undefined) return { id, type: 'commit', content: Buffer.from(commit.message) };
    const text = commit.files.get(path);
    if (text !== undefined) return { id: blobId(text, FORMAT), type: 'blob', content: Buffer.from(text) };
    const tree = treeOf(commit.files, path === '' ? '' : `${path}/`);
    return tree.content.length === 0 ? undefined : { ...tree, type: 'tree' };
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the repository is closed');
  }
}

async function plainWire<T>(_call: string, serve: () => T): Promise<T> {
  return serve();
}

/** treeOf returns the tree object of a folder, which is '' or ends with `/`: entries in order, `<mode> <name>`, zero, id. */
function treeOf(files: ReadonlyMap<string, string>, folder: string): { id: string; content: Buffer } {
  const below = [...files].filter(([path]) => path.startsWith(folder));
  const names = new Set(below.map(([path]) => /^[^/]*\/?/.exec(path.slice(folder.length))?.[0] ?? ''));
  const entries = [...names].sort().map((name) => {
    const isFolder = name.endsWith('/');
    const id = isFolder ? treeOf(files, folder + name).id : blobId(files.get(folder + name) ?? '', FORMAT);
    const head = isFolder ? `40000 ${name.slice(0, -1)}\0` : `100644 ${name}\0`;
    return Buffer.concat([Buffer.from(head), Buffer.from(id, 'hex')]);
  });
  const content = Buffer.concat(entries);
  return { id: hash(Buffer.concat([Buffer.from(`tree ${content.length}\0`), content])), content };
}

function hash(content: Buffer): string {
  return createHash(FORMAT).update(content).digest('hex');
}
