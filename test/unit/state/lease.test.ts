import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HeldLease } from '../../../src/state/held-lease.ts';
import { type Lease, LeaseHeldError, LeaseLostError } from '../../../src/state/lease.ts';
import type { Store } from '../../../src/state/store.ts';
import { message, withService } from './git-world.ts';
import { MemoryWorld, type RunOptions } from './memory-world.ts';

let world: MemoryWorld;
beforeEach(() => {
  world = new MemoryWorld();
});

const bob = { actor: 'bob', run: 'https://github.com/o/r/actions/runs/7', runId: 7, repository: 'o/r' };
const asBob = { run: bob, machine: 'another' };
const MINUTE = 60_000;

/** Takes the lease, in the world's time. */
function take(store: Store, options: Parameters<Store['acquire']>[0] = {}): ReturnType<Store['acquire']> {
  return world.clock.finish(store.acquire(options));
}

/** A run that holds the lease and beats from now on. */
async function holder(options: RunOptions = {}): Promise<HeldLease> {
  const { lease } = await take(world.store(options));
  lease.startHeartbeat();
  return lease;
}

test('the record says who holds it, where, since when and until when', async () => {
  const at = world.clock.now();
  await take(world.store(asBob));
  expect(world.lease).toEqual({
    schema: 1,
    id: expect.any(String),
    holder: 'bob',
    run: bob.run,
    run_id: 7,
    repository: 'o/r',
    host: 'another',
    pid: 1,
    boot: 'another',
    taken_at: new Date(at).toISOString(),
    end: new Date(at + 2 * MINUTE).toISOString(),
    fence: 1,
    released: false,
  });
});

