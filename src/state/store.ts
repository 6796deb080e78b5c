import { randomUUID } from 'node:crypto';
import { ScratchRepository } from '../git/scratch-repository.ts';
import type { NoWorkspace, Workspace } from '../git/workspace.ts';
import type { GitHubRun } from '../github/run.ts';
import type { BackupReceipt, RestoreReceipt } from '../model/backup.ts';
import { type Clock, systemClock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { checkName, type Scope } from '../model/names.ts';
import type { EnvironmentState, Release } from '../model/release.ts';
import { emptyState, keepUnknown, parseState } from './environment-file.ts';
import { HeldLease } from './held-lease.ts';
import { formatMessage, type HistoryMessage } from './history.ts';
import { formatJson } from './json-file.ts';
import { describeLease, LEASE_TIMINGS, type Lease, LeaseHeldError, type LeaseTimings } from './lease.ts';
import { type IsAlive, LeaseWatch } from './lease-watch.ts';
import { type LocalProcess, thisProcess } from './local-process.ts';
import { formatSealed, type SealedSecrets, sealedPath } from './sealed-secrets.ts';
import { Snapshot } from './snapshot.ts';
import {
  type Advance,
  receiptPath,
  releasePath,
  restorePath,
  StateBranch,
  statePath,
  type Tip,
} from './state-branch.ts';

/** What a store needs to know of the run that it reads and writes for. */
export interface StoreOptions {
  scope: Scope;
  run: Pick<GitHubRun, 'actor' | 'run' | 'runId' | 'runAttempt' | 'repository'>;
  /** The process that will hold the lease. */
  self: LocalProcess;
  clock: Clock;
  log: Log;
  /** Author of the commits. Default `switchyard`. */
  identity?: { name: string; email: string };
  /** Asks whether the run that holds a lease still goes on. */
  isAlive?: IsAlive;
  /** Told which lease was taken, and with undefined that it was given back. */
  onLease?: (id: string | undefined) => void;
  /** For tests. */
  timings?: Partial<LeaseTimings>;
  /** A number from 0 up to 1, by which pauses differ. Default `Math.random`. */
  random?: () => number;
}

/** What openStore needs to know. */
export interface OpenStoreOptions extends Omit<StoreOptions, 'run' | 'self' | 'clock'> {
  /** A folder in the repository whose remote keeps the state. */
  workspace: string;
  /** What git says of it, where it was asked already. */
  workspaceFacts?: Promise<Workspace | NoWorkspace>;
  /** Default `switchyard-state`. */
  branch?: string;
  /** Sent to `run.serverUrl` only, when the remote is there and speaks https. */
  token?: string;
  run: StoreOptions['run'] & Pick<GitHubRun, 'serverUrl'>;
  /** Default: the time of this machine. */
  clock?: Clock;
  /** The environment git runs in. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
}

/** How long to wait for a lease, and whom to tell. */
export interface AcquireOptions<Seen = undefined> {
  /** Called at every look, about every 2 s, while another run holds the lease. */
  onWait?: (holder: Lease, waitedMs: number) => void;
  /** Default 15 min. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /**
   * Looks around while the lease is being taken that nobody holds, by what is recorded. The lease is taken only if it has
   * not moved since then: so what is seen from here on is what is seen under it. After a holder that has died nobody looks.
   */
  meanwhile?: (snapshot: Snapshot) => Seen;
}

/** A change of the state. */
export interface Change {
  /**
   * Pure: returns the new state for the present one. Called again when another environment wrote at the
   * same time.
   */
  state: (current: EnvironmentState) => EnvironmentState;
  /** Written once; the same release again is fine, another one under the same number is an error. */
  releases?: readonly Release[];
  /** Encrypted copies of generated secrets, all that there shall be. */
  sealedSecrets?: SealedSecrets;
  /** Releases that are kept no longer: they go from the branch's tip, its history keeps them. */
  expired?: readonly Pick<Release, 'service' | 'number'>[];
  message: HistoryMessage;
  /** `renew` (default) or `release`. The lease moves with every write: a ref that does not move is not compared. */
  lease?: 'renew' | 'release';
}

/** What becomes of receipts. */
export interface ReceiptChange {
  receipts?: readonly BackupReceipt[];
  /** Of backups that the repository has no more. */
  gone?: readonly Pick<BackupReceipt, 'service' | 'id'>[];
  restores?: readonly RestoreReceipt[];
  /** Restores that have left nothing to be told of. */
  ended?: readonly Pick<RestoreReceipt, 'service' | 'id'>[];
  message: HistoryMessage;
}

/** A lease that was just taken, and the state as it is under it. */
interface Taken<Seen = undefined> {
  lease: HeldLease;
  snapshot: Snapshot;
  /** What was seen while it was taken; undefined where nobody looked. */
  seen: Seen | undefined;
}

const BRANCH = 'switchyard-state';
const IDENTITY = { name: 'switchyard', email: 'switchyard@users.noreply.github.com' };
const WAIT_MS = 15 * 60_000;
/** Each lost race means that another environment got through, so this many may write at once. */
const RACES_MAX = 20;
/** While waiting for a lease, a line of log at most this often. */
const TELL_EVERY_MS = 10_000;

/**
 * openStore opens the record of one environment. Nothing is fetched yet. It throws a UserError when there
 * is no git, no repository, or a name is not allowed. Close it.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { scope, run, branch = BRANCH, clock = systemClock } = options;
  checkName('project', scope.project);
  checkName('environment', scope.environment);
  const [repository, self] = await Promise.all([
    ScratchRepository.open({
      workspace: options.workspace,
      workspaceFacts: options.workspaceFacts,
      branch,
      token: options.token,
      serverUrl: run.serverUrl,
      env: options.env ?? process.env,
    }),
    thisProcess(),
  ]);
  try {
    return new Store(new StateBranch(repository, scope, branch), { ...options, self, clock });
  } catch (error) {
    await repository.close();
    throw error;
  }
}

/**
 * Store reads and writes the state of one environment, by compare-and-swap on the state branch and the
 * lease ref, always both in one atomic push.
 *
 * git processes and round trips: read 2 and 1; acquire 4 and 2 (its snapshot needs no read); commit 2 and
 * 1; release 2 and 1; each lost race 4 and 2 more. A deploy is open (3 and 0), acquire, a commit before and
 * one after that also releases: 11 processes, 4 round trips. Against a bare repository on the same disk that
 * was 17 + 80 + 75 + 60 ms (medians on a busy 2-core machine), at best 9 + 48 + 35 + 33; most of the
 * difference is the remote writing its objects to disk.
 */
export class Store {
  readonly #branch: StateBranch;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #timings: LeaseTimings;
  /** The end of all work that has begun so far. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  #tip: Tip | undefined;
  #held: HeldLease | undefined;

  constructor(branch: StateBranch, options: StoreOptions) {
    this.#branch = branch;
    this.#options = options;
    this.#clock = options.clock;
    this.#timings = { ...LEASE_TIMINGS, ...options.timings };
  }

  /** Where the state is kept, without credentials: for logs. */
  get location(): string {
    return this.#branch.location;
  }

  /** read fetches and returns what is recorded now. It needs no lease. */
  read(): Promise<Snapshot> {
    return this.#inTurn(async () => this.#snapshot(await this.#branch.fetch()));
  }

  /**
   * acquire takes the lease, waiting while another run holds it, and returns it with the state as it is
   * under the lease. A dead holder's lease is taken over: its end passed, its process or run has ended.
   * It throws LeaseHeldError after `timeoutMs`, and the reason of `signal` when that is aborted.
   */
  async acquire<Seen = undefined>({
    onWait,
    timeoutMs = WAIT_MS,
    signal,
    meanwhile,
  }: AcquireOptions<Seen> = {}): Promise<Taken<Seen>> {
    if (this.#held !== undefined && !this.#held.isReleased && !this.#held.lost.aborted) {
      throw new Error('this store holds the lease already');
    }
    const { scope, log, self, isAlive } = this.#options;
    const clock = signal === undefined ? this.#clock : this.#clock.endingWith(signal);
    const watch = new LeaseWatch({ self, isAlive, clock, timings: this.#timings });
    const started = clock.now();
    let toldAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      signal?.throwIfAborted();
      const found = await this.#tryToTake(watch, clock, meanwhile);
      if ('snapshot' in found) return found;
      const { heldBy } = found;
      const waitedMs = clock.now() - started;
      if (waitedMs >= timeoutMs) throw new LeaseHeldError(scope, heldBy, waitedMs);
      onWait?.(heldBy, waitedMs);
      if (waitedMs - toldAt >= TELL_EVERY_MS) {
        toldAt = waitedMs;
        log.info(`${nameOf(scope)} is being changed by ${describeLease(heldBy)}; waiting`);
      }
      await clock.sleep(Math.min(this.#jitter(this.#timings.pollMs), timeoutMs - waitedMs));
    }
  }

  /**
   * commit writes a change of the state, and renews or releases the lease with it. It throws LeaseLostError,
   * and nothing is written, when another run holds the lease. A change that changes no file writes only the
   * lease.
   */
  commit(change: Change): Promise<Snapshot> {
    return this.#inTurn(async () => {
      const immutable = new Map(
        (change.releases ?? []).map((release) => {
          const { project, environment, service, number } = release;
          return [releasePath({ project, environment }, service, number), formatJson(release)];
        }),
      );
      const { scope } = this.#options;
      const { sealedSecrets } = change;
      const files = new Map(
        sealedSecrets === undefined ? [] : [[sealedPath(scope), formatSealed(scope, sealedSecrets)]],
      );
      const removed = (change.expired ?? []).map(({ service, number }) =>
        releasePath(scope, service, number),
      );
      const tip = await this.#advance(change.lease === 'release', (current) => {
        const before = this.#stateOf(current);
        const after = keepUnknown(before, change.state(structuredClone(before)));
        return {
          state: formatJson(after),
          files,
          immutable,
          removed,
          message: formatMessage(change.message),
        };
      });
      return this.#snapshot(tip);
    });
  }

  /**
   * keepReceipts writes receipts of backups and restores, and takes those away of what is gone. It needs no lease and disturbs
   * nobody who holds it: the state branch alone moves.
   */
  keepReceipts({
    receipts = [],
    gone = [],
    restores = [],
    ended = [],
    message,
  }: ReceiptChange): Promise<Snapshot> {
    const { scope } = this.#options;
    const files = new Map([
      ...receipts.map((one) => [receiptPath(scope, one.service, one.id), formatJson(one)] as const),
      ...restores.map((one) => [restorePath(scope, one.service, one.id), formatJson(one)] as const),
    ]);
    const removed = [
      ...gone.map(({ service, id }) => receiptPath(scope, service, id)),
      ...ended.map(({ service, id }) => restorePath(scope, service, id)),
    ];
    return this.#inTurn(async () => {
      for (let races = 0; ; races++) {
        const tip = await this.#branch.fetch();
        const note = { files, removed, message: formatMessage(message), signature: this.#signature() };
        const prepared = await this.#branch.prepareNote(tip, note);
        const outcome = await this.#branch.push(prepared);
        if (outcome === 'moved') return this.#snapshot(prepared.tip);
        if (races >= RACES_MAX) throw this.#branch.refused(outcome.raced);
        await this.#clock.sleep(this.#jitter(20 * (races + 1)));
      }
    });
  }

  /**
   * releaseLeft gives back a lease by its id, when it is held still: its run was killed. It tells whether there was
   * anything to give back.
   */
  releaseLeft(id: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const tip = await this.#branch.fetch();
      if (tip.lease?.id !== id || tip.lease.released) return false;
      const lease: Lease = { ...tip.lease, end: isoTime(this.#clock.now()), released: true };
      const prepared = await this.#branch.prepare(tip, { lease, signature: this.#signature() });
      return (await this.#branch.push(prepared)) === 'moved';
    });
  }

  /** close gives the lease back when it is still held, and removes what was written on this machine. */
  async close(): Promise<void> {
    await this.#held?.release();
    await this.#inTurn(() => this.#branch.close());
  }

  /** Takes the lease, again when other runs were faster, or returns that of a holder that lives. */
  async #tryToTake<Seen>(
    watch: LeaseWatch,
    clock: Clock,
    meanwhile: AcquireOptions<Seen>['meanwhile'],
  ): Promise<Taken<Seen> | { heldBy: Lease }> {
    let doubted: string | undefined;
    for (let races = 0; ; ) {
      const tip = await this.#inTurn(() => this.#branch.fetch());
      const { heldBy, dead } = await watch.look(tip.lease, tip.leaseCommit);
      if (heldBy !== undefined) return { heldBy };
      // The two refs were seen at different moments, or a person edited the file: look once more.
      if (tip.lease !== undefined && tip.lease.state !== tip.state?.id && doubted !== tip.leaseCommit) {
        doubted = tip.leaseCommit;
        continue;
      }
      // A damaged file shows now, and not when the lease is held.
      this.#stateOf(tip);
      const seen = dead === undefined ? meanwhile?.(this.#snapshot(tip)) : undefined;
      const taken = await this.#inTurn(() => this.#take(tip));
      if ('snapshot' in taken) {
        if (tip.lease !== undefined && dead !== undefined) this.#tellTakeover(tip.lease, dead);
        return { ...taken, seen };
      }
      races++;
      if (races > RACES_MAX) throw this.#branch.refused(taken.raced);
      // Somebody else holds it now, or the remote was busy: a short breath only.
      await clock.sleep(this.#jitter(this.#timings.pollMs / 20));
    }
  }

  #tellTakeover(lease: Lease, dead: string): void {
    const { scope, log } = this.#options;
    log.warning(`taking over the lease of ${nameOf(scope)}: ${dead} (${describeLease(lease)})`);
  }

  /** Moves the lease ref from `tip` to a lease of ours, or tells that another run was faster. */
  async #take(tip: Tip): Promise<Omit<Taken, 'seen'> | { raced: string }> {
    const { scope, log, run, self } = this.#options;
    const at = this.#clock.now();
    const record: Lease = {
      schema: 1,
      id: randomUUID(),
      holder: run.actor,
      run: run.run,
      run_id: run.runId,
      run_attempt: run.runAttempt,
      repository: run.repository,
      ...self.identity,
      taken_at: isoTime(at),
      end: isoTime(at + this.#timings.ttlMs),
      fence: (tip.lease?.fence ?? 0) + 1,
      released: false,
    };
    const prepared = await this.#branch.prepare(tip, { lease: record, signature: this.#signature() });
    const outcome = await this.#branch.push(prepared).catch((error) => this.#arrival(prepared.tip, error));
    if (outcome !== 'moved') return outcome;
    this.#tip = prepared.tip;
    this.#options.onLease?.(record.id);
    const keeper = {
      renew: () => this.#inTurn(async () => this.#leaseOf(await this.#advance(false))),
      release: () => this.#inTurn(async () => void (await this.#advance(true))),
    };
    const surroundings = { scope, log, clock: this.#clock, timings: this.#timings };
    this.#held = new HeldLease(keeper, prepared.tip.lease ?? record, surroundings);
    return { lease: this.#held, snapshot: this.#snapshot(prepared.tip) };
  }

  /** A push can arrive and its answer get lost: 'moved' when `tip` stands there. Else it throws what the push failed with. */
  async #arrival(tip: Tip, failure: unknown): Promise<'moved'> {
    const seen = await this.#branch.fetch().catch(() => undefined);
    if (seen?.leaseCommit === tip.leaseCommit) return 'moved';
    throw failure;
  }

  /**
   * advance pushes the lease, and with it what `change` makes of the present state, until it gets through.
   * Another environment's write moves the state branch only: fetched, applied anew and tried again. When
   * the lease has moved it is not ours any more: stop.
   */
  async #advance(
    isReleased: boolean,
    change: (tip: Tip) => Pick<Advance, 'state' | 'files' | 'immutable' | 'removed' | 'message'> = () => ({}),
  ): Promise<Tip> {
    const held = this.#held;
    let tip = this.#tip;
    if (held === undefined || tip === undefined) throw new Error('the lease must be acquired before writing');
    for (let races = 0; ; races++) {
      held.assertHeld();
      const end = isoTime(this.#clock.now() + (isReleased ? 0 : this.#timings.ttlMs));
      const lease: Lease = { ...held.record, end, released: isReleased };
      const prepared = await this.#branch.prepare(tip, {
        lease,
        signature: this.#signature(),
        ...change(tip),
      });
      const outcome = await this.#branch.push(prepared).catch((failure: unknown) => ({ failure }));
      if (outcome === 'moved') return this.#arrived(held, prepared.tip);
      let failure: unknown;
      if ('failure' in outcome) failure = outcome.failure;
      else if (races >= RACES_MAX) failure = this.#branch.refused(outcome.raced);
      const seen = await this.#branch.fetch().catch((error: unknown) => {
        throw failure ?? error;
      });
      // A push can arrive and its answer get lost, this one or one before it.
      if (seen.leaseCommit === prepared.tip.leaseCommit) return this.#arrived(held, prepared.tip);
      const isOurs = seen.lease?.id === held.record.id && !seen.lease.released;
      if (seen.leaseCommit !== tip.leaseCommit && !isOurs) throw held.lose(seen.lease);
      if (failure !== undefined) throw failure;
      // Somebody has deleted the branch: what it said of all services is still known here.
      tip = seen.stateCommit === undefined ? { ...seen, state: tip.state } : seen;
      await this.#clock.sleep(this.#jitter(20 * (races + 1)));
    }
  }

  #arrived(held: HeldLease, tip: Tip): Tip {
    this.#tip = tip;
    const lease = this.#leaseOf(tip);
    held.written(lease);
    if (lease.released) this.#options.onLease?.(undefined);
    return tip;
  }

  #leaseOf(tip: Tip): Lease {
    if (tip.lease === undefined) throw new Error('there is no lease where one was written');
    return tip.lease;
  }

  #stateOf(tip: Tip): EnvironmentState {
    const { scope } = this.#options;
    if (tip.state === undefined) return emptyState(scope);
    return parseState(tip.state.text, { ref: this.#branch.name, path: statePath(scope) });
  }

  #snapshot(tip: Tip): Snapshot {
    return new Snapshot({
      state: this.#stateOf(tip),
      commit: tip.stateCommit,
      lease: tip.lease,
      scope: this.#options.scope,
      branch: this.#branch,
    });
  }

  #signature(): { name: string; email: string; at: Date } {
    return { ...(this.#options.identity ?? IDENTITY), at: new Date(this.#clock.now()) };
  }

  /** Between half and one and a half of `ms`, so that two that met once do not meet again. */
  #jitter(ms: number): number {
    return ms * (0.5 + (this.#options.random ?? Math.random)());
  }

  /**
   * Starts `work` when all earlier work has ended, well or not. A heartbeat and a commit move the same ref: side by
   * side they would only race each other.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#lastTurn.then(work, work);
    this.#lastTurn = next.catch(() => undefined);
    return next;
  }
}

function nameOf({ project, environment }: Scope): string {
  return `${project} ${environment}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
