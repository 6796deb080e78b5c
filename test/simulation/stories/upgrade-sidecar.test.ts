import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LABEL } from '../../../src/model/labels.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, rest } from './story.ts';

/** The sidecar is replaced by one of another image, and nobody who is connected to it notices. */

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const NEWER = 'nginx:1.31';
const SIDECAR = 'shop_production_nginx';

/** A web service and a tcp service that are reached by the sidecar alone. */
function file(nginx = 'nginx:1.30', image = 'api:1', on = servers(1)): EnvironmentSpec {
  const changes = { domains: [], servers: on.length };
  const spec = shop(
    [
      service('api', { image, ...changes }),
      service('cache', { protocol: 'tcp', port: 6379, image: 'cache:1', ...changes }),
    ],
    on,
  );
  return { ...spec, nginx: { ...spec.nginx, image: nginx } };
}

async function deployed(on = servers(1)): Promise<void> {
  world.addServers(on);
  await world.deploy(file('nginx:1.30', 'api:1', on));
  await rest(world);
}

/** The sidecars of a server, and helpers of theirs, by name and image. */
function sidecars(server = 'a'): string[] {
  return [...world.machine(server).containers.values()]
    .filter(({ labels }) => ['sidecar', 'helper'].includes(labels[LABEL.role] ?? ''))
    .map(({ name, request }) => `${name} ${request.Image}`);
}

/** The sidecars in which names mean what they meant at some moment. */
function held(): string[] {
  const all = [...world.machine('a').containers.values()];
  return all.flatMap(({ name, remembers }) => (remembers === undefined ? [] : [name]));
}

describe('another image', () => {
  test('is in the plan, and comes without a lost request or connection', async () => {
    await deployed();
    expect((await world.describe(file(NEWER))).slice(-5)).toEqual([
      '  · upgrade the sidecar on a: nginx 1.30 → 1.31',
      `  · give the name of the sidecar on a to the new one, past ${SIDECAR}`,
      `  · drain ${SIDECAR} on a (at most 120 s)`,
      `  · stop ${SIDECAR} on a`,
      `  · remove ${SIDECAR} on a`,
    ]);
    await world.deploy(file(NEWER));
    expect(sidecars()).toEqual([`${SIDECAR} ${NEWER}`]);
    expect(await convergence(world, file(NEWER))).toBeUndefined();
  });

  test('comes in the same run as a new version, and goes as it came', async () => {
    await deployed();
    await world.deploy(file(NEWER, 'api:2'));
    expect(sidecars()).toEqual([`${SIDECAR} ${NEWER}`]);
    await rest(world);
    await world.deploy(file('nginx:1.30', 'api:2'));
    expect(sidecars()).toEqual([`${SIDECAR} nginx:1.30`]);
    expect(await convergence(world, file('nginx:1.30', 'api:2'))).toBeUndefined();
  });

  test('ten times in a row', async () => {
    await deployed();
    for (let round = 0; round < 10; round++) {
      await world.deploy(file(round % 2 === 0 ? NEWER : 'nginx:1.30'));
      await rest(world);
    }
    expect(sidecars()).toEqual([`${SIDECAR} nginx:1.30`]);
  });

  test('waits for what is connected to the old one for long', async () => {
    await deployed();
    world.users.streamMs = 60_000;
    await world.deploy(file(NEWER));
    expect(world.users.cut).toEqual([]);
    expect(sidecars()).toEqual([`${SIDECAR} ${NEWER}`]);
  });

  test('of several servers is tried out on the first', async () => {
    await deployed(servers(3));
    world.registry.defineNginx('nginx:1.22', '1.22.1');
    await expect(world.deploy(file('nginx:1.22', 'api:1', servers(3)))).rejects.toThrow('is too old');
    for (const { name } of servers(3)) expect(sidecars(name)).toEqual([`${SIDECAR} nginx:1.30`]);
  });

  test('where a name cannot be handed over changes nothing', async () => {
    await deployed();
    world.machine('a').hasIp = false;
    await expect(world.deploy(file(NEWER))).rejects.toThrow('the name of the sidecar cannot be handed over');
    expect(sidecars()).toEqual([`${SIDECAR} nginx:1.30`]);
  });
});

describe('a run that was cut off', () => {
  const moments = [
    /^moment: upgrade sidecar: stands beside/,
    /a POST networks\/shop_production_network\/disconnect shop_production_nginx_next/,
    /a POST networks\/shop_production_network\/connect shop_production_nginx_next/,
    /^moment: upgrade sidecar: answers to its name/,
    /^ends: upgrade sidecar/,
    /^moment: hand over: renamed/,
    /^moment: hand over: has lost its name/,
    /^ends: hand over/,
    /^ends: drain: drain shop_production_nginx/,
    /^ends: stop: stop shop_production_nginx/,
    /^ends: remove: remove shop_production_nginx/,
  ];

  test.each(moments)('at "%s" is finished by the next one', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await rest(world);
    expect(await convergence(world, file(NEWER))).toBeUndefined();
    expect(sidecars()).toEqual([`${SIDECAR} ${NEWER}`]);
  });

  test.each([
    ['who has changed their mind', file(), 'nginx:1.30'],
    ['the same upgrade', file(NEWER), NEWER],
  ])('while DNS is held leaves nothing behind: next is %s', async (_who, next, image) => {
    await deployed();
    const at = /a POST networks\/shop_production_network\/connect shop_production_nginx_next/;
    await world.tryDeploy(file(NEWER), { strikes: [{ at, when: 'after', how: 'killed' }] });
    expect(held()).toEqual([`${SIDECAR}_next`]);
    // At once: what holds it would end by itself otherwise.
    await world.deploy(next);
    expect(sidecars()).toEqual([`${SIDECAR} ${image}`]);
    expect(held()).toEqual([]);
    expect(await convergence(world, next)).toBeUndefined();
  });

  test.each(moments)('at "%s" is taken back by who has changed their mind', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await rest(world);
    expect(await convergence(world, file())).toBeUndefined();
    expect(sidecars()).toEqual([`${SIDECAR} nginx:1.30`]);
  });

  test.each(moments)('at "%s" is in nobody\'s way who brings a new version', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await world.deploy(file(NEWER, 'api:2'));
    expect(await convergence(world, file(NEWER, 'api:2'))).toBeUndefined();
    expect(sidecars()).toEqual([`${SIDECAR} ${NEWER}`]);
  });
});

describe('the simulation notices', () => {
  test('a sidecar that is stopped before its name is given away', async () => {
    await deployed();
    await world.tryDeploy(file(NEWER), {
      meddle: (plan) => {
        const given = plan.steps.find(({ step }) => step.kind === 'hand over')!;
        plan.steps = plan.steps.filter(({ step }) => step !== given.step && step.kind !== 'drain');
        for (const one of plan.steps)
          one.needs = one.needs.flatMap((need) =>
            plan.steps.some(({ id }) => id === need) ? [need] : given.needs,
          );
      },
    });
    expect(complaintOf(world)).toMatch(/shop_production_nginx/);
    world = new World();
  });
});
