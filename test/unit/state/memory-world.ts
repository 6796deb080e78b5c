import type { Lease } from '../../../src/state/lease.ts';
import { Store, type StoreOptions } from '../../../src/state/store.ts';
import { VirtualClock } from '../../simulation/world/clock.ts';
import { MemoryRemote, type Wire } from '../../simulation/world/state-branch.ts';
import { ahead, RecordingLog } from './git-world.ts';

const scope = { project: 'shop', environment: 'production' };
const LEASE_REF = 'refs/switchyard/lease/shop/production';

/** A run of the world: a process on some machine, with a clock and a line to the remote. */
export interface RunOptions extends Partial<Omit<StoreOptions, 'scope' | 'self' | 'log'>> {
  /** Its machine's name. All runs are on one unless they say otherwise. */
  machine?: string;
  /** How far its machine's clock is ahead. */
  aheadMs?: number;
  wire?: Wire;
  /** The process; `isGone` is set when it dies, and from then on nothing wakes it. */
  owner?: { isGone: boolean };
}

/** Runs with one remote in memory, in the time of one virtual clock. */
export class MemoryWorld {
  readonly clock = new VirtualClock();
  readonly remote = new MemoryRemote();
  readonly log = new RecordingLog();
  readonly #processes = new Map<number, { isGone: boolean }>();

  store(options: RunOptions = {}): Store {
    const { machine = 'runner', aheadMs = 0, wire, owner = { isGone: false }, ...rest } = options;
    const { clock = this.clock.of(owner) } = options;
    const pid = this.#processes.size + 1;
    this.#processes.set(pid, owner);
    return new Store(this.remote.branch(scope, wire && { wire }), {
      scope,
      run: { actor: 'alice', run: 'local' },
      self: {
        identity: { host: machine, pid, boot: machine },
        isRunning: (other) => this.#processes.get(other)?.isGone === false,
      },
      log: this.log,
      ...rest,
      clock: ahead(clock, aheadMs),
    });
  }

  /** The lease as it stands at the remote. */
  get lease(): Lease {
    return JSON.parse(this.remote.file(LEASE_REF, 'lease.json') ?? 'null') as Lease;
  }

  /** rewriteLease changes the lease at the remote, as another holder would have written it. */
  rewriteLease(change: Partial<Lease>): void {
    this.remote.edit(LEASE_REF, 'lease.json', JSON.stringify({ ...this.lease, ...change }));
  }

  /** pushes returns how often the lease was written. */
  get pushes(): number {
    return this.remote.history(LEASE_REF).length;
  }

  /** warnings returns what was warned of. */
  get warnings(): string[] {
    return this.log.lines.filter((line) => line.startsWith('warning'));
  }
}
