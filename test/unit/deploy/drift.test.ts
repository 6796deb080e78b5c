import { describe, expect, test } from '@jest/globals';
import { driftOf } from '../../../src/deploy/looking/drift.ts';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { parseTree } from '../../../src/nginx/tree.ts';
import { servers, service, shop } from './specs.ts';
import { type Machine, World } from './world.ts';

const wanted = shop([service('api', { servers: 2, environment: { LEVEL: 'info' } })], servers(2));
const API = 'shop_production_api';

/** A world in which the shop is deployed and has been toggled once: the secondary side has the traffic. */
function deployed(): World {
  const world = new World();
  world.deploy(shop([service('api', { servers: 2, image: 'api:0' })], servers(2)));
  world.deploy(wanted);
  return world;
}

function drift(world: World, file: EnvironmentSpec = wanted): string[] {
  const kept = world.input(file, { routesOnly: true });
  return driftOf(kept, planDeploy(kept)).map(({ message }) => message);
}

function standing(world: World, host = 'a') {
  return world.container(`${API}_secondary`, host);
}

/** What somebody does by hand on server a, and how it is named. */
const CASES: [string, (world: World, a: Machine) => void, string[]][] = [
  [
    'a container stopped',
    (world) => {
      standing(world).isRunning = false;
    },
    [`api: ${API}_secondary on a does not run`],
  ],
  [
    'a container removed',
    (_world, a) => {
      a.containers = [];
    },
    [`api: ${API}_secondary is recorded on a, but is not there`],
  ],
  [
    'a container made anew with other variables, image and limits, its labels copied',
    (world) => {
      const { settings } = standing(world);
      Object.assign(settings, { image: 'api:mine', environment: { LEVEL: 'debug' } });
      settings.resources.memoryBytes = 64e6;
    },
    [`api: ${API}_secondary on a was changed by hand: image, environment.LEVEL, resources.memory_bytes`],
  ],
  [
    'a host port opened to the world',
    (world) => {
      standing(world).settings.ports = ['0.0.0.0:8080->3000/tcp'];
    },
    [`api: ${API}_secondary on a was changed by hand: ports`],
  ],
  [
    'a second side that runs',
    (world, a) => {
      a.containers.push({ ...standing(world), id: 'mine', name: API, side: 'base' });
    },
    [`api: ${API} on a is there, but what is recorded is ${API}_secondary on a, ${API}_secondary on b`],
  ],
  [
    'a sidecar stopped',
    (_world, a) => {
      a.sidecar!.isRunning = false;
    },
    ['a: the sidecar needs a start'],
  ],
  [
    'an edge removed',
    (_world, a) => {
      a.edge = undefined;
    },
    ['a: the edge is not there'],
  ],
  [
    'an edge taken out of the network',
    (_world, a) => {
      a.edge!.isInNetwork = false;
    },
    ['a: the edge is not in the network of shop production'],
  ],
  [
    'a file of nginx changed',
    (_world, a) => {
      const { live } = parseTree(a.edge!.files);
      a.edge!.files.set(`${live}/http/shop_production/api.conf`, '# mine');
    },
    ['a: files of the edge were changed by hand: http/shop_production/api.conf'],
  ],
  [
    'another side in the record',
    (world) => {
      Object.assign(world.state.services.api!.servers[0]!, { side: 'base', container: API });
    },
    [
      `api: ${API} is recorded on a, but is not there`,
      `api: ${API}_secondary on a is there, but what is recorded is ${API} on a, ${API}_secondary on b`,
    ],
  ],
  [
    'a copy that is on the servers and not in the record',
    (world) => {
      world.state.services.api!.servers.shift();
    },
    [`api: ${API}_secondary on a is there, but what is recorded is ${API}_secondary on b`],
  ],
  [
    'a server in the record that is not in the file',
    (world) => {
      const [copy] = world.state.services.api!.servers;
      world.state.services.api!.servers.push({ ...copy!, host: 'gone' });
    },
    ['the record names copies on gone, which is not in the file'],
  ],
  [
    'a container of a service that neither file nor record know',
    (world, a) => {
      a.containers.push({ ...standing(world), id: 'mine', name: 'shop_production_old', service: 'old' });
    },
    ['old runs, but is not recorded: shop_production_old on a'],
  ],
  [
    'the record lost',
    (world) => world.loseRecord(),
    [
      `api runs, but is not recorded: ${API}_secondary on a`,
      `api runs, but is not recorded: ${API}_secondary on b`,
    ],
  ],
];

describe('drift', () => {
  test('there is none after a deploy, nor before the first one, nor on a server that is new in the file', () => {
    expect(drift(deployed())).toEqual([]);
    expect(drift(new World())).toEqual([]);
    expect(drift(deployed(), { ...wanted, servers: servers(3) })).toEqual([]);
  });

  test.each(CASES)('%s: named, and repaired by the next deploy', (_what, change, messages) => {
    const world = deployed();
    change(world, world.machines.get('a')!);
    expect(drift(world)).toEqual(messages);
    expect(isEmpty(world.plan(wanted))).toBe(false);
    world.deploy(wanted);
    expect(drift(world)).toEqual([]);
    expect(isEmpty(world.plan(wanted))).toBe(true);
    for (const host of ['a', 'b']) expect(world.running(host)).toHaveLength(1);
  });

  test('a server that is left out is named as long as it is', () => {
    const world = deployed();
    world.deploy(wanted, { excludedServers: ['b'] });
    expect(drift(world)).toEqual([
      expect.stringMatching(/^b was left out at .*, and is brought up to date by the next deploy$/),
      expect.any(String),
    ]);
    world.deploy(wanted);
    expect(drift(world)).toEqual([]);
  });

  test('nobody calls it drift that a living run drains', () => {
    const world = deployed();
    const a = world.machines.get('a')!;
    a.containers.push({ ...standing(world), id: 'old', name: API, side: 'base', release: 1 });
    const kept = world.input(wanted, { routesOnly: true });
    expect(driftOf({ ...kept, drainedElsewhere: new Set(['old']) }, planDeploy(kept))).toEqual([]);
  });
});
