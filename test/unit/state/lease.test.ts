import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { HeldLease } from '../../../src/state/held-lease.ts';
import type { Lease } from '../../../src/state/lease.ts';
import { LeaseHeldError, LeaseLostError } from '../../../src/state/lease-errors.ts';
import { thisProcess } from '../../../src/state/local-process.ts';
import { GitWorld, message, withService } from './git-world.ts';

let world: GitWorld;
beforeEach(() => {
  world = new GitWorld();
});
afterEach(() => world.remove());

const fast = { pollMs: 30 };
const bob = { actor: 'bob', run: 'https://github.com/o/r/actions/runs/7', runId: 7, repository: 'o/r' };
const asBob = { run: { ...bob, serverUrl: 'https://github.com' }, timings: fast };

/** The lease as it stands at the remote. */
function written(): Lease {
  return JSON.parse(world.atRemote('show', 'refs/switchyard/lease/shop/production:lease.json')) as Lease;
}

test('the record says who holds it, where, since when and until when', async () => {
  const at = new Date('2026-11-21T14:00:00.000Z');
  await (await world.store({ ...asBob, now: () => at })).acquire();
  const self = await thisProcess();
  expect(written()).toEqual({
    schema: 1,
    id: expect.any(String),
    holder: 'bob',
    run: bob.run,
    run_id: 7,
    repository: 'o/r',
    ...self,
    taken_at: '2026-11-21T14:00:00.000Z',
    end: '2026-11-21T14:02:00.000Z',
    fence: 1,
    released: false,
  });
});

test('of many runs at once exactly one has it at a time, and the fence rises', async () => {
  let holders = 0;
  const fences: number[] = [];
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const store = await world.store({ timings: fast });
      const { lease } = await store.acquire();
      holders++;
      expect(holders).toBe(1);
      fences.push(lease.fence);
      const { state } = await store.commit({
        state: (current) => withService('api', (current.services.api?.release ?? 0) + 1)(current),
        message: message('next'),
      });
      expect(state.services.api?.release).toBe(lease.fence);
      holders--;
      await lease.release();
    }),
  );
  expect(fences).toEqual([1, 2, 3, 4]);
});

