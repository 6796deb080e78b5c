import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/model/clock.ts';
import { LeaseLostError } from '../../../src/state/lease.ts';
import { ahead, GitWorld, message, recorded, release, withService } from './git-world.ts';

let world: GitWorld;
beforeEach(() => {
  world = new GitWorld();
});
afterEach(() => world.remove());

/** Writes one file on the state branch, as a person or a newer Switchyard would. */
function edit(path: string, change: (text: string) => string): void {
  const other = join(world.directory, 'other');
  world.git('clone', '--quiet', '--branch', 'switchyard-state', world.remote, other);
  writeFileSync(join(other, path), change(readFileSync(join(other, path), 'utf8')));
  const who = ['-c', 'user.name=dev', '-c', 'user.email=dev@example.com'];
  world.git('-C', other, ...who, 'commit', '--quiet', '-am', 'by hand');
  world.git('-C', other, 'push', '--quiet');
}

describe('the first deploy', () => {
  test('reads an empty state where nothing was deployed', async () => {
    const snapshot = await (await world.store()).read();
    expect(snapshot.commit).toBeUndefined();
    expect(snapshot.lease).toBeUndefined();
    expect(snapshot.state).toEqual({ schema: 1, project: 'shop', environment: 'production', services: {} });
    expect(await snapshot.release('api', 1)).toBeUndefined();
  });

  test('creates the branch as an orphan with a README, and the lease ref', async () => {
    const store = await world.store();
    const { lease, snapshot } = await store.acquire();
    expect(lease.fence).toBe(1);
    expect(snapshot.commit).toBeUndefined();
    const after = await store.commit({
      state: withService('api', 1),
      releases: [release('api', 1)],
      message: message('shop production: api → 1 (1 server)'),
      lease: 'release',
    });
    expect(lease.isReleased).toBe(true);
    expect(world.atRemote('rev-list', '--count', 'switchyard-state').trim()).toBe('1');
    expect(world.atRemote('ls-tree', '-r', '--name-only', 'switchyard-state').trim().split('\n')).toEqual([
      'README.md',
      'releases/shop/production/api/1.json',
      'state/shop/production.json',
    ]);
    expect(world.atRemote('show', 'switchyard-state:README.md')).toContain('What runs where');
    expect(world.atRemote('log', '-1', '--format=%an <%ae>%n%B', 'switchyard-state').trim()).toBe(
      [
        'switchyard <switchyard@users.noreply.github.com>',
        'shop production: api → 1 (1 server)',
        '',
        'Run: https://example.com/runs/1',
        'Actor: alice',
        'Commit: abc123',
      ].join('\n'),
    );
    expect(
      world.atRemote('log', '-1', '--format=%(trailers:key=Actor,valueonly)', 'switchyard-state').trim(),
    ).toBe('alice');
    expect(after.commit).toBe(world.atRemote('rev-parse', 'switchyard-state').trim());
    expect(await after.release('api', 1)).toEqual(release('api', 1));
    const read = await (await world.store()).read();
    expect(read.state.services.api).toEqual(recorded(1));
    expect(read.lease).toMatchObject({ holder: 'alice', fence: 1, released: true });
  });
});

