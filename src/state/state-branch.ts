import type { CommitDraft, Signature } from '../git/fast-import.ts';
import { blobId } from '../git/object-id.ts';
import { isRefName } from '../git/ref-pattern.ts';
import type { PushOutcome, RefMove, ScratchRepository } from '../git/scratch-repository.ts';
import { namesInTree } from '../git/tree.ts';
import { UserError } from '../model/errors.ts';
import { checkName, type Scope } from '../model/names.ts';
import { formatJson } from './json-file.ts';
import { type Lease, parseLease } from './lease.ts';

/** README.md, beside the records: what a person sees who finds the branch. */
const README_PATH = 'README.md';
/** The one file in the tree of a lease commit. */
const LEASE_PATH = 'lease.json';

/**
 * What a state branch needs of git: the objects that this run has fetched or written, and a remote whose refs it moves
 * by compare-and-swap. A simulation hands in one that lives in memory.
 */
export type StateRepository = Pick<
  ScratchRepository,
  'objectFormat' | 'fetch' | 'read' | 'write' | 'push' | 'refused' | 'close'
> & { remote: Pick<ScratchRepository['remote'], 'url'> };

/** What the remote held at one moment, of one environment. */
export interface Tip {
  /** The newest commit of the state branch; undefined when there is no branch. */
  stateCommit: string | undefined;
  /** The environment's state file; undefined when there is none. */
  state: { id: string; text: string } | undefined;
  /** The commit the lease ref points at; undefined when the lease was never taken. */
  leaseCommit: string | undefined;
  lease: Lease | undefined;
}

/** What one push shall change; the lease always moves, because only a ref that moves is compared. */
export interface Advance {
  /** The new lease, without the id of the state file, which is added here. */
  lease: Lease;
  /** New text of the state file; undefined when it stays. */
  state?: string;
  /** Path → text of files that are written in place of what is there. */
  files?: ReadonlyMap<string, string>;
  /** Path → text of files that are written once. */
  immutable?: ReadonlyMap<string, string>;
  /** Paths of files that go from the branch's tip; its history keeps them. */
  removed?: readonly string[];
  /** Message of the commit on the state branch. */
  message?: string;
  signature: Signature;
}

/** Files beside the state that are written without the lease. */
export interface Note {
  /** Path → text. */
  files: ReadonlyMap<string, string>;
  removed?: readonly string[];
  message: string;
  signature: Signature;
}

/** The tip that an advance leads to, if the remote takes it. */
export interface Prepared {
  tip: Tip;
  moves: RefMove[];
}

/**
 * StateBranch is what a store reads and writes: the state branch and the lease ref of one environment, which it moves
 * together or not at all. It knows which refs and files an environment has.
 */
export class StateBranch {
  /** The branch's name. */
  readonly name: string;
  readonly #repository: StateRepository;
  readonly #scope: Scope;
  readonly #stateRef: string;
  readonly #leaseRef: string;

  /** It throws a UserError when `name` is no name for a branch. */
  constructor(repository: StateRepository, scope: Scope, name: string) {
    checkBranch(name);
    this.name = name;
    this.#repository = repository;
    this.#scope = scope;
    this.#stateRef = `refs/heads/${name}`;
    this.#leaseRef = `refs/switchyard/lease/${scope.project}/${scope.environment}`;
  }

  /** Where it is kept, without credentials: for logs. */
  get location(): string {
    return `${this.#repository.remote.url} ${this.name}`;
  }

