import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScratchRepository } from '../git/scratch-repository.ts';
import type { RunContext } from '../github/context.ts';
import type { Log } from '../model/log.ts';
import { checkName, type Scope } from '../model/names.ts';
import type { EnvironmentState, Release } from '../model/release.ts';
import { emptyState, formatState, keepUnknown, parseState } from './environment-file.ts';
import { HeldLease } from './held-lease.ts';
import { formatMessage, type HistoryMessage } from './history.ts';
import { describeLease, LEASE_TIMINGS, type Lease, type LeaseTimings } from './lease.ts';
import { LeaseHeldError } from './lease-errors.ts';
import { type IsAlive, LeaseWatch } from './lease-wait.ts';
import { type LocalProcess, thisProcess } from './local-process.ts';
import { releasePath, statePath } from './paths.ts';
import { formatRelease } from './release-file.ts';
import { Serial } from './serial.ts';
import { Snapshot } from './snapshot.ts';
import { type Advance, StateBranch, type Tip } from './state-branch.ts';

/** What a store needs to know. */
export interface StoreOptions {
  /** A folder in the repository whose remote keeps the state. */
  workspace: string;
  /** Default `switchyard-state`. */
  branch?: string;
  scope: Scope;
  /** Sent to `run.serverUrl` only, when the remote is there and speaks https. */
  token?: string;
  run: Pick<RunContext, 'actor' | 'run' | 'runId' | 'runAttempt' | 'repository' | 'serverUrl'>;
  log: Log;
  now: () => Date;
  /** Author of the commits. Default `switchyard`. */
  identity?: { name: string; email: string };
  /** The environment git runs in. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
  /** Asks whether the run that holds a lease still goes on. */
  isAlive?: IsAlive;
  /** Told which lease was taken, and with undefined that it was given back. */
  onLease?: (id: string | undefined) => void;
  /** For tests. */
  timings?: Partial<LeaseTimings>;
}

