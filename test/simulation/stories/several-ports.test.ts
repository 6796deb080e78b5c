import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld, planFor } from './deployed.ts';
import { type ServiceChanges, servers, service, shop } from './specs.ts';
import { failureOf, rest } from './story.ts';

const EXTRA = {
  console: { port: 15_672, protocol: 'http' },
  metrics: { port: 15_692, protocol: 'tcp' },
} as const;
const CONSOLE = 'queue.example.com';

/** queue returns a service with a main port, a console that has a domain, and metrics. */
function queue(number: number, changes: ServiceChanges = {}) {
  const spec = service('queue', {
    image: `queue:${number}`,
    protocol: 'tcp',
    port: 5672,
    domains: [],
    extraPorts: EXTRA,
    ...changes,
  });
  const extraDomains = spec.extraPorts?.console && { console: [CONSOLE] };
  return { ...spec, route: { ...spec.route, ...(extraDomains && { extraDomains }) } };
}

const one = (number: number) => shop([queue(number)]);
const BASE = 'shop_production_queue';
const SECONDARY = 'shop_production_queue_secondary';

/** behind returns which container answers on each internal port of the queue on a server. */
function behind(world: World, server = 'a'): Record<string, string[]> {
  const { internal_port: main, extra_ports = {} } = world.state.services.queue!;
  const ports = { main: main!, ...mapped(extra_ports, ({ internal_port }) => internal_port) };
  return mapped(ports, (port) =>
    world.users.answering(
      (place) => place.machine.name === server && place.domain === undefined && place.port === port,
    ),
  );
}

function mapped<T, R>(map: Record<string, T>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}

describe('a service with several ports', () => {
  test('is reached on all of them, and its console by its domain', async () => {
    const world = await deployed(one(1));
    expect(behind(world)).toEqual({ main: [BASE], console: [BASE], metrics: [BASE] });
    expect(world.answering(CONSOLE)).toEqual([BASE]);
    expect(world.container(BASE).exposedPorts).toEqual([5672, 15_672, 15_692]);
    expect(await world.describe(one(1))).toEqual(NOTHING);
  });

  test('moves with all of them in one switch, each proven, and nobody loses anything', async () => {
    const world = await deployed(one(1));
    const plan = await planFor(world, one(2));
    expect(stepsOf(plan, 'switch')).toHaveLength(1);
    expect(stepsOf(plan, 'probe')).toMatchObject([{ ports: [{ name: 'console' }] }]);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ ports: [5672, 15_672, 15_692] }]);
    await world.deploy(one(2));
    expect(behind(world)).toEqual({ main: [SECONDARY], console: [SECONDARY], metrics: [SECONDARY] });
    expect(world.answering(CONSOLE)).toEqual([SECONDARY]);
  });

  test('a new version that does not listen on one of them is not proven, and all go back', async () => {
    const world = await deployed(one(1));
    world.registry.define('queue:2', { port: 5672 });
    const ended = await world.tryDeploy(one(2));
    expect(String(failureOf(ended))).toMatch(/switch of queue \(port (console|metrics)\) is not proven/);
    expect(behind(world)).toEqual({ main: [BASE], console: [BASE], metrics: [BASE] });
    expect(world.running()).toEqual([BASE]);
  });

  test('its numbers never change, whatever becomes of others and of the record', async () => {
    const world = await deployed(one(1));
    const { internal_port, extra_ports } = world.state.services.queue!;
    expect(extra_ports).toEqual({
      console: { internal_port: expect.any(Number), host_port: expect.any(Number) },
      metrics: { internal_port: expect.any(Number), host_port: expect.any(Number) },
    });
    const more = shop([service('aaa'), service('zzz'), queue(2)]);
    await world.deploy(more);
    await rest(world);
    expect(world.state.services.queue).toMatchObject({ internal_port, extra_ports });
    world.loseRecord();
    await world.deploy(more);
    expect(world.state.services.queue).toMatchObject({ internal_port, extra_ports });
  });

  test('who depends on it gets the address of each', async () => {
    const world = await deployed(shop([service('api', { dependsOn: ['queue'] }), queue(1)]));
    const { internal_port, extra_ports } = world.state.services.queue!;
    expect(world.container('shop_production_api').environment).toEqual({
      SWITCHYARD_QUEUE_HOST: 'nginx',
      SWITCHYARD_QUEUE_PORT: String(internal_port),
      SWITCHYARD_QUEUE_PORT_CONSOLE: String(extra_ports!.console!.internal_port),
      SWITCHYARD_QUEUE_PORT_METRICS: String(extra_ports!.metrics!.internal_port),
    });
  });

  test('on two servers each reaches the copies of both, on every port', async () => {
    const two = (number: number) => shop([queue(number, { servers: 2 })], servers(2));
    const world = await deployed(two(1), two(2));
    expect(behind(world, 'a')).toEqual(behind(world, 'b'));
    expect(Object.values(behind(world))).toEqual([[SECONDARY], [SECONDARY], [SECONDARY]]);
    expect(await world.describe(two(2))).toEqual(NOTHING);
  });

  test('another domain of one is a reload, told by its name in the file', async () => {
    const world = await deployed(one(1));
    const moved = structuredClone(one(1)) as EnvironmentSpec;
    moved.services[0]!.route.extraDomains = { console: ['rabbit.example.com'] };
    const plan = await planFor(world, moved);
    expect(plan.changes).toMatchObject([
      { effect: 'reload', reasons: ['extra_ports.console.domain'], domains: ['rabbit.example.com'] },
    ]);
    await world.deploy(moved);
    expect(world.answering('rabbit.example.com')).toEqual([BASE]);
  });

  test('one that comes and one that goes make a new container', async () => {
    const plain = shop([queue(1, { extraPorts: undefined })]);
    const world = await deployed(plain);
    const plan = await planFor(world, one(1));
    expect(plan.changes).toMatchObject([{ effect: 'toggle', reasons: ['extra_ports'] }]);
    expect(stepsOf(plan, 'probe')).toEqual([]);
    await world.deploy(one(1));
    await rest(world);
    expect(behind(world)).toEqual({ main: [SECONDARY], console: [SECONDARY], metrics: [SECONDARY] });
    await world.deploy(plain);
    expect(behind(world)).toEqual({ main: [BASE] });
  });

  test('a release with other ports is brought back with them', async () => {
    const plain = shop([queue(2, { extraPorts: undefined })]);
    const world = newWorld({ images: 'digests' });
    for (const wanted of [one(1), plain]) {
      await world.deploy(wanted);
      await rest(world);
    }
    await world.deploy(plain, { services: ['queue'], rollback: 1 });
    expect(behind(world)).toEqual({ main: [BASE], console: [BASE], metrics: [BASE] });
  });
});