describe('later deploys', () => {
  async function deploy(number: number): Promise<void> {
    const store = await world.store();
    await store.acquire();
    await store.commit({
      state: withService('api', number),
      releases: [release('api', number)],
      message: message(`shop production: api ${number - 1} → ${number} (1 server)`),
      lease: 'release',
    });
    await store.close();
  }

  test('are small diffs, one fact a line, in files with sorted keys', async () => {
    await deploy(1);
    await deploy(2);
    const changed = world.atRemote('diff', '--numstat', 'switchyard-state~', 'switchyard-state').trim();
    expect(changed).toMatch(
      /^\d+\t0\treleases\/shop\/production\/api\/2\.json\n4\t4\tstate\/shop\/production\.json$/,
    );
    const text = world.atRemote('show', 'switchyard-state:state/shop/production.json');
    expect(text.endsWith('}\n')).toBe(true);
    const keys = text.split('\n').flatMap((line) => /^ {6}"(\w+)":/.exec(line)?.[1] ?? []);
    expect(keys).toEqual([...keys].sort());
  });

  test('give up old releases in the commit that records the new one; the history keeps them', async () => {
    for (const number of [1, 2, 10]) await deploy(number);
    const store = await world.store();
    const { snapshot } = await store.acquire();
    expect(await snapshot.releaseNumbers('api')).toEqual([1, 2, 10]);
    expect((await snapshot.releases('api')).map(({ number }) => number)).toEqual([1, 2, 10]);
    expect(await snapshot.releaseNumbers('web')).toEqual([]);
    const after = await store.commit({
      state: withService('api', 11),
      releases: [release('api', 11)],
      // One that is not there is fine: a run that was cut off may have removed it.
      expired: [1, 2, 3].map((number) => ({ service: 'api', number })),
      message: message('shop production: api 10 → 11 (1 server)'),
      lease: 'release',
    });
    expect(await after.releaseNumbers('api')).toEqual([10, 11]);
    expect(await after.release('api', 1)).toBeUndefined();
    expect(world.atRemote('show', 'switchyard-state~:releases/shop/production/api/1.json')).toContain(
      '"number": 1',
    );
  });

  test('keep fields that this version does not know', async () => {
    const rollout = { strategy: 'toggle', step: 'starting', run: 'local', since: '2026-11-21T12:00:00.000Z' };
    await deploy(1);
    edit('state/shop/production.json', (text) =>
      JSON.stringify({
        ...JSON.parse(text),
        later: { field: 1 },
        services: { api: { ...recorded(1), canary: 10, rollout: { ...rollout, release: 9 } } },
      }),
    );
    await deploy(2);
    const state = JSON.parse(world.atRemote('show', 'switchyard-state:state/shop/production.json'));
    expect(state.later).toEqual({ field: 1 });
    expect(state.services.api).toEqual({ ...recorded(2), canary: 10 });
  });

  test('refuse a newer schema and damaged JSON, and leave the lease alone', async () => {
    await deploy(1);
    edit('state/shop/production.json', (text) => text.replace('"schema": 1', '"schema": 2'));
    const store = await world.store();
    await expect(store.acquire()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('state/shop/production.json on switchyard-state has schema 2'),
      hint: expect.stringContaining('update Switchyard'),
    });
    expect(
      (await world.atRemote('show', 'refs/switchyard/lease/shop/production:lease.json')).includes(
        '"fence": 1',
      ),
    ).toBe(true);
    world.git('-C', join(world.directory, 'other'), 'reset', '--quiet', '--hard', 'HEAD~');
    world.git('-C', join(world.directory, 'other'), 'push', '--quiet', '--force');
    world.git(
      '-C',
      world.directory,
      'clone',
      '--quiet',
      '--branch',
      'switchyard-state',
      world.remote,
      'third',
    );
    writeFileSync(join(world.directory, 'third/state/shop/production.json'), '{ "schema": 1,');
    world.git(
      '-C',
      join(world.directory, 'third'),
      '-c',
      'user.name=d',
      '-c',
      'user.email=d@e',
      'commit',
      '-qam',
      'x',
    );
    world.git('-C', join(world.directory, 'third'), 'push', '--quiet');
    await expect(store.read()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('state/shop/production.json on switchyard-state is not valid JSON'),
    });
  });

  test('never change a release; the same one again is fine', async () => {
    await deploy(1);
    const store = await world.store();
    const { lease } = await store.acquire();
    const before = world.atRemote('rev-parse', 'switchyard-state');
    const change = { state: withService('api', 1), message: message('again') };
    await expect(store.commit({ ...change, releases: [release('api', 1, 'other:1')] })).rejects.toThrow(
      /releases\/shop\/production\/api\/1\.json on switchyard-state is already written/,
    );
    await store.commit({ ...change, releases: [release('api', 1)] });
    // Nothing differs: no commit, but the lease was renewed.
    expect(world.atRemote('rev-parse', 'switchyard-state')).toBe(before);
    expect(lease.lost.aborted).toBe(false);
  });

  test('ask for several releases with one process', async () => {
    await deploy(1);
    await deploy(2);
    const snapshot = await (await world.store()).read();
    const [first, second, none] = await Promise.all(
      [1, 2, 3].map((number) => snapshot.release('api', number)),
    );
    expect([first?.number, second?.number, none]).toEqual([1, 2, undefined]);
  });
});

