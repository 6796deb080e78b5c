import type { BackupReceipt, RestoreReceipt } from '../../model/backup.ts';
import type { Clock } from '../../model/clock.ts';
import type { Scope } from '../../model/names.ts';
import type { Author, HookProgress } from '../../model/release.ts';
import type { HeldLease } from '../../state/held-lease.ts';
import { historyMessage } from '../../state/history.ts';
import type { SealedSecrets } from '../../state/sealed-secrets.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { Store } from '../../state/store.ts';
import type { WantedService } from '../planning/wanted.ts';
import type { RecordGeneratedStep } from '../steps/generated-secrets.ts';
import type { HookStep } from '../steps/hook.ts';
import type { BegunService } from '../steps/record-intent.ts';
import { recordHook } from './hook-record.ts';
import type { Draining, RunOutcome } from './outcome.ts';
import {
  begunChanges,
  historyOf,
  recordDrain,
  recordIntent,
  recordOutcome,
  recordReached,
  releaseOf,
} from './record.ts';
import type { Expired } from './retention.ts';

/** A run that drains without the lease says this often in the record that it lives. */
export const DRAIN_SIGN_OF_LIFE_MS = 10 * 60_000;
/** How long a run that is over waits for the lease to say so. */
const RECORD_DRAIN_MS = 60_000;

/** What a journal needs. */
export interface JournalOptions {
  scope: Scope;
  author: Author;
  /** A dry run reads only, and takes no lease. */
  isReadOnly: boolean;
  /** How long to wait while another run holds the lease. */
  leaseWaitMs: number;
  signal: AbortSignal;
  clock: Clock;
}

/** Journal is the record of one environment as a run reads and writes it, and the lease under which it does. */
export class Journal {
  readonly #store: Store;
  readonly #options: JournalOptions;
  /** Services whose release is written already. */
  readonly #written = new Set<string>();
  #snapshot: Snapshot;
  #lease: HeldLease | undefined;

  private constructor(
    store: Store,
    options: JournalOptions,
    snapshot: Snapshot,
    lease: HeldLease | undefined,
  ) {
    this.#store = store;
    this.#options = options;
    this.#snapshot = snapshot;
    this.#lease = lease;
  }

  /**
   * open reads the record and takes the lease, waiting while another run holds it. `meanwhile` looks around as soon as
   * nobody holds it, see `AcquireOptions`: what it returns comes along.
   */
  static async open<Seen>(
    opening: Promise<Store>,
    options: JournalOptions,
    meanwhile?: (snapshot: Snapshot) => Seen,
  ): Promise<{ journal: Journal; seen: Seen | undefined }> {
    const store = await opening;
    try {
      if (options.isReadOnly) {
        return { journal: new Journal(store, options, await store.read(), undefined), seen: undefined };
      }
      const { leaseWaitMs, signal } = options;
      const { snapshot, lease, seen } = await acquire(store, leaseWaitMs, signal, meanwhile);
      return { journal: new Journal(store, options, snapshot, lease), seen };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** What is recorded, as of the last time that this run took the lease or wrote. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The lease; undefined in a dry run. */
  get lease(): HeldLease | undefined {
    return this.#lease;
  }

  /** release gives the lease back, so that other runs can go on. */
  async release(): Promise<void> {
    await this.#lease?.release();
  }

  /** reopen takes the lease again and reads what is recorded by now. */
  async reopen(): Promise<void> {
    const { leaseWaitMs, signal } = this.#options;
    const { snapshot, lease } = await acquire(this.#store, leaseWaitMs, signal);
    this.#snapshot = snapshot;
    this.#lease = lease;
  }

  /** intend records the releases that are about to start. */
  async intend(begun: readonly BegunService[], digests: ReadonlyMap<string, string>): Promise<void> {
    const { scope, author } = this.#options;
    const now = this.#now();
    const services = begun.map(({ service }) => service);
    await this.#commit(
      (state) => recordIntent(state, begun, author, now),
      historyMessage(scope, begunChanges(begun)),
      { releases: this.#newReleases(services, digests, now) },
    );
    for (const { name } of services) this.#written.add(name);
  }

  /** conclude records what a run achieved, gives up releases that are `expired`, and gives the lease back, in one push. */
  async conclude(
    outcome: RunOutcome,
    isMultiServer: boolean,
    digests: ReadonlyMap<string, string>,
    expired: Expired['releases'],
  ): Promise<void> {
    const { scope, author } = this.#options;
    const now = this.#now();
    const services = outcome.achieved.map(({ service }) => service);
    await this.#commit(
      (state) => recordOutcome(state, outcome, isMultiServer, author, now),
      historyMessage(scope, historyOf(outcome)),
      { releases: this.#newReleases(services, digests, now), expired, lease: 'release' },
    );
  }

  /** reaches records that servers are about to be changed which earlier runs have left out. */
  async reaches(servers: readonly string[]): Promise<void> {
    const { project, environment } = this.#options.scope;
    await this.#commit(
      (state) => recordReached(state, servers),
      { subject: `${project} ${environment}: ${servers.join(', ')} reached again` },
      {},
    );
  }

  /** notes records how far a hook came. */
  async notes(step: HookStep, progress: HookProgress): Promise<void> {
    const { project, environment } = this.#options.scope;
    const { service, hook, release } = step;
    await this.#commit(
      (state) => recordHook(state, step, progress),
      { subject: `${project} ${environment}: ${service} ${hook} of ${release} ${progress}` },
      {},
    );
  }

  /** notesGenerated records which generated secrets there are, with encrypted copies of some, in one push. */
  async notesGenerated({ secrets }: RecordGeneratedStep, sealed: SealedSecrets): Promise<void> {
    const { project, environment } = this.#options.scope;
    const names = [...new Set([...Object.keys(secrets), ...Object.keys(sealed)])].sort().join(', ');
    const before = await this.#snapshot.sealedSecrets();
    await this.#commit(
      (state) => ({ ...state, generated_secrets: { ...state.generated_secrets, ...secrets } }),
      { subject: `${project} ${environment}: secret ${names} is kept` },
      Object.keys(sealed).length === 0 ? {} : { sealedSecrets: { ...before, ...sealed } },
    );
  }

