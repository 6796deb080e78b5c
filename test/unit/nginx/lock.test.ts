import { describe, expect, test } from '@jest/globals';
import { EngineError } from '../../../src/docker/http.ts';
import type { Server } from '../../../src/fleet/server.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { LABEL } from '../../../src/model/labels.ts';
import { type EdgeLocks, type LockHolder, takeEdgeLocks, withEdgeLocks } from '../../../src/nginx/lock.ts';
import { quickClock } from './quick-clock.ts';

/** The server's clock: years behind that of the runners, so that whoever mixes them up is seen. */
const NOW = Date.parse('2020-02-02T12:00:00Z');
const holder: LockHolder = { run: 'ours', scope: { project: 'shop', environment: 'live' }, fence: 1 };
const log = { debug: () => undefined, info: () => undefined, warning: () => undefined };
const quiet = { ...log, group: <T>(_title: string, work: () => Promise<T>) => work() };

/** A server whose edge another run may have locked so many seconds ago; it gives the lock back after some looks. */
class LockedServer {
  readonly name: string;
  readonly removed: string[] = [];
  readonly labels: Record<string, string> = { [LABEL.holder]: 'theirs', [LABEL.project]: 'other' };
  held: string | undefined = 'theirs';
  #looks: number;
  readonly #created: string;

  constructor(ageSeconds: number, looks = Number.POSITIVE_INFINITY, name = 'a') {
    this.name = name;
    this.#created = new Date(NOW - ageSeconds * 1_000).toISOString();
    this.#looks = looks;
  }

  static free(name: string): LockedServer {
    const server = new LockedServer(0, 0, name);
    server.held = undefined;
    return server;
  }

  readonly engine = {
    createContainer: async () => {
      if (this.held !== undefined) throw new EngineError(409, 'in use');
      this.held = 'ours';
      return 'ours';
    },
    findContainer: async () => {
      if (this.#looks-- <= 0) this.held = undefined;
      return this.held && { Id: this.held, Created: this.#created, Config: { Labels: this.labels } };
    },
    info: async () => ({ SystemTime: new Date(NOW).toISOString() }),
    removeContainer: async (id: string) => {
      this.removed.push(id);
      if (this.held === id) this.held = undefined;
    },
  };

  lock(clock: Clock = quickClock()): Promise<string> {
    return withEdgeLocks([serverOf(this)], 'nginx', holder, clock, quiet, async () => 'done');
  }
}

function serverOf(server: LockedServer): Server {
  return server as unknown as Server;
}

function take(servers: LockedServer[], clock: Clock = quickClock()): Promise<EdgeLocks> {
  return takeEdgeLocks(servers.map(serverOf), 'nginx', holder, clock, quiet);
}

describe('a lock that another run holds', () => {
  test('is passed over when it was taken a minute ago by the clock of its server', async () => {
    const server = new LockedServer(61);
    expect(await server.lock()).toBe('done');
    expect(server.removed).toEqual(['theirs', 'ours']);
  });

  test('is waited for when it is younger, whatever the clocks of the runners say', async () => {
    const server = new LockedServer(2, 2);
    expect(await server.lock()).toBe('done');
    expect(server.removed).toEqual(['ours']);
  });

  test('is passed over when its holder falls silent while we wait', async () => {
    const server = new LockedServer(2);
    const clock = quickClock();
    const begun = clock.now();
    expect(await server.lock(clock)).toBe('done');
    expect(server.removed).toEqual(['theirs', 'ours']);
    expect((clock.now() - begun) / 1_000).toBeCloseTo(58, 0);
  });

  test('of our own environment is passed over when its lease was lost to us', async () => {
    const server = new LockedServer(2);
    const { project, environment } = holder.scope;
    Object.assign(server.labels, { [LABEL.project]: project, [LABEL.environment]: environment });
    server.labels[LABEL.fence] = '0';
    expect(await server.lock()).toBe('done');
    expect(server.removed).toEqual(['theirs', 'ours']);
  });

  test('is given up when others take it again and again, with who holds it', async () => {
    const server = new LockedServer(0);
    let taken = 0;
    server.engine.removeContainer = async () => {
      server.held = `theirs-${++taken}`;
    };
    await expect(server.lock()).rejects.toMatchObject({
      name: 'UserError',
      message: 'a: the edge is being changed by theirs',
    });
  });

  test('is waited for no longer when the run ends', async () => {
    const server = new LockedServer(0);
    const run = new AbortController();
    const lock = server.lock(quickClock().endingWith(run.signal));
    run.abort(new Error('cancelled'));
    await expect(lock).rejects.toThrow('cancelled');
    expect(server.removed).toEqual([]);
  });
});

describe('locks of several servers', () => {
  test('are held until they are released, which may be said twice', async () => {
    const servers = [LockedServer.free('a'), LockedServer.free('b')];
    const locks = await take(servers);
    expect(servers.map(({ held }) => held)).toEqual(['ours', 'ours']);
    await locks.release();
    await locks.release();
    expect(servers.map(({ removed }) => removed)).toEqual([['ours'], ['ours']]);
  });

  test('that could not be given back are given back by the next release', async () => {
    const servers = [LockedServer.free('a'), LockedServer.free('b')];
    const locks = await take(servers);
    const { removeContainer } = servers[0]!.engine;
    servers[0]!.engine.removeContainer = async () => {
      throw new Error('cut off');
    };
    await expect(locks.release()).rejects.toThrow('cut off');
    servers[0]!.engine.removeContainer = removeContainer;
    await locks.release();
    expect(servers.map(({ removed }) => removed)).toEqual([['ours'], ['ours']]);
  });

  test('tell until when no other run passes over them', async () => {
    const clock = quickClock();
    const { endsAt } = await take([LockedServer.free('a')], clock);
    expect(endsAt - clock.now()).toBe(60_000);
  });

  test('are not held while one of them is waited for', async () => {
    const first = LockedServer.free('a');
    const second = new LockedServer(2, 2, 'b');
    const locks = await take([second, first]);
    expect(first.removed).toEqual(['ours']);
    expect([first.held, second.held]).toEqual(['ours', 'ours']);
    await locks.release();
  });

  test('of no servers are no locks', async () => {
    await expect((await take([])).release()).resolves.toBeUndefined();
  });
});

test('an engine that refuses the lock is named', async () => {
  const server = LockedServer.free('a');
  server.engine.createContainer = async () => {
    throw new EngineError(500, 'write /var/lib/docker/x: no space left on device');
  };
  await expect(server.lock()).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/^a: the edge cannot be locked: .*no space left on device/),
    hint: expect.stringContaining('docker system df'),
  });
});
