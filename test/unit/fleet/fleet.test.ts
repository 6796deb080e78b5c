import { expect, test } from '@jest/globals';
import { EngineClient } from '../../../src/docker/engine-client.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import type { Provider, Server } from '../../../src/fleet/server.ts';
import { UserError } from '../../../src/model/errors.ts';
import type { ServerSpec } from '../../../src/model/spec.ts';
import { messagesOfAsync } from './messages.ts';

const spec = (name: string): ServerSpec => ({
  name,
  host: `${name}.example.com`,
  port: 22,
  user: 'deploy',
  zone: 'default',
  hostKeys: [],
});
const ANSWER = { status: 200, headers: {}, body: '' };
const guards: (() => void)[] = [];
const closed: string[] = [];

/** Servers whose engines cannot be reached; those that are called `down` not even themselves. */
const provider: Provider = {
  servers: async () => [],
  ensure: async () => [],
  async connect(spec): Promise<Server> {
    if (spec.name.startsWith('down')) throw new UserError(`${spec.name}: the server did not answer`);
    if (spec.name.startsWith('bug')) throw new Error('a bug of ours');
    return {
      spec,
      name: spec.name,
      engine: new EngineClient(async () => Promise.reject(new Error('the socket is gone'))),
      http: {
        get: async () => ANSWER,
        put: async () => ANSWER,
        delete: async () => ANSWER,
        guardWith: (guard) => void guards.push(guard),
        keepAlive: () => ({ get: async () => 200, close: async () => undefined }),
      },
      dial: async () => Promise.reject(new Error('nobody listens')),
      listen: async () => Promise.reject(new Error('nobody listens')),
      handshake: async () => Promise.reject(new Error('nobody listens')),
      freeBytes: async () => undefined,
      close: async () => void closed.push(spec.name),
    };
  },
};

test('a server is found by its name, not by its address', async () => {
  const fleet = await Fleet.connect(provider, [spec('web-1'), spec('web-2')]);
  expect(fleet.server('web-2').spec.host).toBe('web-2.example.com');
  expect(() => fleet.server('web-2.example.com')).toThrow('no server web-2.example.com in the fleet');
});

test('all that cannot be reached are named, and the others are let go', async () => {
  closed.length = 0;
  const connecting = Fleet.connect(provider, ['down-1', 'web-1', 'down-2'].map(spec));
  expect(await messagesOfAsync(connecting)).toEqual([
    'down-1: the server did not answer',
    'down-2: the server did not answer',
  ]);
  expect(closed).toEqual(['web-1']);
});

test('a mistake of ours is not told as one of the user', async () => {
  await expect(Fleet.connect(provider, [spec('down-1'), spec('bug-1')])).rejects.toThrow(/^a bug of ours$/);
});

test('a call that is cut off names the server', async () => {
  const fleet = await Fleet.connect(provider, [spec('web-1')]);
  await expect(fleet.server('web-1').engine.info()).rejects.toThrow(
    'web-1: the connection to its Docker engine broke off (the socket is gone)',
  );
});

test('the guard is asked on every server, and calls are counted over all', async () => {
  const fleet = await Fleet.connect(provider, [spec('web-1'), spec('web-2')]);
  await fleet.onAll(({ engine }) => engine.removeVolume('data').catch(() => undefined));
  expect(fleet.calls()).toBe(2);
  const guard = () => {
    throw new UserError('the lease is lost');
  };
  fleet.guardWith(guard);
  expect(guards).toEqual([guard, guard]);
  expect(await messagesOfAsync(fleet.onAll(({ engine }) => engine.removeVolume('data')))).toEqual([
    'the lease is lost',
    'the lease is lost',
  ]);
  expect(fleet.calls()).toBe(2);
});

test('closing it closes every server', async () => {
  closed.length = 0;
  await (await Fleet.connect(provider, [spec('web-1'), spec('web-2')])).close();
  expect(closed).toEqual(['web-1', 'web-2']);
});
