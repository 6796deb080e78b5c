import { expect, test } from '@jest/globals';
import type { Store } from '../../../src/state/store.ts';
import { message, withService } from './git-world.ts';
import { MemoryWorld } from './memory-world.ts';

/** While a lease is being taken that nobody holds, a run may look around already: what it sees holds under the lease. */

/** look returns what `acquire` is told to look with, and the releases of `api` that were seen, in their order. */
function look() {
  const seen: number[] = [];
  const meanwhile = ({ state }: { state: { services: Record<string, { release: number }> } }) => {
    const release = state.services.api?.release ?? 0;
    seen.push(release);
    return release;
  };
  return { seen, meanwhile };
}

/** deploy takes the lease, records a release of `api`, and gives the lease back. */
async function deploy(store: Store, release: number): Promise<void> {
  await store.acquire();
  await store.commit({
    state: withService('api', release),
    message: message(`api ${release}`),
    lease: 'release',
  });
}

test('what was seen comes along with the lease', async () => {
  const world = new MemoryWorld();
  await world.clock.finish(deploy(world.store(), 1));
  const { seen, meanwhile } = look();
  const taken = await world.clock.finish(world.store().acquire({ meanwhile }));
  expect(taken.seen).toBe(1);
  expect(seen).toEqual([1]);
});

test('whoever was slower looks again, when the other has given the lease back', async () => {
  const world = new MemoryWorld();
  const other = world.store();
  const { seen, meanwhile } = look();
  let isFirst = true;
  const wire = async <T>(call: 'fetch' | 'push', serve: () => T): Promise<T> => {
    // Between the look of this one and its push the other takes the lease, and changes something.
    if (call === 'push' && isFirst) {
      isFirst = false;
      await deploy(other, 7);
    }
    return serve();
  };
  const taken = await world.clock.finish(world.store({ wire }).acquire({ meanwhile }));
  expect(seen).toEqual([0, 7]);
  expect(taken.seen).toBe(7);
  expect(taken.snapshot.state.services.api?.release).toBe(7);
});

test('nobody looks beside a holder that has died: what it has sent may still arrive', async () => {
  const world = new MemoryWorld();
  const owner = { isGone: false };
  await world.clock.finish(world.store({ owner }).acquire());
  owner.isGone = true;
  const { seen, meanwhile } = look();
  const taken = await world.clock.finish(world.store().acquire({ meanwhile }));
  expect(seen).toEqual([]);
  expect(taken.seen).toBeUndefined();
});
