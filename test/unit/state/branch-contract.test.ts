import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ScratchRepository } from '../../../src/git/scratch-repository.ts';
import type { Scope } from '../../../src/model/names.ts';
import type { Lease } from '../../../src/state/lease.ts';
import { type Advance, type Prepared, StateBranch, type Tip } from '../../../src/state/state-branch.ts';
import { MemoryRemote } from '../../simulation/world/state-branch.ts';
import { GitWorld } from './git-world.ts';

/** A remote as the cases need it: runs open branches of it, and a person changes it by hand. */
interface Remote {
  open(scope: Scope, name: string): Promise<StateBranch>;
  /** Writes one file at the tip of a ref. */
  edit(ref: string, path: string, text: string): void;
  remove(ref: string): void;
  /** The messages of the commits of a ref, the newest first. */
  history(ref: string): string[];
  close(): Promise<void>;
}

function gitRemote(): Remote {
  const world = new GitWorld();
  const opened: StateBranch[] = [];
  const dev = ['-c', 'user.name=dev', '-c', 'user.email=dev@example.com'];
  return {
    open: async (scope, name) => {
      const serverUrl = 'https://github.com';
      const options = {
        workspace: world.workspace,
        branch: name,
        token: undefined,
        serverUrl,
        env: world.env,
      };
      const branch = new StateBranch(await ScratchRepository.open(options), scope, name);
      opened.push(branch);
      return branch;
    },
    edit: (ref, path, text) => {
      const folder = join(world.directory, 'by-hand');
      world.git('clone', '--quiet', world.remote, folder);
      const git = (...args: string[]) => world.git('-C', folder, ...dev, ...args);
      git('fetch', '--quiet', 'origin', ref);
      git('checkout', '--quiet', '--detach', 'FETCH_HEAD');
      writeFileSync(join(folder, path), text);
      git('commit', '--quiet', '--all', '--message', 'by hand');
      git('push', '--quiet', 'origin', `HEAD:${ref}`);
    },
    remove: (ref) => void world.atRemote('update-ref', '-d', ref),
    history: (ref) =>
      world
        .atRemote('log', '-z', '--format=format:%B', ref)
        .split('\0')
        .map((text) => `${text.trimEnd()}\n`),
    close: async () => {
      await Promise.all(opened.map((branch) => branch.close()));
      await world.remove();
    },
  };
}

function memoryRemote(): Remote {
  const remote = new MemoryRemote();
  return {
    open: async (scope, name) => remote.branch(scope, { name }),
    edit: (...edit) => remote.edit(...edit),
    remove: (ref) => remote.remove(ref),
    history: (ref) => remote.history(ref),
    close: async () => undefined,
  };
}

const production = { project: 'shop', environment: 'production' };
const staging = { project: 'shop', environment: 'staging' };
const BRANCH = 'refs/heads/runs';
const LEASE = 'refs/switchyard/lease/shop/production';
const STATE = 'state/shop/production.json';
const RELEASE = 'releases/shop/production/api/1.json';
const signature = { name: 'alice', email: 'alice@example.com', at: new Date('2026-11-21T12:00:00Z') };

function lease(fence: number, change: Partial<Lease> = {}): Lease {
  return {
    schema: 1,
    id: `${fence}`,
    holder: 'alice',
    run: 'local',
    host: 'laptop',
    pid: 1,
    taken_at: '2026-11-21T12:00:00.000Z',
    end: '2026-11-21T12:02:00.000Z',
    fence,
    released: false,
    ...change,
  };
}

const advance = (fence: number, change: Partial<Advance> = {}): Advance => ({
  lease: lease(fence),
  signature,
  ...change,
});
const written = { state: '{ "n": 1 }\n', message: 'one\n' };