describe('who finds the lease held', () => {
  test('waits with feedback until it is released', async () => {
    const alice = await world.store();
    const { lease } = await alice.acquire();
    const store = await world.store(asBob);
    const waits: string[] = [];
    const waiting = store.acquire({
      onWait: (holder) => {
        waits.push(holder.holder);
        if (waits.length === 2) void lease.release();
      },
    });
    expect((await waiting).lease.fence).toBe(2);
    expect(waits.slice(0, 2)).toEqual(['alice', 'alice']);
    expect(world.log.lines.filter((line) => line.includes('is being changed by alice'))).toHaveLength(1);
    expect(world.log.lines.join('\n')).not.toContain('taking over');
  });

  test('gives up after its time, with a sentence that names the holder', async () => {
    await (await world.store(asBob)).acquire();
    const store = await world.store({ timings: fast });
    const error = await store.acquire({ timeoutMs: 100 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LeaseHeldError);
    expect(String(error)).toContain(`bob, ${bob.run}, since`);
  });

  test('stops waiting when its run is cancelled', async () => {
    await (await world.store(asBob)).acquire();
    const store = await world.store({ timings: fast });
    const controller = new AbortController();
    const waiting = store.acquire({ signal: controller.signal, onWait: () => controller.abort() });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('may not take it twice', async () => {
    const store = await world.store();
    await store.acquire();
    await expect(store.acquire()).rejects.toThrow('holds the lease already');
  });
});

describe('a dead holder is recognised', () => {
  test('by an end that passed long ago', async () => {
    const past = new Date(Date.now() - 2_000_000);
    await (await world.store({ now: () => past })).acquire();
    const { lease } = await (await world.store(asBob)).acquire({ timeoutMs: 0 });
    expect(lease.fence).toBe(2);
  });

  test('by an end that has just passed, once it was seen that nobody renews it', async () => {
    const past = new Date(Date.now() - 131_000);
    await (await world.store({ now: () => past })).acquire();
    await expect((await world.store(asBob)).acquire({ timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
    const store = await world.store({ ...asBob, timings: { ...fast, renewEveryMs: 100, skewMs: 50 } });
    const { lease } = await store.acquire({ timeoutMs: 5_000 });
    expect(lease.fence).toBe(2);
    expect(world.log.lines).toContainEqual(
      expect.stringMatching(/^warning: taking over the lease of shop production: its end passed at/),
    );
  });

  test.each([
    ['ahead', 'its', 0, 600_000],
    ['behind', "the holder's", -600_000, 0],
  ])('but not by a clock that is ten minutes %s, %s own: a living holder renews', async (...skews) => {
    const [, , holdersMs, ownMs] = skews;
    const clock = (offMs: number) => () => new Date(Date.now() + offMs);
    const timings = { ...fast, renewEveryMs: 100, skewMs: 400 };
    const { lease } = await (await world.store({ now: clock(holdersMs), timings })).acquire();
    lease.startHeartbeat();
    const other = await world.store({ ...asBob, now: clock(ownMs), timings });
    await expect(other.acquire({ timeoutMs: 1_500 })).rejects.toThrow(LeaseHeldError);
    expect(lease.lost.aborted).toBe(false);
  });

  test('but not within what two clocks may differ', async () => {
    const past = new Date(Date.now() - 125_000);
    await (await world.store({ now: () => past })).acquire();
    await expect((await world.store(asBob)).acquire({ timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
  });

  test('by a run that GitHub calls completed; one that cannot be asked for is alive', async () => {
    await (await world.store(asBob)).acquire();
    const asked: number[] = [];
    let answer: boolean | undefined;
    const isAlive = async (lease: Lease): Promise<boolean | undefined> => {
      asked.push(lease.run_id ?? 0);
      return answer;
    };
    const store = await world.store({ timings: { ...fast, askEveryMs: 50 }, isAlive });
    await expect(store.acquire({ timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
    answer = false;
    expect((await store.acquire({ timeoutMs: 5_000 })).lease.fence).toBe(2);
    expect(asked).toEqual([7, 7]);
    expect(world.log.lines.join('\n')).toContain(`its run has ended (${bob.run})`);
  });

  test('by a process of this machine that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    await (await world.store()).acquire();
    rewriteLease({ pid: child.pid ?? 0 });
    const { lease } = await (await world.store(asBob)).acquire({ timeoutMs: 0 });
    expect(lease.fence).toBe(2);
    expect(world.log.lines.join('\n')).toContain(`process ${child.pid} on this machine has ended`);
  });

  test('but not by the same number on another machine of the same name', async () => {
    await (await world.store()).acquire();
    rewriteLease({ pid: 999_999, boot: 'another' });
    await expect((await world.store(asBob)).acquire({ timeoutMs: 0 })).rejects.toThrow(LeaseHeldError);
  });

  test('by a lease that nobody renews, when the clock of its holder is ahead', async () => {
    const future = new Date(Date.now() + 3_600_000);
    await (await world.store({ now: () => future })).acquire();
    const store = await world.store({ ...asBob, timings: { pollMs: 30, ttlMs: 100, skewMs: 50 } });
    expect((await store.acquire({ timeoutMs: 5_000 })).lease.fence).toBe(2);
  });

  /** Changes the record at the remote, as another holder would have written it. */
  function rewriteLease(change: Partial<Lease>): void {
    const folder = join(world.directory, 'rewrite');
    const ref = 'refs/switchyard/lease/shop/production';
    const record = { ...written(), ...change };
    world.git('clone', '--quiet', world.remote, folder);
    world.git('-C', folder, 'fetch', '--quiet', 'origin', ref);
    world.git('-C', folder, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
    writeFileSync(join(folder, 'lease.json'), JSON.stringify(record));
    world.git('-C', folder, '-c', 'user.name=d', '-c', 'user.email=d@e', 'commit', '--quiet', '-am', 'x');
    world.git('-C', folder, 'push', '--quiet', 'origin', `HEAD:${ref}`);
  }
});

describe('a held lease', () => {
  test('may be taken again by the same store after it was released, with the state as it is then', async () => {
    const store = await world.store();
    await store.acquire();
    await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
    await expect(store.commit({ state: withService('api', 9), message: message('x') })).rejects.toThrow(
      'released',
    );
    const other = await world.store(asBob);
    await other.acquire({ timeoutMs: 0 });
    await other.commit({ state: withService('web', 1), message: message('two'), lease: 'release' });
    const { lease, snapshot } = await store.acquire({ timeoutMs: 0 });
    expect(lease.fence).toBe(3);
    expect(Object.keys(snapshot.state.services)).toEqual(['api', 'web']);
    await store.commit({ state: withService('api', 2), message: message('three'), lease: 'release' });
    expect(world.atRemote('rev-list', '--count', 'switchyard-state').trim()).toBe('3');
  });

  test('is confirmed without a round trip, or renewed when little is left', async () => {
    let now = new Date('2026-11-21T14:00:00Z');
    const { lease } = await (await world.store({ now: () => now })).acquire();
    const before = world.atRemote('for-each-ref');
    now = new Date('2026-11-21T14:01:29Z');
    await lease.confirm();
    expect(world.atRemote('for-each-ref')).toBe(before);
    now = new Date('2026-11-21T14:01:31Z');
    await lease.confirm();
    expect(written()).toMatchObject({ end: '2026-11-21T14:03:31.000Z', fence: 1 });
  });

  test('is renewed by its heartbeat, beside commits, and no push fights another', async () => {
    const store = await world.store({ timings: { renewEveryMs: 20 } });
    const { lease } = await store.acquire();
    const first = written().end;
    const heartbeat = lease.startHeartbeat();
    for (let number = 1; number <= 8; number++) {
      await store.commit({ state: withService('api', number), message: message(`api ${number}`) });
    }
    await sleep(150);
    heartbeat.stop();
    expect(lease.lost.aborted).toBe(false);
    expect(world.atRemote('rev-list', '--count', 'switchyard-state').trim()).toBe('8');
    expect(
      Number(world.atRemote('rev-list', '--count', 'refs/switchyard/lease/shop/production')),
    ).toBeGreaterThan(10);
    expect(written().end > first).toBe(true);
    await lease.release();
    expect(written()).toMatchObject({ released: true, fence: 1 });
    expect(world.log.lines.filter((line) => line.startsWith('warning'))).toEqual([]);
  });

  test('whose end has passed while its run slept forbids every change, without a round trip', async () => {
    let now = new Date('2026-11-21T14:00:00Z');
    const store = await world.store({ now: () => now });
    const { lease } = await store.acquire();
    expect(() => lease.assertMayChange()).not.toThrow();
    now = new Date('2026-11-21T14:02:01Z');
    expect(() => lease.assertMayChange()).toThrow(LeaseLostError);
    expect(lease.lost.aborted).toBe(true);
    expect(() => lease.assertMayChange()).toThrow(LeaseLostError);
  });

  test('that was given back forbids nothing: drains go on without it', async () => {
    const { lease } = await (await world.store()).acquire();
    await lease.release();
    expect(() => lease.assertMayChange()).not.toThrow();
  });

  test('that another run took aborts the signal at the next heartbeat', async () => {
    const past = new Date(Date.now() - 3_600_000);
    const { lease } = await (await world.store({ now: () => past, timings: { renewEveryMs: 50 } })).acquire();
    await (await world.store(asBob)).acquire();
    lease.startHeartbeat();
    expect(await lostReason(lease)).toMatchObject({ message: expect.stringContaining('taken over by bob') });
  });

  test('that cannot be renewed is tried again, and lost when its end passes', async () => {
    const timings = { ttlMs: 700, renewEveryMs: 50, retryMs: 50 };
    const store = await world.store({ timings });
    const { lease } = await store.acquire();
    renameSync(world.remote, `${world.remote}.away`);
    lease.startHeartbeat();
    const error = await lostReason(lease);
    renameSync(`${world.remote}.away`, world.remote);
    expect(error).toBeInstanceOf(LeaseLostError);
    expect(error).toMatchObject({ message: expect.stringContaining('was not renewed in time') });
    expect(world.log.lines).toContainEqual(expect.stringContaining('warning: the lease was not renewed'));
  });

  function lostReason(lease: HeldLease): Promise<unknown> {
    return new Promise((resolve) => lease.lost.addEventListener('abort', () => resolve(lease.lost.reason)));
  }
});

describe('the lease of a run that was killed', () => {
  test('is given back by its id, once, and what was recorded stays', async () => {
    const taken: (string | undefined)[] = [];
    const killed = await world.store({ onLease: (id) => taken.push(id) });
    await killed.acquire();
    await killed.commit({ state: withService('api', 1), message: message('api') });
    const post = await world.store(asBob);
    expect(await post.releaseLeft(taken[0]!)).toBe(true);
    expect(written()).toMatchObject({ id: taken[0], holder: 'alice', released: true });
    expect((await post.read()).state.services.api?.release).toBe(1);
    expect(await post.releaseLeft(taken[0]!)).toBe(false);
    const { lease } = await post.acquire();
    expect(lease.fence).toBe(2);
  });

  test('is another one by now: that is left alone', async () => {
    const taken: (string | undefined)[] = [];
    const killed = await world.store({ onLease: (id) => taken.push(id) });
    await (await killed.acquire()).lease.release();
    expect(taken).toEqual([expect.any(String), undefined]);
    const bobs = await world.store(asBob);
    await bobs.acquire();
    expect(await (await world.store()).releaseLeft(taken[0]!)).toBe(false);
    expect(written()).toMatchObject({ holder: 'bob', released: false });
  });
});

test('a store that is closed gives its lease back, also one that a commit released', async () => {
  const store = await world.store();
  await store.acquire();
  await store.close();
  expect(written()).toMatchObject({ released: true, fence: 1 });
  await store.close();
  const again = await world.store({ timings: fast });
  expect((await again.acquire({ timeoutMs: 0 })).lease.fence).toBe(2);
});