describe('who finds the lease held', () => {
  test('waits with feedback until it is released', async () => {
    const lease = await holder();
    const waits: string[] = [];
    const waiting = take(world.store(asBob), {
      onWait: ({ holder: actor }, waitedMs) => {
        waits.push(actor);
        if (waitedMs > 5 * MINUTE) void lease.release();
      },
    });
    expect((await waiting).lease.fence).toBe(2);
    // Every 2 s, half more or less.
    expect(waits.length).toBeGreaterThan(100);
    expect(new Set(waits)).toEqual(new Set(['alice']));
    const told = world.log.lines.filter((line) => line.includes('is being changed by alice'));
    expect(told.length).toBeGreaterThan(20);
    expect(told.length).toBeLessThanOrEqual(31);
    expect(world.warnings).toEqual([]);
  });

  test('gives up after its time, with a sentence that names the holder', async () => {
    await holder(asBob);
    const started = world.clock.now();
    const error = await take(world.store(), { timeoutMs: 100_000 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LeaseHeldError);
    expect(String(error)).toContain(`still after 100 s: bob, ${bob.run}, since`);
    expect(world.clock.now() - started).toBe(100_000);
  });

  test('stops waiting at once when its run is cancelled', async () => {
    await holder(asBob);
    const controller = new AbortController();
    const waiting = take(world.store(), { signal: controller.signal, onWait: () => controller.abort() });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    const late = take(world.store(), { signal: controller.signal });
    await expect(late).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('gets the state as it is under the lease, also where it saw the two refs at different moments', async () => {
    const store = world.store();
    await take(store);
    let isTorn = true;
    const other = world.store({
      ...asBob,
      wire: async (call, serve) => {
        const seen = serve();
        if (call !== 'fetch' || !isTorn) return seen;
        isTorn = false;
        await store.commit({ state: withService('api', 1), message: message('api'), lease: 'release' });
        const later = serve();
        // The state branch as it was before, the lease as it was after.
        if (Array.isArray(seen) && Array.isArray(later)) seen[1] = later[1];
        return seen;
      },
    });
    const { snapshot } = await take(other, { timeoutMs: 0 });
    expect(snapshot.state.services.api?.release).toBe(1);
  });

  test('may not take it twice', async () => {
    const store = world.store();
    await take(store);
    await expect(take(store)).rejects.toThrow('holds the lease already');
  });
});

describe('a dead holder is recognised', () => {
  test('by an end that passed long ago', async () => {
    await take(world.store());
    await world.clock.pass(33 * MINUTE);
    const { lease } = await take(world.store(asBob), { timeoutMs: 0 });
    expect(lease.fence).toBe(2);
  });

  test('by an end that has just passed, once it was seen that nobody renews it', async () => {
    await take(world.store());
    await world.clock.pass(131_000);
    await expect(take(world.store(asBob), { timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
    const { lease } = await take(world.store(asBob), { timeoutMs: MINUTE });
    expect(lease.fence).toBe(2);
    expect(world.log.lines).toContainEqual(
      expect.stringMatching(/^warning: taking over the lease of shop production: its end passed at/),
    );
  });

  test.each([
    ['ahead', 'its', 0, 10 * MINUTE],
    ['behind', "the holder's", -10 * MINUTE, 0],
  ])('but not by a clock that is ten minutes %s, %s own: a living holder renews', async (...skews) => {
    const [, , holdersMs, ownMs] = skews;
    const lease = await holder({ aheadMs: holdersMs });
    await expect(take(world.store({ ...asBob, aheadMs: ownMs }))).rejects.toThrow(LeaseHeldError);
    expect(lease.lost.aborted).toBe(false);
  });

  test('but not within what two clocks may differ', async () => {
    await take(world.store());
    await world.clock.pass(125_000);
    await expect(take(world.store(asBob), { timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
  });

  test('by a run that GitHub calls completed; one that cannot be asked for is alive', async () => {
    await take(world.store(asBob));
    const asked: number[] = [];
    let answer: boolean | undefined;
    const isAlive = async (lease: Lease): Promise<boolean | undefined> => {
      asked.push(lease.run_id ?? 0);
      return answer;
    };
    const store = world.store({ isAlive });
    await expect(take(store, { timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
    answer = false;
    expect((await take(store)).lease.fence).toBe(2);
    expect(asked).toEqual([7, 7]);
    expect(world.warnings.join('\n')).toContain(`its run has ended (${bob.run})`);
  });

  test('by a process of this machine that is gone', async () => {
    const owner = { isGone: false };
    await holder({ owner });
    await expect(take(world.store(), { timeoutMs: MINUTE })).rejects.toThrow(LeaseHeldError);
    owner.isGone = true;
    const { lease } = await take(world.store(), { timeoutMs: 0 });
    expect(lease.fence).toBe(2);
    expect(world.warnings.join('\n')).toContain('process 1 on this machine has ended');
  });

  test('but not by the same number on another machine of the same name', async () => {
    const owner = { isGone: false };
    await take(world.store({ owner }));
    owner.isGone = true;
    world.rewriteLease({ boot: 'another' });
    await expect(take(world.store(), { timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
  });

  test('by a lease that nobody renews, when the clock of its holder is ahead', async () => {
    await take(world.store({ aheadMs: 60 * MINUTE }));
    const started = world.clock.now();
    expect((await take(world.store(asBob))).lease.fence).toBe(2);
    expect(world.clock.now() - started).toBeLessThan(140_000);
  });
});

describe('a held lease', () => {
  test('may be taken again by the same store after it was released, with the state as it is then', async () => {
    const store = world.store();
    await take(store);
    await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
    await expect(store.commit({ state: withService('api', 9), message: message('x') })).rejects.toThrow(
      'released',
    );
    const other = world.store(asBob);
    await take(other, { timeoutMs: 0 });
    await other.commit({ state: withService('web', 1), message: message('two'), lease: 'release' });
    const { lease, snapshot } = await take(store, { timeoutMs: 0 });
    expect(lease.fence).toBe(3);
    expect(Object.keys(snapshot.state.services)).toEqual(['api', 'web']);
    await store.commit({ state: withService('api', 2), message: message('three'), lease: 'release' });
    expect(world.remote.history('refs/heads/switchyard-state')).toHaveLength(3);
  });

  test('is confirmed without a round trip, or renewed when little is left', async () => {
    const { lease } = await take(world.store());
    const { end } = world.lease;
    await world.clock.pass(89_000);
    await lease.confirm();
    expect(world.lease.end).toBe(end);
    await world.clock.pass(2_000);
    await lease.confirm();
    expect(world.lease).toMatchObject({
      end: new Date(world.clock.now() + 2 * MINUTE).toISOString(),
      fence: 1,
    });
  });

  test('is renewed by its heartbeat every 40 s, until that stops', async () => {
    const { lease } = await take(world.store());
    const heartbeat = lease.startHeartbeat();
    await world.clock.pass(201_000);
    expect(world.pushes).toBe(1 + 5);
    heartbeat.stop();
    await world.clock.pass(60_000);
    expect(world.pushes).toBe(1 + 5);
    expect(lease.lost.aborted).toBe(false);
    lease.startHeartbeat();
    await world.clock.pass(41_000);
    expect(world.pushes).toBe(1 + 6);
    expect(world.warnings).toEqual([]);
  });

  test('whose end has passed while its run slept forbids every change, without a round trip', async () => {
    const { lease } = await take(world.store());
    expect(() => lease.assertMayChange()).not.toThrow();
    await world.clock.pass(121_000);
    expect(() => lease.assertMayChange()).toThrow(LeaseLostError);
    expect(lease.lost.aborted).toBe(true);
    expect(() => lease.assertMayChange()).toThrow(LeaseLostError);
    expect(world.pushes).toBe(1);
  });

  test('that was given back forbids nothing: drains go on without it', async () => {
    const { lease } = await take(world.store());
    await lease.release();
    await world.clock.pass(121_000);
    expect(() => lease.assertMayChange()).not.toThrow();
  });

  test('that another run took aborts the signal at the next heartbeat', async () => {
    const { lease } = await take(world.store({ aheadMs: -60 * MINUTE }));
    await take(world.store(asBob));
    lease.startHeartbeat();
    expect(await lostReason(lease)).toMatchObject({ message: expect.stringContaining('taken over by bob') });
  });

  test('that cannot be renewed is tried again, and lost when its end passes', async () => {
    let isCut = false;
    const lease = await holder({
      wire: async (_call, serve) => {
        if (isCut) throw new Error('no route to host');
        return serve();
      },
    });
    isCut = true;
    const started = world.clock.now();
    const error = await lostReason(lease);
    expect(error).toBeInstanceOf(LeaseLostError);
    expect(error).toMatchObject({ message: expect.stringContaining('was not renewed in time') });
    expect(world.clock.now() - started).toBe(2 * MINUTE);
    expect(world.warnings.length).toBeGreaterThan(10);
    expect(new Set(world.warnings)).toEqual(
      new Set(['warning: the lease was not renewed, trying again: no route to host']),
    );
  });

  test.each([
    ['ahead', 5_000, -5_000],
    ['behind', -5_000, 5_000],
  ])(
    'of a run that is cut off, its clock a little %s, is lost before another run has it',
    async (...skews) => {
      const [, holdersMs, othersMs] = skews;
      let isCut = false;
      const lease = await holder({
        aheadMs: holdersMs,
        wire: async (_call, serve) => {
          if (isCut) throw new Error('no route to host');
          return serve();
        },
      });
      await world.clock.pass(60_000);
      isCut = true;
      await take(world.store({ ...asBob, aheadMs: othersMs, timings: { pollMs: 500 } }));
      expect(lease.lost.aborted).toBe(true);
    },
  );

  test('is lost when its end passes, also while a renewal hangs', async () => {
    let isHanging = false;
    const lease = await holder({
      wire: (_call, serve) => (isHanging ? new Promise(() => undefined) : Promise.resolve(serve())),
    });
    isHanging = true;
    expect(await lostReason(lease)).toMatchObject({
      message: expect.stringContaining('was not renewed in time'),
    });
  });

  function lostReason(lease: HeldLease): Promise<unknown> {
    return world.clock.finish(
      new Promise((resolve) => lease.lost.addEventListener('abort', () => resolve(lease.lost.reason))),
    );
  }
});

describe('an answer of the remote that got lost', () => {
  test('leaves no lease behind that nobody knows of, and no change undone', async () => {
    const store = world.store({
      wire: async (call, serve) => {
        const answer = serve();
        if (call === 'push') throw new Error('connection reset');
        return answer;
      },
    });
    const { lease } = await take(store);
    expect(lease.fence).toBe(1);
    await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
    expect(world.lease).toMatchObject({ fence: 1, released: true });
    expect(world.remote.history('refs/heads/switchyard-state')).toHaveLength(1);
  });

  test('costs nobody the lease, also when nobody could look whether the push had arrived', async () => {
    let isCut = false;
    const store = world.store({
      wire: async (call, serve) => {
        if (call === 'fetch' && isCut) throw new Error('no route to host');
        const answer = serve();
        if (isCut) throw new Error('connection reset');
        return answer;
      },
    });
    const { lease } = await take(store);
    lease.startHeartbeat();
    isCut = true;
    await world.clock.pass(60_000);
    expect(world.pushes).toBeGreaterThan(1);
    isCut = false;
    await world.clock.pass(60_000);
    expect(lease.lost.aborted).toBe(false);
    await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
    expect(world.lease).toMatchObject({ fence: 1, released: true });
  });

  test('is told when the push has not arrived either', async () => {
    const store = world.store({
      wire: async (call, serve) => {
        if (call === 'push') throw new Error('connection reset');
        return serve();
      },
    });
    await expect(take(store)).rejects.toThrow('connection reset');
    expect(world.pushes).toBe(0);
  });
});

describe('the lease of a run that was killed', () => {
  test('is given back by its id, once, and what was recorded stays', async () => {
    const taken: (string | undefined)[] = [];
    const killed = world.store({ onLease: (id) => taken.push(id) });
    await take(killed);
    await killed.commit({ state: withService('api', 1), message: message('api') });
    const post = world.store(asBob);
    expect(await post.releaseLeft(taken[0]!)).toBe(true);
    expect(world.lease).toMatchObject({ id: taken[0], holder: 'alice', released: true });
    expect((await post.read()).state.services.api?.release).toBe(1);
    expect(await post.releaseLeft(taken[0]!)).toBe(false);
    const { lease } = await take(post);
    expect(lease.fence).toBe(2);
  });

  test('is lost to it, should it live all the same', async () => {
    const store = world.store();
    const { lease } = await take(store);
    await world.store(asBob).releaseLeft(lease.record.id);
    await expect(store.commit({ state: withService('api', 1), message: message('api') })).rejects.toThrow(
      LeaseLostError,
    );
    expect(lease.lost.aborted).toBe(true);
    expect(world.lease).toMatchObject({ released: true });
  });

  test('is another one by now: that is left alone', async () => {
    const taken: (string | undefined)[] = [];
    const killed = world.store({ onLease: (id) => taken.push(id) });
    await (await take(killed)).lease.release();
    expect(taken).toEqual([expect.any(String), undefined]);
    await take(world.store(asBob));
    expect(await world.store().releaseLeft(taken[0]!)).toBe(false);
    expect(world.lease).toMatchObject({ holder: 'bob', released: false });
  });
});

test('a store that is closed gives its lease back, also one that a commit released', async () => {
  const store = world.store();
  await take(store);
  await store.close();
  expect(world.lease).toMatchObject({ released: true, fence: 1 });
  await store.close();
  expect((await take(world.store(), { timeoutMs: 0 })).lease.fence).toBe(2);
});