  /** fetch reads the remote: two processes, one round trip. */
  async fetch(): Promise<Tip> {
    await this.#repository.fetch([this.#stateRef, this.#leaseRef]);
    const [stateCommit, state, leaseCommit, lease] = await this.#repository.read([
      this.#stateRef,
      `${this.#stateRef}:${statePath(this.#scope)}`,
      this.#leaseRef,
      `${this.#leaseRef}:${LEASE_PATH}`,
    ]);
    return {
      stateCommit: stateCommit?.id,
      state: state && { id: state.id, text: state.content.toString('utf8') },
      leaseCommit: leaseCommit?.id,
      lease: lease && parseLease(lease.content.toString('utf8'), { ref: this.#leaseRef, path: LEASE_PATH }),
    };
  }

  /** files returns the text of `paths` at a commit of the state branch; undefined for what is not there. */
  async files(commit: string, paths: readonly string[]): Promise<(string | undefined)[]> {
    const objects = await this.#repository.read(paths.map((path) => `${commit}:${path}`));
    return objects.map((object) => object?.content.toString('utf8'));
  }

  /** list returns the names in a folder at a commit of the state branch; none where there is no such folder. */
  async list(commit: string, folder: string): Promise<string[]> {
    const [tree] = await this.#repository.read([`${commit}:${folder}`]);
    return tree?.type === 'tree' ? namesInTree(tree.content, this.#repository.objectFormat) : [];
  }

  /**
   * prepare writes the commits of `advance` on top of `tip`, in the scratch repository only: one process.
   * It throws when a file that is written once stands there with another content. A change that changes no
   * file makes no commit on the state branch.
   */
  async prepare(tip: Tip, advance: Advance): Promise<Prepared> {
    const format = this.#repository.objectFormat;
    const state =
      advance.state === undefined ? tip.state : { id: blobId(advance.state, format), text: advance.state };
    const files = new Map([...(advance.files ?? []), ...(advance.immutable ?? [])]);
    if (state !== undefined && state.id !== tip.state?.id) files.set(statePath(this.#scope), state.text);
    const isFirst = files.size > 0 && tip.stateCommit === undefined;
    if (isFirst) files.set(README_PATH, readmeOf(this.name));
    const lease: Lease = { ...advance.lease, state: state?.id };

    const leaseDraft: CommitDraft = {
      // A child of the lease before: a remote that denies non-fast-forward pushes takes it too.
      parent: tip.leaseCommit,
      message: leaseMessage(this.#scope, lease),
      files: new Map([[LEASE_PATH, formatJson(lease)]]),
    };
    const stateDraft: CommitDraft = {
      parent: tip.stateCommit,
      message: advance.message ?? '',
      files,
      removed: advance.removed ?? [],
    };
    const drafts = files.size === 0 ? [leaseDraft] : [leaseDraft, stateDraft];
    const [leaseCommit, stateCommit] = await this.#repository.write(drafts, advance.signature);
    if (leaseCommit === undefined) throw new Error('the lease commit was not written');

    for (const [path, text] of advance.immutable ?? []) {
      const before = stateCommit?.before.get(path);
      if (before !== undefined && before !== blobId(text, format)) {
        throw new Error(`${path} on ${this.name} is already written, with another content`);
      }
    }
    const isChanged = [...files].some(
      ([path, text]) => stateCommit?.before.get(path) !== blobId(text, format),
    );
    const newState = isChanged ? stateCommit?.id : undefined;
    const moves: RefMove[] = [{ ref: this.#leaseRef, expected: tip.leaseCommit, to: leaseCommit.id }];
    if (newState !== undefined) moves.push({ ref: this.#stateRef, expected: tip.stateCommit, to: newState });
    return {
      tip: { stateCommit: newState ?? tip.stateCommit, state, leaseCommit: leaseCommit.id, lease },
      moves,
    };
  }

  /**
   * prepareNote is prepare for files beside the state, which need no lease: the state branch alone moves. Files are
   * replaced where they are there already.
   */
  async prepareNote(tip: Tip, note: Note): Promise<Prepared> {
    const files = new Map(note.files);
    if (tip.stateCommit === undefined) files.set(README_PATH, readmeOf(this.name));
    const draft: CommitDraft = {
      parent: tip.stateCommit,
      message: note.message,
      files,
      removed: note.removed ?? [],
    };
    const [commit] = await this.#repository.write([draft], note.signature);
    if (commit === undefined) throw new Error('the commit of a note was not written');
    return {
      tip: { ...tip, stateCommit: commit.id },
      moves: [{ ref: this.#stateRef, expected: tip.stateCommit, to: commit.id }],
    };
  }

  /** push moves the refs of `prepared`, all or none: one process, one round trip. See ScratchRepository.push. */
  push(prepared: Prepared): Promise<PushOutcome> {
    return this.#repository.push(prepared.moves);
  }

  /** refused returns the UserError for a push to which the remote said `said`. */
  refused(said: string): UserError {
    return this.#repository.refused(said);
  }

  /** close removes what was fetched and written on this machine. */
  close(): Promise<void> {
    return this.#repository.close();
  }
}

/** statePath returns where the state of an environment stands on the state branch. */
export function statePath(scope: Scope): string {
  return `state/${scope.project}/${scope.environment}.json`;
}

/** releasesFolder returns where the releases of a service stand on the state branch. It throws on a name it cannot hold. */
export function releasesFolder(scope: Scope, service: string): string {
  checkName('service', service);
  return `releases/${scope.project}/${scope.environment}/${service}`;
}

/** releasePath returns where a release stands on the state branch. It throws on a name or number it cannot hold. */
export function releasePath(scope: Scope, service: string, number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${number} is no release number`);
  return `${releasesFolder(scope, service)}/${number}.json`;
}

/** receiptsFolder returns where the receipts of a service's backups stand on the state branch. It throws on a name it cannot hold. */
export function receiptsFolder(scope: Scope, service: string): string {
  checkName('service', service);
  return `backups/${scope.project}/${scope.environment}/${service}`;
}

/** receiptPath returns where the receipt of a backup stands on the state branch. */
export function receiptPath(scope: Scope, service: string, id: string): string {
  return `${receiptsFolder(scope, service)}/${id}.json`;
}

/** restoresFolder returns where the restores of a service stand on the state branch. It throws on a name it cannot hold. */
export function restoresFolder(scope: Scope, service: string): string {
  checkName('service', service);
  return `restores/${scope.project}/${scope.environment}/${service}`;
}

/** restorePath returns where a restore stands on the state branch. */
export function restorePath(scope: Scope, service: string, id: string): string {
  return `${restoresFolder(scope, service)}/${id}.json`;
}

function leaseMessage({ project, environment }: Scope, lease: Lease): string {
  const what = lease.released ? 'released' : 'held';
  return `${project} ${environment}: lease ${lease.fence} ${what} by ${lease.holder}\n\nRun: ${lease.run}\n`;
}

function readmeOf(branch: string): string {
  return `# What runs where

This branch is written by Switchyard after every deploy. It has no code and is never merged.

- \`state/<project>/<environment>.json\`: what runs on which server now, since when, by which run
- \`releases/<project>/<environment>/<service>/<n>.json\`: everything needed to run that release again; written once
- \`backups/<project>/<environment>/<service>/<id>.json\`: the receipt of a backup, and when it was last restored
- \`restores/<project>/<environment>/<service>/<id>.json\`: what a restore has replaced, for as long as it is kept
- \`secrets/<project>/<environment>.json\`: copies of generated secrets, each encrypted with age for who may open it

The history of production: \`git fetch origin ${branch} && git log -p FETCH_HEAD -- state\`

Nothing here routes traffic: a lost or edited file loses no request, and the next run reports the difference.
`;
}

function checkBranch(branch: string): void {
  if (isRefName(branch) && branch !== 'HEAD' && !branch.startsWith('refs/')) return;
  throw new UserError(`${JSON.stringify(branch)} is no name for the state branch`, {
    hint: 'Use letters, digits, `-`, `_`, `.` and `/`, for example `switchyard-state`.',
  });
}
