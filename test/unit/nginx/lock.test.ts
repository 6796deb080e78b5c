import { expect, test } from '@jest/globals';
import { EngineError } from '../../../src/docker/http.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { LABEL } from '../../../src/model/labels.ts';
import { type LockHolder, withEdgeLocks } from '../../../src/nginx/lock.ts';

/** The server's clock: years behind that of the runners, so that whoever mixes them up is seen. */
const NOW = Date.parse('2020-02-02T12:00:00Z');
const holder: LockHolder = {
  run: 'ours',
  scope: { project: 'shop', environment: 'live' },
  fence: 1,
  signal: new AbortController().signal,
};
const log = { debug: () => undefined, info: () => undefined, warning: () => undefined };
const quiet = { ...log, group: <T>(_title: string, work: () => Promise<T>) => work() };

/** A server whose edge another run has locked so many seconds ago; it gives the lock back after some looks. */
class LockedServer {
  readonly removed: string[] = [];
  #held: string | undefined = 'theirs';
  #looks: number;
  readonly #created: string;

  constructor(ageSeconds: number, looks = Number.POSITIVE_INFINITY) {
    this.#created = new Date(NOW - ageSeconds * 1_000).toISOString();
    this.#looks = looks;
  }

  readonly engine = {
    createContainer: async () => {
      if (this.#held !== undefined) throw new EngineError(409, 'in use');
      this.#held = 'ours';
      return 'ours';
    },
    findContainer: async () => {
      if (this.#looks-- <= 0) this.#held = undefined;
      const labels = { [LABEL.holder]: 'theirs', [LABEL.project]: 'other' };
      return this.#held && { Id: this.#held, Created: this.#created, Config: { Labels: labels } };
    },
    info: async () => ({ SystemTime: new Date(NOW).toISOString() }),
    removeContainer: async (id: string) => {
      this.removed.push(id);
      if (this.#held === id) this.#held = undefined;
    },
  };

  lock(): Promise<string> {
    const server = { host: 'a', engine: this.engine } as unknown as Server;
    return withEdgeLocks([server], 'nginx', holder, quiet, async () => 'done');
  }
}

test('a lock that was taken a minute ago by the clock of its server is passed over', async () => {
  const server = new LockedServer(61);
  expect(await server.lock()).toBe('done');
  expect(server.removed).toEqual(['theirs', 'ours']);
});

test('a younger one is waited for, whatever the clocks of the runners say', async () => {
  const server = new LockedServer(2, 2);
  expect(await server.lock()).toBe('done');
  expect(server.removed).toEqual(['ours']);
});

test('an engine that refuses the lock is named', async () => {
  const server = new LockedServer(0);
  server.engine.createContainer = async () => {
    throw new EngineError(500, 'write /var/lib/docker/x: no space left on device');
  };
  await expect(server.lock()).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/^a: the edge cannot be locked: .*no space left on device/),
    hint: expect.stringContaining('docker system df'),
  });
});
