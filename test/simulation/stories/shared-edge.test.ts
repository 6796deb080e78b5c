import { expect, test } from '@jest/globals';
import type { EnvironmentSpec, NginxSpec } from '../../../src/model/spec.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING } from './deployed.ts';
import { service, shop } from './specs.ts';
import { rest } from './story.ts';

const PATIENT_MS = 30_000;
/** Another project on the same server, whose clients pause for longer than those of the shop. */
const blog = (nginx: Partial<NginxSpec> = { keepaliveMinTimeoutMs: PATIENT_MS }): EnvironmentSpec => {
  const spec = shop([service('web')]);
  return { ...spec, project: 'blog', nginx: { ...spec.nginx, ...nginx } };
};
/** A version that the edge has to read something new for. */
const changed = (image: string, idleTimeoutMs: number): EnvironmentSpec => {
  const spec = shop([service('api', { image })]);
  spec.services[0]!.route.idleTimeoutMs = idleTimeoutMs;
  return spec;
};

/** What a deploy that reloads the edge says of those who were idle. */
async function toldOfIdle(world: World): Promise<string> {
  const { run, ended } = world.start(changed('api:2', 6_000));
  await world.clock.finish(ended);
  await rest(world);
  return run.lines.filter((line) => /idle connections of users/.test(line)).join('\n');
}

test('a drain waits for who was idle for as long as the edge keeps them, which another project says', async () => {
  const world = await deployed(changed('api:1', 5_000), blog());
  expect(await toldOfIdle(world)).toMatch(/ for (?:30|31) s/);
  expect(await world.describe(changed('api:2', 6_000))).toEqual(NOTHING);
  expect((await world.plan(blog())).changed).toBe(false);
});

test('a drain still waits so long right after the project says less: there are workers from before', async () => {
  const world = await deployed(changed('api:1', 5_000), blog());
  await world.deploy(blog({ keepaliveMinTimeoutMs: 1_000 }));
  expect(await toldOfIdle(world)).toMatch(/ for (?:30|31) s/);
});

test('whoever wants no log of accesses, or longer times, changes nothing for who is there already', async () => {
  const silent = { accessLog: false as const, keepaliveMinTimeoutMs: 1_000 };
  const world = await deployed(shop([service('api')]), blog(silent));
  expect((await world.plan(shop([service('api')]))).changed).toBe(false);
  expect((await world.plan(blog(silent))).changed).toBe(false);
});