/** How long to wait for a lease, and whom to tell. */
export interface AcquireOptions {
  /** Called at every look, about every 2 s, while another run holds the lease. */
  onWait?: (holder: Lease, waitedMs: number) => void;
  /** Default 15 min. */
  timeoutMs?: number;
  signal?: AbortSignal;
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
  /** Releases that are kept no longer: they go from the branch's tip, its history keeps them. */
  expired?: readonly Pick<Release, 'service' | 'number'>[];
  message: HistoryMessage;
  /** `renew` (default) or `release`. The lease moves with every write: a ref that does not move is not compared. */
  lease?: 'renew' | 'release';
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
export async function openStore(options: StoreOptions): Promise<Store> {
  checkName('project', options.scope.project);
  checkName('environment', options.scope.environment);
  const branch = options.branch ?? BRANCH;
  const [repository, self] = await Promise.all([
    ScratchRepository.open({
      workspace: options.workspace,
      branch,
      token: options.token,
      serverUrl: options.run.serverUrl,
      env: options.env ?? process.env,
    }),
    thisProcess(),
  ]);
  try {
    return new Store(options, repository, new StateBranch(repository, options.scope, branch), self);
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
  readonly #options: StoreOptions;
  readonly #repository: ScratchRepository;
  readonly #branch: StateBranch;
  readonly #branchName: string;
  readonly #self: LocalProcess;
  readonly #timings: LeaseTimings;
  readonly #serial = new Serial();
  #tip: Tip | undefined;
  #held: HeldLease | undefined;

  /** @internal openStore makes it. */
  constructor(options: StoreOptions, repository: ScratchRepository, branch: StateBranch, self: LocalProcess) {
    this.#options = options;
    this.#repository = repository;
    this.#branch = branch;
    this.#branchName = options.branch ?? BRANCH;
    this.#self = self;
    this.#timings = { ...LEASE_TIMINGS, ...options.timings };
  }

  /** Where the state is kept, without credentials: for logs. */
  get location(): string {
    return `${this.#repository.remote.url} ${this.#branchName}`;
  }

  /** read fetches and returns what is recorded now. It needs no lease. */
  read(): Promise<Snapshot> {
    return this.#serial.run(async () => this.#snapshot(await this.#branch.fetch()));
  }

  /**
   * acquire takes the lease, waiting while another run holds it, and returns it with the state as it is
   * under the lease. A dead holder's lease is taken over: its end passed, its process or run has ended.
   * It throws LeaseHeldError after `timeoutMs`, and the reason of `signal` when that is aborted.
   */
  async acquire(options: AcquireOptions = {}): Promise<{ lease: HeldLease; snapshot: Snapshot }> {
    const { scope, log, now } = this.#options;
    const watch = new LeaseWatch({
      self: this.#self,
      isAlive: this.#options.isAlive,
      now,
      timings: this.#timings,
    });
    if (this.#held !== undefined && !this.#held.isReleased && !this.#held.lost.aborted) {
      throw new Error('this store holds the lease already');
    }
    const started = performance.now();
    const timeoutMs = options.timeoutMs ?? WAIT_MS;
    let toldAt = Number.NEGATIVE_INFINITY;
    let doubted: string | undefined;
    let races = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      const tip = await this.#serial.run(() => this.#branch.fetch());
      const takeable = await watch.look(tip.lease, tip.leaseCommit);
      if (takeable !== undefined) {
        // The two refs were seen at different moments, or a person edited the file: look once more.
        if (tip.lease?.state !== tip.state?.id && tip.lease !== undefined && doubted !== tip.leaseCommit) {
          doubted = tip.leaseCommit;
          continue;
        }
        // A damaged file shows now, and not when the lease is held.
        this.#stateOf(tip);
        const taken = await this.#serial.run(() => this.#take(tip));
        if ('raced' in taken) {
          races++;
          if (races > RACES_MAX) throw this.#repository.refused(taken.raced);
        } else {
          if (typeof takeable === 'object' && tip.lease !== undefined) {
            log.warning(
              `taking over the lease of ${scope.project} ${scope.environment}: ${takeable.dead} (${describeLease(tip.lease)})`,
            );
          }
          return taken;
        }
      }
      const waitedMs = performance.now() - started;
      if (takeable === undefined && tip.lease !== undefined) {
        if (waitedMs >= timeoutMs) throw new LeaseHeldError(scope, tip.lease, waitedMs);
        options.onWait?.(tip.lease, waitedMs);
        if (waitedMs - toldAt >= TELL_EVERY_MS) {
          toldAt = waitedMs;
          log.info(
            `${scope.project} ${scope.environment} is being changed by ${describeLease(tip.lease)}; waiting`,
          );
        }
      }
      // After a lost race somebody else holds it now, or the remote was busy: a short breath only.
      const pause = takeable === undefined ? this.#timings.pollMs : this.#timings.pollMs / 20;
      const left = Math.max(timeoutMs - waitedMs, 10);
      await sleep(jitter(Math.min(pause, left)), undefined, options.signal && { signal: options.signal });
    }
  }

  /**
   * commit writes a change of the state, and renews or releases the lease with it. It throws LeaseLostError,
   * and nothing is written, when another run holds the lease. A change that changes no file writes only the
   * lease.
   */
  commit(change: Change): Promise<Snapshot> {
    return this.#serial.run(async () => {
      const immutable = new Map(
        (change.releases ?? []).map((release) => {
          const { project, environment, service, number } = release;
          return [releasePath({ project, environment }, service, number), formatRelease(release)];
        }),
      );
      const { scope } = this.#options;
      const removed = (change.expired ?? []).map(({ service, number }) =>
        releasePath(scope, service, number),
      );
      const tip = await this.#advance(change.lease === 'release', (current) => {
        const before = this.#stateOf(current);
        const after = keepUnknown(before, change.state(structuredClone(before)));
        return { state: formatState(after), immutable, removed, message: formatMessage(change.message) };
      });
      return this.#snapshot(tip);
    });
  }

  /**
   * releaseLeft gives back a lease by its id, when it is held still: its run was killed. It tells whether there was
   * anything to give back.
   */
  releaseLeft(id: string): Promise<boolean> {
    return this.#serial.run(async () => {
      const tip = await this.#branch.fetch();
      if (tip.lease?.id !== id || tip.lease.released) return false;
      const lease: Lease = { ...tip.lease, end: this.#options.now().toISOString(), released: true };
      const prepared = await this.#branch.prepare(tip, { lease, signature: this.#signature() });
      return (await this.#branch.push(prepared)) === 'moved';
    });
  }

  /** close gives the lease back when it is still held, and removes what was written on this machine. */
  async close(): Promise<void> {
    await this.#held?.release();
    await this.#serial.run(() => this.#repository.close());
  }

  /** take moves the lease ref from `tip` to a lease of ours, or tells that another run was faster. */
  async #take(tip: Tip): Promise<{ lease: HeldLease; snapshot: Snapshot } | { raced: string }> {
    const { scope, log, now, run } = this.#options;
    const taken = now();
    const record: Lease = {
      schema: 1,
      id: randomUUID(),
      holder: run.actor,
      run: run.run,
      run_id: run.runId,
      run_attempt: run.runAttempt,
      repository: run.repository,
      ...this.#self,
      taken_at: taken.toISOString(),
      end: this.#end(taken),
      fence: (tip.lease?.fence ?? 0) + 1,
      released: false,
    };
    const prepared = await this.#branch.prepare(tip, { lease: record, signature: this.#signature() });
    const outcome = await this.#branch.push(prepared);
    if (outcome !== 'moved') return outcome;
    this.#tip = prepared.tip;
    this.#options.onLease?.(record.id);
    const keeper = {
      renew: () => this.#serial.run(async () => this.#leaseOf(await this.#advance(false))),
      release: () => this.#serial.run(async () => void (await this.#advance(true))),
    };
    this.#held = new HeldLease(keeper, prepared.tip.lease ?? record, {
      scope,
      log,
      now,
      timings: this.#timings,
    });
    return { lease: this.#held, snapshot: this.#snapshot(prepared.tip) };
  }

  /**
   * advance pushes the lease, and with it what `change` makes of the present state, until it gets through.
   * Another environment's write moves the state branch only: fetched, applied anew and tried again. When
   * the lease has moved it is not ours any more: stop.
   */
  async #advance(
    isReleased: boolean,
    change: (tip: Tip) => Pick<Advance, 'state' | 'immutable' | 'removed' | 'message'> = () => ({}),
  ): Promise<Tip> {
    const held = this.#held;
    let tip = this.#tip;
    if (held === undefined || tip === undefined) throw new Error('the lease must be acquired before writing');
    for (let races = 0; ; races++) {
      held.assertHeld();
      const at = this.#options.now();
      const end = isReleased ? at.toISOString() : this.#end(at);
      const lease: Lease = { ...held.record, end, released: isReleased };
      const prepared = await this.#branch.prepare(tip, {
        lease,
        signature: this.#signature(),
        ...change(tip),
      });
      let failure: unknown;
      try {
        const outcome = await this.#branch.push(prepared);
        if (outcome === 'moved') return this.#arrived(held, prepared.tip);
        if (races >= RACES_MAX) failure = this.#repository.refused(outcome.raced);
      } catch (error) {
        failure = error;
      }
      let seen: Tip;
      try {
        seen = await this.#branch.fetch();
      } catch (error) {
        throw failure ?? error;
      }
      // A push can arrive and its answer get lost.
      if (seen.leaseCommit === prepared.tip.leaseCommit) return this.#arrived(held, prepared.tip);
      if (seen.leaseCommit !== tip.leaseCommit) throw held.lose(seen.lease);
      if (failure !== undefined) throw failure;
      // Somebody has deleted the branch: what it said of all services is still known here.
      tip = seen.stateCommit === undefined ? { ...seen, state: tip.state } : seen;
      await sleep(jitter(20 * (races + 1)));
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
    return parseState(tip.state.text, { ref: this.#branchName, path: statePath(scope) });
  }

  #snapshot(tip: Tip): Snapshot {
    return new Snapshot({
      state: this.#stateOf(tip),
      commit: tip.stateCommit,
      lease: tip.lease,
      scope: this.#options.scope,
      ref: this.#branchName,
      files: (commit, paths) => this.#branch.files(commit, paths),
      list: (commit, folder) => this.#branch.list(commit, folder),
    });
  }

  #end(from: Date): string {
    return new Date(from.getTime() + this.#timings.ttlMs).toISOString();
  }

  #signature(): { name: string; email: string; at: Date } {
    return { ...(this.#options.identity ?? IDENTITY), at: this.#options.now() };
  }
}

/** Between half and one and a half of `ms`, so that two that met once do not meet again. */
function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}
