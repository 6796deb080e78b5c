import { describe, expect, test } from '@jest/globals';
import { upTo } from '../../../src/deploy/planning/graph.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { deployed, planFor } from './deployed.ts';
import { database, servers, service, shop } from './specs.ts';
import { convergence, rest } from './story.ts';

const SIDECAR = /shop_production_nginx\/kill HUP/;
const EDGE = /switchyard_edge\/kill HUP/;
/** All but the last are more than the time in which an nginx that says something else than its pointer is asked again. */
const RELOADS_MS = [2_400, 9_000, 500];
/** Until the next run begins: nginx has read its files by then. And how long the streams of users stay open. */
const TIMES = [
  { pauseMs: 20, streamMs: 0 },
  { pauseMs: 1_000, streamMs: 20_000 },
];
const OTHER_TIMES = [
  { pauseMs: 20, streamMs: 20_000 },
  { pauseMs: 1_000, streamMs: 0 },
];
const isFull = process.env.SWITCHYARD_FULL === '1';

const api = (version: number, on = 1) =>
  shop([service('api', { image: `api:${version}`, servers: on })], servers(on));
/** A version that edge and sidecar have to read something new for. */
const changed = (version: number, on = 1): EnvironmentSpec => {
  const spec = api(version, on);
  for (const one of spec.services) one.route.idleTimeoutMs = 5_000;
  return spec;
};
const STORIES: Record<string, { before: EnvironmentSpec; cutOff: EnvironmentSpec; next: EnvironmentSpec }> = {
  'the other side back': { before: api(1), cutOff: changed(2), next: api(1) },
  'a third version': { before: api(1), cutOff: changed(2), next: api(3) },
  'the other sides of two servers back': { before: api(1, 2), cutOff: changed(2, 2), next: api(1, 2) },
  'a service back that was removed': {
    before: shop([service('api'), service('web')]),
    cutOff: shop([service('api')]),
    next: shop([service('api'), service('web')]),
  },
  'a database back that was removed': {
    before: shop([service('api'), database('db')]),
    cutOff: shop([service('api')]),
    next: shop([service('api'), database('db')]),
  },
};

/** The run that was killed took the route away, as it was told: that is no loss of the next one, which brings it back. */
const wasTakenAway = ({ what }: World['lost'][number]) => what === 'nginx has no route';

/** A run is killed when it has told an nginx to read, on a server where that takes a while. */
describe.each(Object.entries(STORIES))('the next run wants %s', (_what, { before, cutOff, next }) => {
  const leaving = before.services.find(({ name }) => cutOff.services.every((one) => one.name !== name));
  // A database is at no edge.
  const moments = leaving?.protocol === 'tcp' ? [SIDECAR] : [SIDECAR, EDGE];
  test.each(moments.flatMap((moment) => RELOADS_MS.map((reloadMs) => [moment, reloadMs] as const)))(
    'while a reload after %s takes %i ms',
    async (moment, reloadMs) => {
      for (const { pauseMs, streamMs } of isFull ? [...TIMES, ...OTHER_TIMES] : TIMES) {
        const world = new World();
        const setReloads = (ms: number) => {
          for (const machine of world.machines.values()) machine.reloadMs = ms;
        };
        world.users.streamMs = streamMs;
        await world.deploy(before);
        await rest(world);
        setReloads(reloadMs);
        const strikes = [{ at: moment, when: 'after' as const, how: 'killed' as const }];
        expect(await world.tryDeploy(cutOff, { strikes })).toEqual({ how: 'killed' });
        await world.clock.pass(pauseMs);
        setReloads(0);
        const wrong = await convergence(world, next);
        const lost = world.lost.filter((loss) => !wasTakenAway(loss));
        const isAllowed = wrong?.startsWith('lost') && lost.length === 0;
        expect([pauseMs, streamMs, isAllowed ? undefined : wrong, lost]).toEqual([
          pauseMs,
          streamMs,
          undefined,
          [],
        ]);
        for (const { name } of next.services) expect(world.serving(name)).toBeDefined();
      }
    },
  );
});

test('what is left to drain waits until routes are right that somebody has changed', async () => {
  const world = await deployed(api(1));
  await world.deployUntil(/begins: drain/, api(2));
  await rest(world);
  const [sidecar] = world.containersOf('a', 'sidecar');
  const volume = sidecar!.mounts.find(({ volume: one }) => one?.files.has('nginx.conf'))!.volume!;
  for (const [path, text] of volume.files)
    if (path.endsWith('.conf') && text.includes('upstream')) volume.files.set(path, `${text}# changed`);
  const { steps } = await planFor(world, api(2));
  const drain = steps.find(({ step }) => step.kind === 'drain')!;
  expect(upTo(steps, [drain.id]).map(({ step }) => step.kind)).toEqual(['stage', 'switch', 'prove', 'drain']);
});

/** Each change is one that edge and sidecar have to read something new for. */
const withIdleTimeout = (version: number, idleTimeoutMs: number): EnvironmentSpec => {
  const spec = api(version);
  for (const one of spec.services) one.route.idleTimeoutMs = idleTimeoutMs;
  return spec;
};

/** nginx reads one change while the next two runs come, of which the first is killed as well. */
describe.each([SIDECAR, EDGE])('two runs are killed within one reload after %s', (moment) => {
  test.each([
    ['the state before', api(1)],
    ['the first change again', withIdleTimeout(2, 5_000)],
    ['the second change again', withIdleTimeout(3, 7_000)],
    ['a third change', withIdleTimeout(4, 9_000)],
  ])('and the third wants %s', async (_what, next) => {
    for (const { pauseMs } of TIMES) {
      const world = await deployed(api(1));
      const setReloads = (ms: number) => {
        for (const machine of world.machines.values()) machine.reloadMs = ms;
      };
      setReloads(Math.max(...RELOADS_MS));
      for (const change of [withIdleTimeout(2, 5_000), withIdleTimeout(3, 7_000)]) {
        const strikes = [{ at: moment, when: 'after' as const, how: 'killed' as const }];
        expect(await world.tryDeploy(change, { strikes })).toEqual({ how: 'killed' });
        await world.clock.pass(pauseMs);
      }
      setReloads(0);
      expect([pauseMs, await convergence(world, next), world.lost]).toEqual([pauseMs, undefined, []]);
    }
  });
});
