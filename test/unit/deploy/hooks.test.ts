import { describe, expect, test } from '@jest/globals';
import { judgeHooks } from '../../../src/deploy/looking/judge-running.ts';
import { hookRequest } from '../../../src/deploy/planning/container.ts';
import { stepsOf } from '../../../src/deploy/planning/describe.ts';
import { isEmpty, type Plan } from '../../../src/deploy/planning/plan.ts';
import { refuseUnfinished } from '../../../src/deploy/planning/unfinished-hook.ts';
import { describeHooks } from '../../../src/deploy/recording/hook-record.ts';
import type { HookSpec } from '../../../src/model/spec.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { FAILING, StepFailed, World } from './world.ts';

const MIGRATION: HookSpec = { command: ['migrate'], timeoutMs: 600_000, idempotent: false };
const PRE = { preDeploy: MIGRATION };
const POST = { postDeploy: MIGRATION };
const AGAIN = { preDeploy: { ...MIGRATION, idempotent: true } };

/** api returns a shop of one service on two servers whose releases bring hooks. */
function api(policy: ServiceChanges['policy'], changes: ServiceChanges = {}) {
  return shop([service('api', { servers: 2, ...changes, policy })], servers(2));
}

function v2(policy: ServiceChanges['policy']) {
  return api(policy, { image: 'api:2' });
}

/** cutOff returns a world in which the second version was being deployed until a moment. */
function cutOff(moment: RegExp, policy: ServiceChanges['policy'] = PRE): World {
  const world = new World();
  world.deploy(api({}));
  world.deployUntil(moment, v2(policy));
  return world;
}

/** hooksOf returns the plan's steps that run or await a hook. */
function hooksOf(plan: Plan): string[] {
  return stepsOf(plan).flatMap((step) =>
    step.kind === 'hook' || step.kind === 'await' ? [`${step.kind} ${step.hook} ${step.release}`] : [],
  );
}

describe('a hook is run', () => {
  test('once, on one server, before the first new container and after the switch', () => {
    const world = new World();
    world.deploy(api({}));
    const kinds = stepsOf(world.plan(v2({ ...PRE, ...POST }))).map(({ kind }) => kind);
    expect(kinds).toEqual([
      ...['pull', 'pull', 'hook', 'start', 'start', 'check', 'check', 'switch', 'hook'],
      ...['retire', 'retire'],
    ]);
    world.deploy(v2({ ...PRE, ...POST }));
    expect([...world.hookEnds.values()]).toEqual(['well', 'well']);
    expect(world.state.services.api!.hooks).toEqual({
      release: 2,
      host: 'a',
      pre_deploy: 'done',
      post_deploy: 'done',
    });
    expect(isEmpty(world.plan(v2({ ...PRE, ...POST })))).toBe(true);
  });

  test('after what the service depends on has changed, and before a recreated one stops', () => {
    const both = (image: string) =>
      shop([
        service('api', { image: `api:${image}`, dependsOn: ['db'], policy: PRE }),
        database('db', { image: `db:${image}`, policy: PRE }),
      ]);
    const world = new World();
    world.deploy(both('1'));
    const order = stepsOf(world.plan(both('2'))).flatMap((step) =>
      step.kind === 'hook' || step.kind === 'stop' || step.kind === 'check'
        ? [`${step.kind} ${step.service}`]
        : [],
    );
    expect(order).toEqual(['hook db', 'stop db', 'check db', 'hook api', 'check api']);
  });

  test('for an image that moved under its name, though the release keeps its number', () => {
    const world = new World();
    world.deploy(api(PRE));
    world.moveImage('api:1');
    expect(hooksOf(world.plan(api(PRE)))).toEqual(['hook pre_deploy 1']);
  });

  test.each<[string, (world: World) => Plan]>([
    ['that changes alone', (world) => world.plan(api({ preDeploy: { ...MIGRATION, timeoutMs: 1 } }))],
    ['of a release whose routes change', (world) => world.plan(api(PRE, { domains: ['x.example.com'] }))],
    [
      'when a copy comes back',
      (world) => {
        world.container('shop_production_api').isRunning = false;
        return world.plan(api(PRE));
      },
    ],
    [
      'when a copy was removed',
      (world) => {
        world.machines.get('a')!.containers = [];
        return world.plan(api(PRE));
      },
    ],
    [
      'when a server joins',
      (world) => world.plan(shop([service('api', { servers: 3, policy: PRE })], servers(3))),
    ],
    [
      'when an earlier release is brought back',
      (world) => {
        world.deploy(api(PRE, { image: 'api:9' }));
        return world.plan(api(PRE, { image: 'api:9' }), {
          services: ['api'],
          rollback: 'previous',
        });
      },
    ],
  ])('never: a hook %s', (_what, planOf) => {
    const world = new World();
    world.deploy(api(PRE));
    expect(hooksOf(planOf(world))).toEqual([]);
  });
});

