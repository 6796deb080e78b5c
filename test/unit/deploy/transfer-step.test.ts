import { beforeEach, describe, expect, test } from '@jest/globals';
import { pull } from '../../../src/deploy/steps/pull.ts';
import { EngineError } from '../../../src/docker/http.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { transferredName } from '../../../src/model/transferred-image.ts';
import type { LayoutStore } from '../../../src/registry/layout-store.ts';
import { ForwardingRefused } from '../../../src/ssh/connection.ts';
import { servers } from '../../simulation/stories/specs.ts';
import { keptImage } from '../registry/layouts.ts';
import { contextOf, writtenLog } from './contexts.ts';

let layouts: LayoutStore;
let image: string;
let done: string[];
beforeEach(async () => {
  const { store, digest } = await keptImage(['base', 'source']);
  layouts = store;
  image = transferredName(`shop-production-api@${digest}`)!;
  done = [];
});

/** Runs the step on a server that does so. */
async function bring({ pulls, loads, listens }: { pulls?: Error; loads?: Error; listens?: Error }) {
  const log = writtenLog();
  const act = async (what: string, failure: Error | undefined) => {
    done.push(what);
    if (failure !== undefined) throw failure;
  };
  const engine = {
    explainWith: () => undefined,
    pullImage: () => act('pull', pulls),
    loadImages: () => act('load', loads),
    tagImage: () => act('tag', undefined),
    removeImage: () => act('remove', undefined),
  };
  const listen = async () => {
    if (listens !== undefined) throw listens;
    return { port: 1, close: async () => undefined };
  };
  const [spec] = servers(1);
  const server = { spec: spec!, name: spec!.name, engine, listen } as unknown as Server;
  const context = await contextOf([server], { clock: systemClock, log });
  await pull.run({ kind: 'pull', server: 'a', image, policy: 'missing' }, { ...context, layouts });
  return log.lines;
}

test('what was sent is told', async () => {
  expect(await bring({})).toEqual([`info: a: ${image} is there, 0.0 MB of it were sent`]);
  expect(done).toEqual(['pull', 'tag', 'remove']);
});

describe('an image goes as a whole, and why is told,', () => {
  test.each([
    ['where sshd does not listen', { listens: new ForwardingRefused('no') }, /set "AllowTcpForwarding yes"/],
    [
      'where the engine has a network of its own',
      { pulls: new EngineError(500, 'dial tcp 127.0.0.1:1: connect: connection refused') },
      /the engine does not reach 127\.0\.0\.1 of its server/,
    ],
  ])('%s', async (_where, what, why) => {
    const [warning] = await bring(what);
    expect(warning).toMatch(why);
    expect(done.at(-1)).toBe('load');
  });
});

test('what the engine refuses is an error that says what to do', async () => {
  const pulls = new EngineError(500, 'write /var/lib/docker/tmp/x: no space left on device');
  await expect(bring({ pulls })).rejects.toMatchObject({
    message: expect.stringMatching(
      /^a: transferring shop-production-api:sha256-.*: the Docker engine refuses/,
    ),
    hint: expect.stringContaining('The disk of that server is full'),
  });
});

test('an image that is not here is an error, and nothing is asked of the server', async () => {
  image = transferredName(`shop-production-api@sha256:${'0'.repeat(64)}`)!;
  await expect(bring({})).rejects.toThrow('is not there, and this run does not have it');
  expect(done).toEqual([]);
});