describe('several writers', () => {
  test('of one environment have the lease one at a time, and the fence rises', async () => {
    let holders = 0;
    const fences: number[] = [];
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const store = await world.store({ timings: { pollMs: 30 } });
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
  }, 30_000);

  test('a heartbeat and commits of one run never fight each other', async () => {
    const store = await world.store({ timings: { renewEveryMs: 20 } });
    const { lease } = await store.acquire();
    lease.startHeartbeat();
    for (let number = 1; number <= 8; number++) {
      await store.commit({ state: withService('api', number), message: message(`api ${number}`) });
    }
    await lease.release();
    expect(lease.lost.aborted).toBe(false);
    const written = (ref: string) => Number(world.atRemote('rev-list', '--count', ref));
    expect(written('switchyard-state')).toBe(8);
    // Taken, with each commit, and given back: what is more was the heartbeat.
    expect(written('refs/switchyard/lease/shop/production')).toBeGreaterThan(1 + 8 + 1);
    expect(world.log.lines.filter((line) => line.startsWith('warning'))).toEqual([]);
  });

  test('of different environments all get through', async () => {
    const names = ['production', 'staging', 'preview'];
    await Promise.all(
      names.map(async (environment) => {
        const store = await world.store({ scope: { project: 'shop', environment } });
        await store.acquire();
        for (const number of [1, 2, 3]) {
          await store.commit({
            state: withService('api', number),
            message: message(`${environment} ${number}`),
          });
        }
        await store.close();
      }),
    );
    for (const environment of names) {
      const text = world.atRemote('show', `switchyard-state:state/shop/${environment}.json`);
      expect(JSON.parse(text).services.api.release).toBe(3);
    }
    // Every write is there once: nothing was overwritten and nothing was written twice.
    expect(world.atRemote('rev-list', '--count', 'switchyard-state').trim()).toBe('9');
  }, 30_000);

  test('apply a change anew on what a person wrote meanwhile', async () => {
    const store = await world.store();
    await store.acquire();
    await store.commit({ state: withService('api', 1), message: message('one') });
    edit('state/shop/production.json', (text) =>
      text.replace('"schema": 1', '"note": "by hand",\n "schema": 1'),
    );
    await store.commit({ state: withService('web', 1), message: message('two') });
    const state = JSON.parse(world.atRemote('show', 'switchyard-state:state/shop/production.json'));
    expect(Object.keys(state.services)).toEqual(['api', 'web']);
    expect(state.note).toBe('by hand');
  });

  test('make the branch anew when somebody deletes it meanwhile, with all that it said', async () => {
    const store = await world.store();
    await store.acquire();
    await store.commit({ state: withService('api', 1), message: message('one') });
    world.atRemote('update-ref', '-d', 'refs/heads/switchyard-state');
    const { state } = await store.commit({ state: withService('web', 1), message: message('two') });
    expect(Object.keys(state.services)).toEqual(['api', 'web']);
    const read = await (await world.store()).read();
    expect(read.state).toEqual(state);
    expect(world.atRemote('show', 'switchyard-state:README.md')).toContain('What runs where');
  });

  test('of which one may not move the branch: nothing moves, and its lease is given back', async () => {
    const rule = '#!/bin/sh\ncase "$1" in refs/heads/*) echo "GH013: rule violations" >&2; exit 1;; esac\n';
    writeFileSync(join(world.remote, 'hooks/update'), rule, { mode: 0o755 });
    const store = await world.store();
    const { lease } = await store.acquire();
    await expect(
      store.commit({ state: withService('api', 1), message: message('one') }),
    ).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('the branch is protected'),
    });
    expect(world.atRemote('for-each-ref', '--format=%(refname)')).not.toContain('switchyard-state');
    expect(lease.lost.aborted).toBe(false);
    await store.close();
    expect((await (await world.store()).read()).lease).toMatchObject({ released: true });
  });

  test('with a lost lease write nothing', async () => {
    const stale = await world.store({ clock: ahead(systemClock, -3_600_000) });
    const { lease } = await stale.acquire();
    await stale.commit({ state: withService('api', 1), message: message('one') });
    const fresh = await world.store({ run: { actor: 'bob', run: 'local', serverUrl: 'https://github.com' } });
    const taken = await fresh.acquire();
    expect(taken.lease.fence).toBe(2);
    const before = world.atRemote('for-each-ref');
    await expect(
      stale.commit({ state: withService('api', 2), releases: [release('api', 2)], message: message('two') }),
    ).rejects.toThrow(LeaseLostError);
    expect(world.atRemote('for-each-ref')).toBe(before);
    expect(lease.lost.aborted).toBe(true);
    expect(lease.lost.reason).toMatchObject({ message: expect.stringContaining('taken over by bob') });
    await expect(stale.commit({ state: (state) => state, message: message('x') })).rejects.toThrow(
      LeaseLostError,
    );
    await expect(lease.confirm()).rejects.toThrow(LeaseLostError);
    await stale.close();
    expect(world.atRemote('for-each-ref')).toBe(before);
  });
});