describe.each([
  ['git', gitRemote],
  ['in memory', memoryRemote],
])('a remote %s', (_kind, newRemote) => {
  let remote: Remote;
  let branch: StateBranch;
  beforeEach(async () => {
    remote = newRemote();
    branch = await remote.open(production, 'runs');
  });
  afterEach(() => remote.close());

  /** Pushes what shall change, on what stands there now. */
  async function push(change: Advance, at: StateBranch = branch): Promise<Tip> {
    const prepared = await at.prepare(await at.fetch(), change);
    expect(await at.push(prepared)).toBe('moved');
    return prepared.tip;
  }

  test('has nothing before the first push', async () => {
    expect(await branch.fetch()).toEqual({});
    expect(branch.location).toMatch(/ runs$/);
  });

  test('has what was pushed, as it was prepared', async () => {
    const tip = await push(advance(1, { ...written, immutable: new Map([[RELEASE, 'first\n']]) }));
    expect(tip.lease).toEqual({ ...lease(1), state: tip.state?.id });
    expect(tip.state?.text).toBe(written.state);
    expect(await branch.fetch()).toEqual(tip);
    const other = await remote.open(production, 'runs');
    expect(await other.fetch()).toEqual(tip);
    expect(remote.history(BRANCH)).toEqual(['one\n']);
    expect(remote.history(LEASE)).toEqual(['shop production: lease 1 held by alice\n\nRun: local\n']);
  });

  test('is read by file and folder, at the tip and at what was before', async () => {
    const { stateCommit: first = '' } = await push(
      advance(1, { ...written, immutable: new Map([[RELEASE, 'first\n']]) }),
    );
    const release = (number: number) => `releases/shop/production/api/${number}.json`;
    const { stateCommit: second = '' } = await push(
      advance(1, {
        state: '{ "n": 2 }\n',
        immutable: new Map([2, 10].map((number) => [release(number), `${number}\n`])),
        removed: [release(1), release(3)],
      }),
    );
    expect(await branch.files(second, [release(10), release(1), STATE])).toEqual([
      '10\n',
      undefined,
      '{ "n": 2 }\n',
    ]);
    expect(await branch.files(first, [RELEASE, release(2)])).toEqual(['first\n', undefined]);
    expect(await branch.files(first, [])).toEqual([]);
    expect(await branch.list(second, 'releases/shop/production/api')).toEqual(['10.json', '2.json']);
    expect(await branch.list(first, 'releases/shop/production/api')).toEqual(['1.json']);
    expect(await branch.list(second, 'releases/shop/production/web')).toEqual([]);
    expect(await branch.list(second, RELEASE)).toEqual([]);
    expect(await branch.list(second, '')).toEqual(['README.md', 'releases', 'state']);
  });

  test('moves the lease alone where no file changes', async () => {
    const before = await push(advance(1, written));
    const after = await push(advance(1, { ...written, lease: lease(1, { released: true }) }));
    expect(after).toMatchObject({ stateCommit: before.stateCommit, lease: { released: true } });
    expect(after.leaseCommit).not.toBe(before.leaseCommit);
    expect(remote.history(BRANCH)).toHaveLength(1);
    expect(remote.history(LEASE)).toHaveLength(2);
  });

  test('takes one of two that started from the same, and nothing of the other', async () => {
    const other = await remote.open(production, 'runs');
    const [mine, theirs] = await Promise.all(
      [branch, other].map(async (one, index) =>
        one.prepare(await one.fetch(), advance(1, { ...written, lease: lease(1, { id: `run ${index}` }) })),
      ),
    );
    expect(await branch.push(mine!)).toBe('moved');
    expect(await other.push(theirs!)).toEqual({ raced: expect.stringContaining('stale info') });
    expect(await other.fetch()).toEqual(mine?.tip);
  });

  test('calls a push of what stands there already a success: its first answer may have got lost', async () => {
    const prepared = await branch.prepare(await branch.fetch(), advance(1, written));
    expect(await branch.push(prepared)).toBe('moved');
    expect(await branch.push(prepared)).toBe('moved');
    expect(remote.history(BRANCH)).toHaveLength(1);
  });

  test('gives two that write the very same lease the same commit: only its random id parts them', async () => {
    const other = await remote.open(production, 'runs');
    const [mine, theirs] = await Promise.all(
      [branch, other].map(async (one) => one.prepare(await one.fetch(), advance(1))),
    );
    expect(theirs?.tip).toEqual(mine?.tip);
    expect(await branch.push(mine!)).toBe('moved');
    expect(await other.push(theirs!)).toBe('moved');
  });

  test('does not keep two environments apart where they move the same branch', async () => {
    const other = await remote.open(staging, 'runs');
    const tip = await branch.fetch();
    const [alone, both] = [
      await branch.prepare(tip, advance(1)),
      await branch.prepare(tip, advance(1, { ...written, lease: lease(1, { id: 'both' }) })),
    ];
    const theirs = await push(advance(1, { state: 'staging\n', message: 'staging\n' }), other);
    expect(await branch.push(both)).toEqual({ raced: expect.stringContaining('stale info') });
    expect((await branch.fetch()).leaseCommit).toBeUndefined();
    expect(await branch.push(alone)).toBe('moved');
    await push(advance(1, written));
    const seen = await other.fetch();
    expect(seen).toMatchObject({ state: theirs.state, leaseCommit: theirs.leaseCommit });
    expect(seen.stateCommit).not.toBe(theirs.stateCommit);
    expect(remote.history(BRANCH)).toEqual(['one\n', 'staging\n']);
  });

  test('refuses another content where a file is written once, before anything is pushed', async () => {
    const first = advance(1, { ...written, immutable: new Map([[RELEASE, 'first\n']]) });
    const tip = await push(first);
    const changed = { ...first, immutable: new Map([[RELEASE, 'other\n']]) };
    await expect(branch.prepare(tip, changed)).rejects.toThrow(`${RELEASE} on runs is already written`);
    expect(await push(first)).toMatchObject({ stateCommit: tip.stateCommit });
  });

  test('shows what a person wrote, which the lease does not know of', async () => {
    const tip = await push(advance(1, written));
    remote.edit(BRANCH, STATE, 'by hand\n');
    const seen = await branch.fetch();
    expect(seen.state?.text).toBe('by hand\n');
    expect(seen.leaseCommit).toBe(tip.leaseCommit);
    expect(seen.lease?.state).not.toBe(seen.state?.id);
    expect(remote.history(BRANCH)).toEqual(['by hand\n', 'one\n']);
  });

  test('names branch and file of a lease that cannot be read', async () => {
    await push(advance(1));
    remote.edit(LEASE, 'lease.json', '{}\n');
    await expect(branch.fetch()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining(`lease.json on ${LEASE} is not what Switchyard writes`),
    });
  });

  test('whose branch was deleted gets it anew, without a past', async () => {
    const old = await push(advance(1, written));
    remote.remove(BRANCH);
    const seen = await branch.fetch();
    expect(seen).toEqual({ leaseCommit: old.leaseCommit, lease: old.lease });
    const stale: Prepared = await branch.prepare(old, advance(1, { state: 'two\n', message: 'stale\n' }));
    expect(await branch.push(stale)).toEqual({ raced: expect.stringContaining('stale info') });
    const { stateCommit = '' } = await push(advance(1, { state: 'two\n', message: 'anew\n' }));
    expect(remote.history(BRANCH)).toEqual(['anew\n']);
    expect(await branch.list(stateCommit, '')).toEqual(['README.md', 'state']);
  });

  test('is told about in one sentence when it refuses', () => {
    expect(branch.refused('no')).toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/^state could not be written to .*: /),
    });
  });

  test('is no more talked to when the branch is closed', async () => {
    await branch.close();
    await expect(branch.fetch()).rejects.toThrow('closed');
  });
});