describe('a pre_deploy that fails', () => {
  test('leaves everything as it was, and is run again by the next release', () => {
    const world = new World();
    world.deploy(api({}));
    const failing = { preDeploy: { ...MIGRATION, command: FAILING } };
    expect(() => world.deploy(v2(failing))).toThrow(StepFailed);
    expect(world.running()).toEqual(['shop_production_api']);
    expect(world.state.services.api).toMatchObject({
      release: 1,
      hooks: { release: 2, pre_deploy: 'failed' },
    });
    expect(world.state.services.api).not.toHaveProperty('pending');
    world.deploy(v2(PRE));
    expect([...world.hookEnds]).toEqual([
      ['api pre_deploy 2 sha256:api:2', 'badly'],
      ['api pre_deploy 3 sha256:api:2', 'well'],
    ]);
  });
});

describe('a post_deploy that fails', () => {
  const failing = (idempotent: boolean) => ({
    postDeploy: { ...MIGRATION, command: FAILING, idempotent },
  });

  test('fails the run; the release stays and the hook is not run again', () => {
    const world = new World();
    expect(() => world.deploy(api(failing(false)))).toThrow(StepFailed);
    expect(world.serving('api')).toBe('shop_production_api');
    expect(world.state.services.api).toMatchObject({ release: 1, hooks: { post_deploy: 'failed' } });
    expect(isEmpty(world.plan(api(failing(false))))).toBe(true);
  });

  test('that is idempotent is run again by the next run', () => {
    const world = new World();
    expect(() => world.deploy(api(failing(true)))).toThrow(StepFailed);
    expect(hooksOf(world.plan(api(failing(true))))).toEqual(['hook post_deploy 1']);
  });
});

