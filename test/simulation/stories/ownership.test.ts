import { describe, expect, test } from '@jest/globals';
import type { RunOptions, World } from '../world/world.ts';
import { NOTHING, newWorld } from './deployed.ts';
import { database, REPOSITORY, servers, service, shop } from './specs.ts';
import { failureOf, rest } from './story.ts';

const OTHER = 'github.com/example/shop';
const first = shop([service('api'), database('db')]);
/** The file of another repository, which somebody has called "shop" as well. */
const namesake = shop([service('web')]);
const ofOther: RunOptions = { repository: OTHER };
const takingOver: RunOptions = { repository: OTHER, takeOverFrom: REPOSITORY };

/** The refusal, as people read it. */
const refusal = (owner: string, repository: string) =>
  expect.objectContaining({
    message: `a: shop production belongs to the repository ${owner}, and this run is of ${repository}`,
    hint: expect.stringContaining(`"take-over-from: ${owner}"`),
  });

async function deployedFirst(): Promise<World> {
  const world = newWorld();
  await world.deploy(first);
  await rest(world);
  return world;
}

const everything = (world: World) => [...world.machine('a').containers.keys()];

describe('a second repository with the same project name on the same server', () => {
  test.each<[string, RunOptions]>([
    ['a deploy', {}],
    ['a deploy of one service', { services: ['web'] }],
    ['update-nginx', { routesOnly: true }],
    ['a rollback', { services: ['web'], rollback: 'previous' }],
    ['a rollback to a number', { services: ['web'], rollback: 1 }],
    ['taking over from somebody else', { takeOverFrom: 'github.com/acme/blog' }],
  ])('is refused before anything changes: %s', async (_what, options) => {
    const world = await deployedFirst();
    const before = everything(world);
    const ended = await world.tryDeploy(namesake, { ...ofOther, ...options });
    expect(failureOf(ended)).toEqual(refusal(REPOSITORY, OTHER));
    expect(everything(world)).toEqual(before);
    expect(world.answering('api.example.com')).toEqual(['shop_production_api']);
  });

  test.each<[string, RunOptions]>([
    ['a plan', {}],
    ['a dry run of update-nginx', { routesOnly: true }],
    ['a dry run of a rollback', { services: ['web'], rollback: 'previous' }],
  ])('is told so by %s', async (_what, options) => {
    const world = await deployedFirst();
    await expect(world.plan(namesake, { ...ofOther, ...options })).rejects.toEqual(
      refusal(REPOSITORY, OTHER),
    );
  });

  test('is told so by status, which changes nothing', async () => {
    const world = await deployedFirst();
    expect((await world.status(namesake, ofOther)).drift).toContain(
      `a: shop production belongs to the repository ${REPOSITORY}, and this run is of ${OTHER}`,
    );
  });

  test('has another environment of that name beside it', async () => {
    const world = await deployedFirst();
    await world.deploy({ ...namesake, environment: 'staging' }, ofOther);
    expect(world.answering('web.example.com')).toEqual(['shop_staging_web']);
    expect(world.answering('api.example.com')).toEqual(['shop_production_api']);
  });

  test('that arrives in the same moment finds out when it wants to make the sidecar', async () => {
    const world = newWorld();
    const runs = [world.start(first), world.start(namesake, ofOther)];
    const failures = (await world.finish(...runs)).map(failureOf);
    expect(failures.filter((failure) => failure === undefined)).toHaveLength(1);
    expect(String(failures.find((failure) => failure !== undefined))).toContain('belongs to the repository');
  });
});

describe('an environment that is handed over', () => {
  test('keeps its containers, belongs to the new repository from then on, and no more to the old one', async () => {
    const world = await deployedFirst();
    const before = world.running();
    const { plan } = await world.deploy(first, takingOver);
    expect(plan.changes.map(({ effect }) => effect)).toEqual(['record', 'record']);
    expect(world.running()).toEqual(before);
    await rest(world);
    expect(await world.describe(first, ofOther)).toEqual(NOTHING);
    for (const options of [{}, { services: ['api'], rollback: 1 }]) {
      const ended = await world.tryDeploy(first, options);
      expect(failureOf(ended)).toEqual(refusal(OTHER, REPOSITORY));
    }
  });

  test('is handed over by update-nginx as well', async () => {
    const world = await deployedFirst();
    await world.deploy(first, { ...takingOver, routesOnly: true });
    await rest(world);
    await world.deploy(first, ofOther);
  });

  test('half way, when the run was killed, is handed over when it is asked for again', async () => {
    const world = newWorld();
    const on = { ...first, servers: servers(2) };
    await world.deploy(on);
    await rest(world);
    await world.deployUntil(/^moment: switch: told to read/, on, takingOver);
    await world.deploy(on, takingOver);
    await rest(world);
    expect(await world.describe(on, ofOther)).toEqual(NOTHING);
  });

  test('is asked for in vain where it belongs to it already', async () => {
    const world = await deployedFirst();
    expect(await world.describe(first, { takeOverFrom: OTHER })).toEqual(NOTHING);
  });
});

test('two configurations of one repository have what they need side by side', async () => {
  const world = await deployedFirst();
  await world.deploy({ ...namesake, project: 'blog' });
  expect(world.answering('api.example.com')).toEqual(['shop_production_api']);
  expect(world.answering('web.example.com')).toEqual(['blog_production_web']);
});