  /** drains records, under a lease of its own, that old copies still drain, or are gone. */
  async drains(copies: readonly Draining[], isOver: boolean): Promise<void> {
    const { clock, scope } = this.#options;
    const { project, environment } = scope;
    const containers = copies.map(({ name }) => name);
    const until = isOver ? undefined : signOfLife(clock);
    // Also when the run was cancelled: else its containers would be taken for draining for minutes.
    const timeoutMs = isOver ? RECORD_DRAIN_MS : DRAIN_SIGN_OF_LIFE_MS / 4;
    await acquire(this.#store, timeoutMs, new AbortController().signal);
    const services = [...new Set(copies.map(({ service }) => service))].join(', ');
    await this.#commit(
      (state) => recordDrain(state, containers, until),
      { subject: `${project} ${environment}: ${services} ${isOver ? 'drained' : 'still drains'}` },
      { lease: 'release' },
    );
  }

  /** keepReceipts writes receipts of backups, for which no lease is needed; `what` is for the history. */
  async keepReceipts(receipts: readonly BackupReceipt[], what: string, author: Author): Promise<void> {
    await this.#note({ receipts }, what, author);
  }

  /** forgetReceipts takes the receipts of backups away that are gone; `what` is for the history. */
  async forgetReceipts(gone: readonly BackupReceipt[], what: string, author: Author): Promise<void> {
    await this.#note({ gone }, what, author);
  }

  /** keepRestores writes restores, and takes those away that have left nothing, as keepReceipts does. */
  async keepRestores(
    { restores, ended }: { restores: readonly RestoreReceipt[]; ended: readonly RestoreReceipt[] },
    what: string,
    author: Author,
  ): Promise<void> {
    await this.#note({ restores, ended }, what, author);
  }

  /** close gives the lease back when it is still held. */
  async close(): Promise<void> {
    await this.#store.close();
  }

  async #note(
    change: Omit<Parameters<Store['keepReceipts']>[0], 'message'>,
    what: string,
    { run, actor }: Author,
  ): Promise<void> {
    const { project, environment } = this.#options.scope;
    const message = { subject: `${project} ${environment}: ${what}`, trailers: { Run: run, Actor: actor } };
    this.#snapshot = await this.#store.keepReceipts({ ...change, message });
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }

  #newReleases(services: readonly WantedService[], digests: ReadonlyMap<string, string>, now: Date) {
    const { scope, author } = this.#options;
    return services
      .filter(({ name, release }) => release.isNew && !this.#written.has(name))
      .map((service) => releaseOf(scope, service, digests.get(service.name), author, now));
  }

  async #commit(
    state: Parameters<Store['commit']>[0]['state'],
    message: { subject: string; body?: string },
    more: Pick<Parameters<Store['commit']>[0], 'releases' | 'sealedSecrets' | 'expired' | 'lease'>,
  ): Promise<void> {
    const { run, actor, commit } = this.#options.author;
    const trailers = { Run: run, Actor: actor, Commit: commit };
    this.#snapshot = await this.#store.commit({ state, message: { ...message, trailers }, ...more });
  }
}

/** signOfLife returns until when a drain is believed to go on without another word. */
export function signOfLife(clock: Clock): string {
  return new Date(clock.now() + DRAIN_SIGN_OF_LIFE_MS).toISOString();
}

async function acquire<Seen = undefined>(
  store: Store,
  timeoutMs: number,
  signal: AbortSignal,
  meanwhile?: (snapshot: Snapshot) => Seen,
): Promise<{ lease: HeldLease; snapshot: Snapshot; seen: Seen | undefined }> {
  const taken = await store.acquire({ timeoutMs, signal, ...(meanwhile && { meanwhile }) });
  taken.lease.startHeartbeat();
  return taken;
}