describe('a run that is cut off', () => {
  test.each([
    ['before its hook is recorded', /^created pre_deploy/],
    ['before its hook starts', /^recorded that pre_deploy of api release 2 begins/],
    ['when its hook has ended', /^ended pre_deploy/],
    ['when that is recorded', /^recorded that pre_deploy of api release 2 is over/],
    ['after its hook', /^removed shop_production_api_pre_deploy/],
    ['between the starts', /^started shop_production_api_secondary on a/],
  ])('%s: the next one finishes it, and it ran once', (_when, moment) => {
    const world = cutOff(moment);
    world.deploy(v2(PRE));
    expect([...world.hookEnds.values()]).toEqual(['well']);
    expect(world.state.services.api).toMatchObject({ release: 2, hooks: { pre_deploy: 'done' } });
    expect(isEmpty(world.plan(v2(PRE)))).toBe(true);
  });

  test('while its hook runs: the next one waits for it, also with another version', () => {
    const world = cutOff(/^started pre_deploy/);
    expect(hooksOf(world.plan(v2(PRE)))).toEqual(['await pre_deploy 2', 'hook pre_deploy 2']);
    const v3 = api(PRE, { image: 'api:3' });
    expect(hooksOf(world.plan(v3))).toEqual(['await pre_deploy 2', 'hook pre_deploy 3']);
    world.deploy(v3);
    expect([...world.hookEnds.values()]).toEqual(['well', 'well']);
  });

  test('between switch and post_deploy: the next one runs what is left', () => {
    const world = cutOff(/^created post_deploy/, POST);
    expect(hooksOf(world.plan(v2(POST)))).toEqual(['hook post_deploy 2']);
    world.deploy(v2(POST));
    expect(world.state.services.api).toMatchObject({ release: 2, hooks: { post_deploy: 'done' } });
  });

  describe('while its hook ran, of which nobody knows how it ended', () => {
    const VANISHED = (world: World) => world.removeHooks();
    const KILLED = (world: World) => world.killHooks();

    test.each([
      ['its container is gone', VANISHED, 'nobody saw how it ended'],
      ['it was killed', KILLED, 'it was killed before its end'],
    ])('%s: the next one changes nothing and asks', (_what, happen, how) => {
      const world = cutOff(/^started pre_deploy/);
      happen(world);
      const { unfinished } = world.plan(v2(PRE));
      expect(() => refuseUnfinished(unfinished)).toThrow(
        `it is not known what pre_deploy has done: pre_deploy of api release 2 was begun on a, and ${how}`,
      );
      expect(judgeHooks(world.plan(v2(PRE)))).toMatchObject([{ check: 'hook', level: 'error' }]);
      const before = structuredClone(world.state);
      expect(() => world.deploy(v2(PRE))).toThrow('it is not known');
      expect(world.state).toEqual(before);
    });

    test.each([
      [VANISHED, 'run' as const, ['hook pre_deploy 2']],
      [VANISHED, 'done' as const, []],
      [KILLED, 'run' as const, ['hook pre_deploy 2']],
      [KILLED, 'done' as const, []],
    ])('the answer decides, and nobody is asked again (%#)', (happen, unfinishedHook, expected) => {
      const world = cutOff(/^started pre_deploy/);
      happen(world);
      expect(hooksOf(world.plan(v2(PRE), { unfinishedHook }))).toEqual(expected);
      world.deployUntil(/^started shop_production_api_secondary on a/, v2(PRE), { unfinishedHook });
      world.deploy(v2(PRE));
      expect(world.machines.get('a')!.hooks).toEqual([]);
      expect(isEmpty(world.plan(v2(PRE)))).toBe(true);
    });

    test('another version asks too; what may run again does not ask', () => {
      const world = cutOff(/^started pre_deploy/);
      world.removeHooks();
      expect(world.plan(api(PRE, { image: 'api:3' })).unfinished).toHaveLength(1);
      expect(world.plan(api(AGAIN, { image: 'api:3' })).unfinished).toEqual([]);
      world.deploy(api(AGAIN, { image: 'api:3' }));
    });

    test('a file that brings no new container, or no hook, asks nothing', () => {
      const world = cutOff(/^started pre_deploy/);
      world.killHooks();
      expect(world.plan(api({})).unfinished).toEqual([]);
      world.deploy(v2({}));
      expect(world.machines.get('a')!.hooks).toEqual([]);
    });
  });
});

test('a service that leaves takes the containers of its hooks along', () => {
  const world = cutOff(/^created pre_deploy/);
  world.deploy(shop([], servers(2)));
  expect(world.machines.get('a')!.hooks).toEqual([]);
});

test('the container of a hook has the environment of its service, takes no traffic and writes to no volume', () => {
  const [hook] = new World().plan(
    shop([database('db', { secrets: ['KEY'], environment: { LEVEL: 'info' }, policy: PRE })], servers(2)),
  ).levels[0]!.preDeploy;
  const request = hookRequest(hook!.blueprint, {
    hook: 'pre_deploy',
    command: ['migrate'],
    release: 1,
    secrets: { KEY: 'open' },
  });
  expect(request).toMatchObject({
    Cmd: ['migrate'],
    Env: ['LEVEL=info', 'KEY=open'],
    ExposedPorts: {},
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      Mounts: [{ Source: 'shop_production_db-data', ReadOnly: true }],
    },
    NetworkingConfig: { EndpointsConfig: { shop_production_network: {} } },
  });
  expect(request.HostConfig).not.toHaveProperty('PortBindings');
  expect(request.Labels).toMatchObject({ 'switchyard.role': 'hook', 'switchyard.hook': 'pre_deploy' });
  expect(request.Labels).not.toHaveProperty('switchyard.host-port');
});

test('status says what became of hooks that did not end well', () => {
  const hooks = { release: 5, host: 'a' };
  expect(describeHooks('api', undefined)).toEqual([]);
  expect(describeHooks('api', { ...hooks, pre_deploy: 'done', post_deploy: 'due' })).toEqual([]);
  expect(describeHooks('api', { ...hooks, pre_deploy: 'begun', post_deploy: 'failed' })).toEqual([
    'pre_deploy of api release 5 on a was begun, and no run has seen its end',
    'post_deploy of api release 5 on a has failed',
  ]);
});