describe('the workspace', () => {
  test('is left as it was: refs, configuration, index, work tree, and no scratch folder', async () => {
    writeFileSync(join(world.workspace, 'app.txt'), 'edited\n');
    writeFileSync(join(world.workspace, 'new.txt'), 'new\n');
    world.inWorkspace('add', 'new.txt');
    const look = (): string =>
      [
        world.inWorkspace('status', '--porcelain=v2', '--branch'),
        world.inWorkspace('for-each-ref'),
        world.inWorkspace('config', '--list', '--local'),
        world.inWorkspace('count-objects', '-v'),
        readFileSync(join(world.workspace, '.git/index')).toString('hex'),
        readdirSync(join(world.workspace, '.git')).sort().join(' '),
      ].join('\n');
    const before = look();
    const store = await world.store();
    await store.acquire();
    await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
    await store.close();
    expect(look()).toBe(before);
    expect(readdirSync(world.directory).filter((name) => name.startsWith('switchyard-git-'))).toEqual([]);
  });

  test('without a remote keeps the state in its own repository', async () => {
    const local = new GitWorld({ hasRemote: false });
    try {
      const status = local.inWorkspace('status', '--porcelain=v2', '--branch');
      const store = await local.store();
      await store.acquire();
      await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
      expect(local.inWorkspace('status', '--porcelain=v2', '--branch')).toBe(status);
      expect(local.inWorkspace('for-each-ref', '--format=%(refname)').trim().split('\n')).toEqual([
        'refs/heads/main',
        'refs/heads/switchyard-state',
        'refs/switchyard/lease/shop/production',
      ]);
      local.inWorkspace('switch', '--quiet', 'switchyard-state');
      const second = await local.store();
      await second.acquire();
      await expect(
        second.commit({ state: withService('api', 2), message: message('two') }),
      ).rejects.toMatchObject({
        name: 'UserError',
        message: expect.stringContaining('"switchyard-state" is checked out'),
      });
    } finally {
      await local.remove();
    }
  });

  test('may be a folder below the top, with a relative remote, and a bare repository', async () => {
    world.inWorkspace('remote', 'set-url', 'origin', '../origin.git');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(world.workspace, 'deep/er'), { recursive: true });
    const store = await world.store({ workspace: join(world.workspace, 'deep/er') });
    await store.acquire();
    await store.close();
    expect(world.atRemote('for-each-ref', '--format=%(refname)')).toContain(
      'refs/switchyard/lease/shop/production',
    );
    const bare = await world.store({ workspace: world.remote });
    expect((await bare.read()).lease).toMatchObject({ released: true });
  });

  test('may name its objects by SHA-256', async () => {
    const modern = new GitWorld({ hasRemote: true, format: 'sha256' });
    try {
      const store = await modern.store();
      await store.acquire();
      const after = await store.commit({
        state: withService('api', 1),
        releases: [release('api', 1)],
        message: message('one'),
      });
      expect(after.commit).toHaveLength(64);
      expect((await store.read()).state.services.api?.release).toBe(1);
    } finally {
      await modern.remove();
    }
  });
});

describe('a person is told what to do when', () => {
  test('there is no repository', async () => {
    await expect(world.store({ workspace: world.directory })).rejects.toMatchObject({
      name: 'UserError',
      hint: expect.stringContaining('actions/checkout'),
    });
  });

  test('the remote is not there, or not one of ours', async () => {
    world.inWorkspace('remote', 'set-url', 'origin', join(world.directory, 'nowhere.git'));
    await expect((await world.store()).read()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('there is no repository'),
    });
    world.inWorkspace('remote', 'set-url', 'origin', 'http://127.0.0.1:1/x.git');
    await expect((await world.store()).read()).rejects.toMatchObject({
      message: expect.stringContaining('it cannot be reached'),
    });
  });

  test('the branch is protected by a hook', async () => {
    const hook = join(world.remote, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "GH006: Protected branch update failed" >&2; exit 1\n', {
      mode: 0o755,
    });
    await expect((await world.store()).acquire()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/the branch is protected\n.*GH006/s),
    });
  });

  test('names are not allowed', async () => {
    await expect(world.store({ branch: '--upload-pack=x' })).rejects.toMatchObject({ name: 'UserError' });
    await expect(world.store({ scope: { project: '../x', environment: 'y' } })).rejects.toMatchObject({
      name: 'UserError',
    });
    expect(readdirSync(world.directory).filter((name) => name.startsWith('switchyard-git-'))).toEqual([]);
  });
});
