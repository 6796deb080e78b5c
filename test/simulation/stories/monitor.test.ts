import { expect, test } from '@jest/globals';
import type { DeployReport } from '../../../src/deploy/request.ts';
import type { Ended } from '../world/simulation.ts';
import { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld } from './deployed.ts';
import { MONITOR, type ServiceChanges, servers, service, shop } from './specs.ts';
import { failureOf, rest } from './story.ts';

const TWO_MINUTES = { ...MONITOR, periodMs: 120_000 };
const api = (image: string, changes: ServiceChanges = {}) =>
  shop([service('api', { image, servers: 2, policy: { monitor: TWO_MINUTES }, ...changes })], servers(2));
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

function reportOf(ended: Ended<DeployReport>): DeployReport {
  if (ended.how !== 'done') throw new Error(`the run ${ended.how}`);
  return ended.value;
}

/** What crashes everywhere at once loses what users had begun, and what comes before nginx has noticed; nobody loses more. */
function expectLostByTheCrashAlone({ lost, broken }: World): void {
  const at = lost.map(({ atMs }) => atMs);
  expect(Math.max(...at) - Math.min(...at)).toBeLessThan(5_000);
  expect(broken).toEqual([]);
}

test('new copies are watched on both servers before anything happens to the old ones', async () => {
  const world = await deployed(api('api:1'));
  const begun = world.start(api('api:2'));
  await world.clock.pass(60_000);
  expect(world.serving('api', 'a')).toBe(SECONDARY);
  expect(world.running('a').sort()).toEqual([BASE, SECONDARY]);
  const [ended] = await world.finish(begun);
  expect(failureOf(ended!)).toBeUndefined();
  expect(world.running('a')).toEqual([SECONDARY]);
  expect(await world.describe(api('api:2'))).toEqual(NOTHING);
});

test('a version that crashes half a minute after the switch is taken back, and nothing is lost but by the crash', async () => {
  const world = new World();
  await world.deploy(api('api:1'));
  world.registry.define('api:2', { crashesAfterMs: 30_000, says: ['out of ideas'] });
  const [ended] = await world.finish(world.start(api('api:2')));
  const told = String(failureOf(ended!));
  expect(told).toMatch(/: shop_production_api_secondary has crashed, seen in the 120 s after the switch/);
  expect(told).toContain('  | out of ideas');
  expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([BASE, BASE]);
  expect([world.running('a'), world.running('b')]).toEqual([[BASE], [BASE]]);
  expectLostByTheCrashAlone(world);
});

test('what tells why a version was taken back is kept, from before its container is removed', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { memoryRatio: 0.97, says: ['out of ideas'] });
  const [ended] = await world.finish(world.start(api('api:2')));
  const evidence = new Map(reportOf(ended!).evidence.map(({ path, text }) => [path, text]));
  const at = [...evidence.keys()][0]?.split('/')[0];
  expect([...evidence.keys()].sort()).toEqual(
    expect.arrayContaining([`${at}/${SECONDARY}.json`, `${at}/${SECONDARY}.log`, `${at}/sidecar.conf`]),
  );
  expect(evidence.get(`${at}/${SECONDARY}.log`)).toContain('out of ideas');
  expect(evidence.get(`${at}/${SECONDARY}.json`)).not.toContain('"Env"');
});

test('a version that uses all of its memory is taken back', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { memoryRatio: 0.97 });
  const [ended] = await world.finish(world.start(api('api:2')));
  expect(String(failureOf(ended!))).toContain('uses 97 % of its memory (at most 95 %)');
  expect(world.running('a')).toEqual([BASE]);
});

test('who depends on it changes only when it was watched', async () => {
  const both = (version: number) =>
    shop([
      service('api', { image: `api:${version}`, policy: { monitor: TWO_MINUTES } }),
      service('web', { image: `web:${version}`, dependsOn: ['api'] }),
    ]);
  const world = new World();
  await world.deploy(both(1));
  world.registry.define('api:2', { crashesAfterMs: 30_000 });
  const [ended] = await world.finish(world.start(both(2)));
  expect(String(failureOf(ended!))).toContain('has crashed');
  expect(world.running()).toEqual([BASE, 'shop_production_web']);
  expect(world.state.services.web).toMatchObject({ release: 1 });
  expectLostByTheCrashAlone(world);
});

test('a run that is killed while it watches leaves both; the next one goes on with the new version', async () => {
  const world = await deployed(api('api:1'));
  await world.deployUntil(/begins: watch/, api('api:2'));
  await rest(world);
  await world.deploy(api('api:2'));
  expect(world.running('a')).toEqual([SECONDARY]);
  expect(await world.describe(api('api:2'))).toEqual(NOTHING);
});

test('with recreate, the old container starts again', async () => {
  const wiki = (version: number) =>
    shop([
      service('wiki', { image: `wiki:${version}`, policy: { strategy: 'recreate', monitor: TWO_MINUTES } }),
    ]);
  const world = newWorld();
  await world.deploy(wiki(1));
  world.registry.define('wiki:2', { crashesAfterMs: 30_000 });
  const [ended] = await world.finish(world.start(wiki(2)));
  expect(String(failureOf(ended!))).toContain('has crashed');
  expect(world.running()).toEqual(['shop_production_wiki']);
  expect(world.serving('wiki')).toBe('shop_production_wiki');
});
