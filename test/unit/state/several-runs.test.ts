import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../../src/model/clock.ts';
import type { HeldLease } from '../../../src/state/held-lease.ts';
import { LeaseLostError } from '../../../src/state/lease.ts';
import type { Wire } from '../../simulation/world/state-branch.ts';
import { message, withService } from './git-world.ts';
import { MemoryWorld } from './memory-world.ts';

/** How a call to the remote goes. */
type Fate = 'answered' | 'not arrived' | 'answer lost';

/** What a run is like: where it is, what it does, and what happens to it. */
interface Run {
  startsAtMs: number;
  machine: string;
  /** As far as the clocks of two machines are apart without anybody's fault. */
  aheadMs: number;
  /** It works on the servers so often and so long, and records what it did after each time. */
  changes: number;
  workMs: number;
  /** Its process is killed then. */
  diesAtMs: number | undefined;
  /** Its machine stands still for a while, like a laptop that is shut. */
  pause: { atMs: number; forMs: number } | undefined;
  /** How its calls go, in their order, and how long they are on their way; all later ones go well. */
  calls: { fate: Fate; thereMs: number; backMs: number }[];
}

const upToMinutes = (most: number) => fc.integer({ min: 0, max: most * 60_000 });
const onTheWay = () =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 1_000 }), weight: 3 },
    { arbitrary: upToMinutes(3), weight: 1 },
  );
const aRun: fc.Arbitrary<Run> = fc.record({
  startsAtMs: upToMinutes(2),
  machine: fc.constantFrom('one', 'one', 'two', 'three'),
  aheadMs: fc.constantFrom(-5_000, 5_000),
  changes: fc.integer({ min: 1, max: 4 }),
  workMs: upToMinutes(2),
  diesAtMs: fc.option(upToMinutes(8), { nil: undefined, freq: 2 }),
  pause: fc.option(fc.record({ atMs: upToMinutes(6), forMs: upToMinutes(6) }), { nil: undefined, freq: 1 }),
  calls: fc.array(
    fc.record({
      fate: fc.constantFrom<Fate[]>('answered', 'answered', 'answered', 'not arrived', 'answer lost'),
      thereMs: onTheWay(),
      backMs: onTheWay(),
    }),
    { maxLength: 12 },
  ),
});
const runs = fc.array(aRun, { minLength: 2, maxLength: 4 });

test('whatever happens to several runs: one at a time changes anything, nothing recorded is lost, none waits for ever', async () => {
  await fc.assert(fc.asyncProperty(runs, tell), { numRuns: 400, interruptAfterTimeLimit: 40_000 });
}, 60_000);

async function tell(several: Run[]): Promise<void> {
  const world = new MemoryWorld();
  /** Who worked on the servers, one entry for as long as nobody else did, and the lease they held. */
  const worked: { run: number; fence: number }[] = [];
  const recorded: string[] = [];
  await world.clock.finish(Promise.all(several.map(live)));

  expect(new Set(worked.map(({ run }) => run)).size).toBe(worked.length);
  const fences = worked.map(({ fence }) => fence);
  expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
  const history = world.remote.history('refs/heads/switchyard-state').map((text) => text.split('\n')[0]);
  expect(history).toEqual(expect.arrayContaining(recorded));
  expect(new Set(history).size).toBe(history.length);
  // Each change counted on from the one before it: none was made on what was no longer so.
  const last = await world.clock.finish(world.store({ machine: 'four' }).acquire());
  expect(last.snapshot.state.services.api?.release ?? 0).toBe(history.length);

  /** Resolves when the run has ended, well or not, or was killed. */
  async function live(run: Run, index: number): Promise<void> {
    const owner = { isGone: false };
    const { diesAtMs } = run;
    const killed =
      diesAtMs === undefined
        ? new Promise<never>(() => undefined)
        : world.clock.sleep(run.startsAtMs + diesAtMs);
    await Promise.race([work(run, index, owner), killed]);
    owner.isGone = true;
  }

  async function work(run: Run, index: number, owner: { isGone: boolean }): Promise<void> {
    const clock = pausing(world.clock.of(owner), run.pause);
    await clock.sleep(run.startsAtMs);
    const { machine, aheadMs, calls } = run;
    const timings = { pollMs: 5_000 };
    const random = () => 0.5;
    const store = world.store({
      machine,
      aheadMs,
      owner,
      clock,
      timings,
      random,
      wire: wireOf(calls, clock),
    });
    let lease: HeldLease | undefined;
    try {
      ({ lease } = await store.acquire({ timeoutMs: 60 * 60_000 }));
      lease.startHeartbeat();
      for (let change = 1; change <= run.changes; change++) {
        for (let workedMs = 0; workedMs <= run.workMs; workedMs += 1_000) {
          await clock.sleep(1_000);
          lease.assertMayChange();
          if (worked.at(-1)?.run !== index) worked.push({ run: index, fence: lease.fence });
        }
        const subject = `run ${index} change ${change}`;
        await store.commit({
          state: (current) => withService('api', (current.services.api?.release ?? 0) + 1)(current),
          message: message(subject),
        });
        recorded.push(subject);
      }
    } catch (error) {
      if (!isExpected(error, lease)) throw error;
    } finally {
      await store.close();
    }
  }
}

/** The clock of a machine that stands still for a while: whoever would wake up then does so after it. */
function pausing(clock: Clock, pause: Run['pause'], startedAt = clock.now()): Clock {
  if (pause === undefined) return clock;
  const from = startedAt + pause.atMs;
  return {
    now: () => clock.now(),
    sleep: async (ms) => {
      await clock.sleep(ms);
      const leftMs = from + pause.forMs - clock.now();
      if (clock.now() >= from && leftMs > 0) await clock.sleep(leftMs);
    },
    endingWith: (signal) => pausing(clock.endingWith(signal), pause, startedAt),
  };
}

/** The line of a run to the remote. */
function wireOf(calls: Run['calls'], clock: Clock): Wire {
  let made = 0;
  return async (_call, serve) => {
    const { fate, thereMs, backMs } = calls[made++] ?? { fate: 'answered', thereMs: 100, backMs: 100 };
    await clock.sleep(thereMs);
    if (fate === 'not arrived') throw new Error('no route to host');
    const answer = serve();
    await clock.sleep(backMs);
    if (fate === 'answer lost') throw new Error('connection reset');
    return answer;
  };
}

/** Errors that end a run, and are no mistake of ours: its line failed, or another has the lease, and never itself. */
function isExpected(error: unknown, own: HeldLease | undefined): boolean {
  if (error instanceof LeaseLostError) return error.holder?.id !== own?.record.id;
  return error instanceof Error && /no route to host|connection reset/.test(error.message);
}
