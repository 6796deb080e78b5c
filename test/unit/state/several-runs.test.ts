import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LeaseHeldError, LeaseLostError } from '../../../src/state/lease.ts';
import type { Wire } from '../../simulation/state-branch.ts';
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
  /** It changes something on the servers this often, with so much time between, and records it. */
  changes: number;
  workMs: number;
  /** It is killed then. */
  diesAtMs: number | undefined;
  /** How its calls go, in their order, and how long they are on their way; all later ones go well. */
  calls: { fate: Fate; thereMs: number; backMs: number }[];
}

const minutes = (most: number) => fc.integer({ min: 0, max: most * 60_000 });
const aRun: fc.Arbitrary<Run> = fc.record({
  startsAtMs: minutes(2),
  machine: fc.constantFrom('one', 'one', 'two', 'three'),
  aheadMs: fc.integer({ min: -5_000, max: 5_000 }),
  changes: fc.integer({ min: 1, max: 4 }),
  workMs: minutes(4),
  diesAtMs: fc.option(minutes(12), { nil: undefined }),
  calls: fc.array(
    fc.record({
      fate: fc.constantFrom<Fate[]>('answered', 'answered', 'answered', 'not arrived', 'answer lost'),
      thereMs: fc.oneof(fc.integer({ min: 1, max: 2_000 }), minutes(3)),
      backMs: fc.oneof(fc.integer({ min: 1, max: 2_000 }), minutes(3)),
    }),
    { maxLength: 12 },
  ),
});

test('whatever happens to several runs: one at a time changes anything, nothing recorded is lost, none waits for ever', async () => {
  await fc.assert(fc.asyncProperty(fc.array(aRun, { minLength: 2, maxLength: 4 }), tell), { numRuns: 150 });
}, 60_000);

async function tell(runs: Run[]): Promise<void> {
  const world = new MemoryWorld();
  /** The fences of those that changed something, in the order of time. */
  const changed: number[] = [];
  const recorded: string[] = [];
  await world.clock.finish(Promise.all(runs.map(live)));

  expect(changed).toEqual(changed.toSorted((a, b) => a - b));
  const history = world.remote.history('refs/heads/switchyard-state').map((text) => text.split('\n')[0]);
  expect(history).toEqual(expect.arrayContaining(recorded));
  expect(new Set(history).size).toBe(history.length);
  // Each change counted on from the one before it: none was made on what was no longer so.
  const { state } = await world.store().read();
  expect(state.services.api?.release ?? 0).toBe(history.length);
  const last = world.store({ machine: 'four' });
  await world.clock.finish(last.acquire());

  /** Resolves when the run has ended, well or not. */
  async function live(run: Run, index: number): Promise<void> {
    const owner = { isGone: false };
    const dead = new Promise<void>((resolve) => {
      if (run.diesAtMs === undefined) return;
      const end = run.startsAtMs + run.diesAtMs;
      void world.clock.sleep(end).then(() => {
        owner.isGone = true;
        resolve();
      });
    });
    await Promise.race([work(run, index, owner), dead]);
  }

  async function work(run: Run, index: number, owner: { isGone: boolean }): Promise<void> {
    const clock = world.clock.of(owner);
    await clock.sleep(run.startsAtMs);
    const { machine, aheadMs, calls } = run;
    const store = world.store({ machine, aheadMs, owner, random: () => 0.5, wire: wireOf(calls, clock) });
    try {
      const { lease } = await store.acquire({ timeoutMs: 60 * 60_000 });
      lease.startHeartbeat();
      for (let change = 1; change <= run.changes; change++) {
        await clock.sleep(run.workMs);
        lease.assertMayChange();
        changed.push(lease.fence);
        const subject = `run ${index} change ${change}`;
        await store.commit({
          state: (current) => withService('api', (current.services.api?.release ?? 0) + 1)(current),
          message: message(subject),
        });
        recorded.push(subject);
      }
    } catch (error) {
      if (!isExpected(error)) throw error;
    } finally {
      await store.close();
    }
  }
}

/** The line of a run to the remote. Where it is dead, it waits for ever. */
function wireOf(calls: Run['calls'], clock: { sleep(ms: number): Promise<void> }): Wire {
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

/** Errors that end a run, and are no mistake of ours. */
function isExpected(error: unknown): boolean {
  if (error instanceof LeaseLostError || error instanceof LeaseHeldError) return true;
  return error instanceof Error && /no route to host|connection reset/.test(error.message);
}
