import { describe, expect, test } from '@jest/globals';
import { driftOf } from '../../../src/deploy/observation/drift.ts';
import { statusOf } from '../../../src/deploy/observation/status.ts';
import type { ObservedCopy, ObservedServer } from '../../../src/deploy/planning/observed.ts';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { servers, service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';

const wanted = shop([service('api', { servers: 2, environment: { LEVEL: 'info' } })], servers(2));
const API = 'shop_production_api';

/** deployed returns a shop that has been toggled once: the copies in the slot `secondary` have the traffic. */
function deployed(): Picture {
  const picture = new Picture();
  picture.deploy(shop([service('api', { servers: 2, image: 'api:0' })], servers(2)));
  picture.deploy(wanted);
  return picture;
}

function drift(picture: Picture, file: EnvironmentSpec = wanted): string[] {
  const kept = picture.input(file, { routesOnly: true });
  return driftOf(kept, planDeploy(kept)).map(({ message }) => message);
}

function standing(picture: Picture): ObservedCopy {
  return picture.copy(`${API}_secondary`);
}

/** What somebody does by hand on server a, and how it is named. */
const CASES: [string, (picture: Picture, a: ObservedServer) => void, string[]][] = [
  [
    'a container stopped',
    (picture) => {
      standing(picture).isRunning = false;
    },
    [`api: ${API}_secondary on a does not run`],
  ],
  [
    'a container paused',
    (picture) => {
      standing(picture).isRunning = false;
      standing(picture).condition!.state = 'paused';
    },
    [`api: ${API}_secondary on a is paused`],
  ],
  [
    'a container removed',
    (_picture, a) => {
      a.copies = [];
    },
    [`api: ${API}_secondary is recorded on a, but is not there`],
  ],
  [
    'a container made anew with other variables, image and limits, its labels copied',
    (picture) => {
      const settings = standing(picture).settings!;
      Object.assign(settings, { image: 'api:mine', environment: { LEVEL: 'debug' } });
      settings.resources.memoryBytes = 64e6;
    },
    [`api: ${API}_secondary on a was changed by hand: image, environment.LEVEL, mem_limit`],
  ],
  [
    'a host port opened to the world',
    (picture) => {
      standing(picture).settings!.ports = [{ address: '0.0.0.0', hostPort: 8080, containerPort: 3000 }];
    },
    [`api: ${API}_secondary on a was changed by hand: ports`],
  ],
  [
    'a copy that runs beside',
    (picture, a) => {
      a.copies.push({ ...standing(picture), id: 'mine', name: API, slot: 'base' });
    },
    [`api: ${API} on a is there, but what is recorded is ${API}_secondary on a, ${API}_secondary on b`],
  ],
  [
    'a sidecar stopped',
    (_picture, a) => {
      a.sidecar!.isRunning = false;
    },
    ['a: the sidecar needs a start'],
  ],
  [
    'an edge removed',
    (_picture, a) => {
      a.edge = undefined;
    },
    ['a: the edge is not there'],
  ],
  [
    'an edge taken out of the network',
    (_picture, a) => {
      a.edge!.isInNetwork = false;
    },
    ['a: the edge is not in the network of shop production'],
  ],
  [
    'a file of nginx changed',
    (_picture, { edge }) => {
      edge!.tree.folders[edge!.tree.live].files.set('http/shop_production/api.conf', '# mine');
    },
    ['a: files of the edge were changed by hand: http/shop_production/api.conf'],
  ],
  [
    'another slot in the record',
    (picture) => {
      Object.assign(picture.state.services.api!.copies[0]!, { slot: 'base', container: API });
    },
    [
      `api: ${API} is recorded on a, but is not there`,
      `api: ${API}_secondary on a is there, but what is recorded is ${API} on a, ${API}_secondary on b`,
    ],
  ],
  [
    'a copy that is on the servers and not in the record',
    (picture) => {
      picture.state.services.api!.copies.shift();
    },
    [`api: ${API}_secondary on a is there, but what is recorded is ${API}_secondary on b`],
  ],
  [
    'a server in the record that is not in the file',
    (picture) => {
      const { copies } = picture.state.services.api!;
      copies.push({ ...copies[0]!, server: 'gone' });
    },
    ['the record names copies on gone, which is not in the file'],
  ],
  [
    'a container of a service that neither file nor record know',
    (picture, a) => {
      a.copies.push({ ...standing(picture), id: 'mine', name: 'shop_production_old', service: 'old' });
    },
    ['old runs, but is not recorded: shop_production_old on a'],
  ],
  [
    'the record lost',
    (picture) => picture.loseRecord(),
    [
      `api runs, but is not recorded: ${API}_secondary on a`,
      `api runs, but is not recorded: ${API}_secondary on b`,
    ],
  ],
];

describe('drift', () => {
  test('there is none after a deploy, nor before the first one, nor on a server that is new in the file', () => {
    expect(drift(deployed())).toEqual([]);
    expect(drift(new Picture())).toEqual([]);
    expect(drift(deployed(), { ...wanted, servers: servers(3) })).toEqual([]);
  });

  test.each(CASES)('%s: named, and what the next deploy does repairs it', (_what, change, messages) => {
    const picture = deployed();
    change(picture, picture.server('a'));
    expect(drift(picture)).toEqual(messages);
    expect(isEmpty(picture.plan(wanted))).toBe(false);
    picture.deploy(wanted);
    expect(drift(picture)).toEqual([]);
    expect(isEmpty(picture.plan(wanted))).toBe(true);
    for (const server of ['a', 'b']) {
      expect(picture.server(server).copies.map(({ isRunning }) => isRunning)).toEqual([true]);
    }
  });

  test('a server that is left out is named as long as it is', () => {
    const picture = deployed();
    picture.deploy(wanted, { excludedServers: ['b'] });
    expect(drift(picture)).toEqual([
      expect.stringMatching(/^b was left out at .*, and is brought up to date by the next deploy$/),
      expect.any(String),
    ]);
    picture.deploy(wanted);
    expect(drift(picture)).toEqual([]);
  });

  test('nobody calls it drift that a living run drains', () => {
    const picture = deployed();
    picture.server('a').copies.push({ ...standing(picture), id: 'old', name: API, slot: 'base', release: 1 });
    const kept = picture.input(wanted, { routesOnly: true });
    expect(driftOf({ ...kept, drainedElsewhere: new Set(['old']) }, planDeploy(kept))).toEqual([]);
  });

  test('a hook that did not end well is named until another release has run one', () => {
    const picture = deployed();
    const named = (pre_deploy: 'begun' | 'failed' | 'done') => {
      picture.state.services.api!.hooks = { release: 2, server: 'a', pre_deploy };
      return drift(picture);
    };
    expect(named('begun')).toEqual([
      'pre_deploy of api release 2 on a was begun, and no run has seen its end',
    ]);
    expect(named('failed')).toEqual(['pre_deploy of api release 2 on a has failed']);
    expect(named('done')).toEqual([]);
  });

  test('a run that was killed while it switched has left copies, and nginx that do not agree', () => {
    const picture = deployed();
    const next = { ...wanted, services: [service('api', { servers: 2, image: 'api:2' })] };
    picture.deploy(next, { killedBefore: 'prove' });
    expect(drift(picture)).toEqual([
      `api: ${API}_secondary on a is recorded as active, but another copy serves`,
      ...['a', 'b'].map((server) => expect.stringContaining(`api: ${API} on ${server} is there, but`)),
      'edges and sidecars do not agree which copies have the traffic: a run was cut off',
    ]);
  });
});

describe('the status', () => {
  test('shows what stands where, which copy has the traffic, and what is not as recorded', () => {
    const picture = deployed();
    picture.deploy(
      { ...wanted, services: [service('api', { servers: 2, image: 'api:2' })] },
      { killedBefore: 'switch' },
    );
    picture.server('b').edge!.isRunning = false;
    const status = statusOf(picture.input(wanted, { routesOnly: true }), 'ann, run 7', new Map());
    expect(status).toMatchObject({ title: 'shop production', releases: { api: 2 }, lease: 'ann, run 7' });
    const copies = status.services.api!.copies.map(({ server, slot, release, isRunning, isActive }) => [
      ...[server, slot, release],
      ...[isRunning && 'runs', isActive && 'serves'],
    ]);
    expect(copies).toEqual([
      ['a', 'secondary', 2, 'runs', 'serves'],
      ['a', 'base', 3, 'runs', false],
      ['b', 'secondary', 2, 'runs', 'serves'],
      ['b', 'base', 3, 'runs', false],
    ]);
    expect(status.nginx).toEqual([
      { server: 'a', edge: 'runs', sidecar: 'runs' },
      { server: 'b', edge: 'stopped', sidecar: 'runs' },
    ]);
    expect(status.drift).toContain('b: the edge needs a start');
  });
});
