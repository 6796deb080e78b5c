import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { upTo } from '../../../src/deploy/planning/graph.ts';
import { isEmpty, type Plan } from '../../../src/deploy/planning/plan.ts';
import type { DryRunReport } from '../../../src/deploy/request.ts';
import type { HookSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { complaintOf } from './story.ts';

const MIGRATION: HookSpec = { command: ['migrate'], timeoutMs: 600_000, idempotent: false };
const FAILING: HookSpec = { ...MIGRATION, command: ['fail'] };
const PRE = { preDeploy: MIGRATION };
const POST = { postDeploy: MIGRATION };
const AGAIN = { preDeploy: { ...MIGRATION, idempotent: true } };

let world: World;
beforeEach(() => {
  world = new World();
});
/** Whatever becomes of a hook, nobody loses a request, and none runs twice that has ended well. */
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** api returns a shop of one service on two servers whose releases bring hooks. */
function api(policy: ServiceChanges['policy'], changes: ServiceChanges = {}) {
  return shop([service('api', { servers: 2, ...changes, policy })], servers(2));
}

function v2(policy: ServiceChanges['policy']) {
  return api(policy, { image: 'api:2' });
}

/** cutOff lets the second version be deployed until a moment. */
async function cutOff(moment: RegExp, policy: ServiceChanges['policy'] = PRE): Promise<void> {
  await world.deploy(api({}));
  await world.deployUntil(moment, v2(policy));
}

/** A migration that takes a minute is under way, and the run that has started it is gone. */
async function cutOffWhileItRuns(): Promise<void> {
  world.registry.define('api:2', { commands: { migrate: { takesMs: 60_000 } } });
  await cutOff(/^pre_deploy of api release 2 on a runs: /);
}

/** hooksOf returns the plan's steps that run or await a hook. */
function hooksOf({ plan }: { plan: Plan }): string[] {
  return plan.steps.flatMap(({ step }) =>
    step.kind === 'hook' || step.kind === 'await hook' ? [`${step.kind}: ${step.hook} ${step.release}`] : [],
  );
}

/** Kinds of the steps that have to be done before all steps of a kind, and after all of them. */
function around({ steps }: Plan, isMeant: (kind: string, hook: string | undefined) => boolean) {
  const kindOf = (id: string) => steps.find((one) => one.id === id)!.step.kind;
  const before = (id: string) =>
    upTo(steps, [id])
      .map((one) => one.id)
      .filter((one) => one !== id);
  const meant = steps.filter(({ step }) => isMeant(step.kind, 'hook' in step ? step.hook : undefined));
  const all = steps.map(({ id }) => id);
  const ids = meant.map(({ id }) => id);
  return {
    before: new Set(all.filter((id) => ids.every((one) => before(one).includes(id))).map(kindOf)),
    after: new Set(all.filter((id) => ids.every((one) => before(id).includes(one))).map(kindOf)),
  };
}

async function isSettled(wanted: ReturnType<typeof api>): Promise<boolean> {
  return isEmpty((await world.plan(wanted)).plan);
}

describe('a hook is run', () => {
  test('once, on one server, before the first new container and after the switch', async () => {
    await world.deploy(api({}));
    const both = v2({ ...PRE, ...POST });
    const { plan } = await world.plan(both);
    expect(hooksOf({ plan })).toEqual(['hook: pre_deploy 2', 'hook: post_deploy 2']);
    const pre = around(plan, (_kind, hook) => hook === 'pre_deploy');
    expect([...pre.before]).toEqual(['pull', 'record intent']);
    expect(pre.after).toContain('start');
    const post = around(plan, (_kind, hook) => hook === 'post_deploy');
    expect(post.before).toContain('prove');
    await world.deploy(both);
    expect(world.hookEnds).toEqual(['api pre_deploy 2: well', 'api post_deploy 2: well']);
    expect(world.state.services.api!.hooks).toEqual({
      release: 2,
      server: 'a',
      pre_deploy: 'done',
      post_deploy: 'done',
    });
    expect(world.containersOf('a', 'hook')).toEqual([]);
    expect(await isSettled(both)).toBe(true);
  });

  test('after what the service depends on has changed, and before a recreated one stops', async () => {
    const both = (image: string) =>
      shop([
        service('api', { image: `api:${image}`, dependsOn: ['db'], policy: PRE }),
        database('db', { image: `db:${image}`, policy: PRE }),
      ]);
    await world.deploy(both('1'));
    const { plan } = await world.plan(both('2'));
    const order = plan.steps.flatMap(({ step }) =>
      step.kind === 'hook' || step.kind === 'stop' || step.kind === 'healthy'
        ? [`${step.kind} ${step.service}`]
        : [],
    );
    const firsts = [...new Set(order)];
    expect(firsts).toEqual(['hook db', 'stop db', 'healthy db', 'hook api', 'healthy api', 'stop api']);
    await world.deploy(both('2'));
    expect(world.hookEnds.slice(2)).toEqual(['db pre_deploy 2: well', 'api pre_deploy 2: well']);
  });

  test('for an image that moved under its name, though the release keeps its number', async () => {
    await world.deploy(api(PRE));
    world.moveImage('api:1');
    expect(hooksOf(await world.plan(api(PRE)))).toEqual(['hook: pre_deploy 1']);
    await world.deploy(api(PRE));
    expect(world.hookEnds).toEqual(['api pre_deploy 1: well', 'api pre_deploy 1: well']);
  });

  test.each<[string, () => Promise<DryRunReport>]>([
    ['that changes alone', () => world.plan(api({ preDeploy: { ...MIGRATION, timeoutMs: 1 } }))],
    ['of a release whose routes change', () => world.plan(api(PRE, { domains: ['x.example.com'] }))],
    [
      'when a copy comes back',
      async () => {
        const machine = world.machine('a');
        await world.clock.finish(machine.stop(machine.need('shop_production_api'), 0));
        return await world.plan(api(PRE));
      },
    ],
    [
      'when a copy was removed',
      async () => {
        const machine = world.machine('a');
        machine.remove(machine.need('shop_production_api'));
        return await world.plan(api(PRE));
      },
    ],
    [
      'when a server joins',
      () => world.plan(shop([service('api', { servers: 3, policy: PRE })], servers(3))),
    ],
    [
      'when an earlier release is brought back',
      async () => {
        world = new World({ images: 'digests' });
        await world.deploy(api(PRE));
        await world.deploy(api(PRE, { image: 'api:9' }));
        return await world.plan(api(PRE, { image: 'api:9' }), { services: ['api'], rollback: 'previous' });
      },
    ],
  ])('never: a hook %s', async (_what, planned) => {
    await world.deploy(api(PRE));
    const report = await planned();
    expect(report.changed).toBe(true);
    expect(hooksOf(report)).toEqual([]);
  });
});

describe('a pre_deploy that fails', () => {
  test('leaves everything as it was, and is run again by the next release', async () => {
    await world.deploy(api({}));
    await expect(world.deploy(v2({ preDeploy: FAILING }))).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /a: pre_deploy of api release 2 ended with exit code 1\. .*it went wrong/s,
        ),
        hint: 'Nothing was deployed. The next deploy runs it again.',
      }),
    );
    expect(world.running('a')).toEqual(['shop_production_api']);
    expect(world.containersOf('a', 'hook')).toEqual([]);
    expect(world.state.services.api).toMatchObject({
      release: 1,
      hooks: { release: 2, pre_deploy: 'failed' },
    });
    expect(world.state.services.api).not.toHaveProperty('rollout');
    expect((await world.plan(v2(PRE))).drift).toMatchObject([
      { kind: 'hook', message: 'pre_deploy of api release 2 on a has failed' },
    ]);
    await world.deploy(v2(PRE));
    expect(world.hookEnds).toEqual(['api pre_deploy 2: badly', 'api pre_deploy 3: well']);
  });

  test('is stopped when it takes too long, and then nobody knows how far it came', async () => {
    await world.deploy(api({}));
    const hanging = { preDeploy: { ...MIGRATION, command: ['hang'], timeoutMs: 30_000 } };
    await expect(world.deploy(v2(hanging))).rejects.toThrow('was not over within 30 s, and was stopped');
    expect(world.running('a')).toEqual(['shop_production_api']);
    await expect(world.deploy(v2(PRE))).rejects.toThrow('nobody saw how it ended');
  });
});

describe('a post_deploy that fails', () => {
  const failing = (idempotent: boolean) => ({ postDeploy: { ...FAILING, idempotent } });

  test('fails the run; the release stays and the hook is not run again', async () => {
    await expect(world.deploy(api(failing(false)))).rejects.toThrow(
      'post_deploy of api release 1 ended with',
    );
    expect(world.serving('api')).toBe('shop_production_api');
    expect(world.state.services.api).toMatchObject({ release: 1, hooks: { post_deploy: 'failed' } });
    expect(await isSettled(api(failing(false)))).toBe(true);
  });

  test('that is idempotent is run again by the next run', async () => {
    await expect(world.deploy(api(failing(true)))).rejects.toThrow('ended with exit code 1');
    expect(hooksOf(await world.plan(api(failing(true))))).toEqual(['hook: post_deploy 1']);
  });

  test('does not keep the old copies: they go all the same', async () => {
    await world.deploy(api({}));
    await expect(world.deploy(v2(failing(false)))).rejects.toThrow('ended with exit code 1');
    expect(world.running('a')).toEqual(['shop_production_api_secondary']);
    expect(world.state.services.api).toMatchObject({ release: 2 });
  });
});

describe('a run that is cut off', () => {
  test.each([
    ['before its hook is recorded', /^moment: hook: created/],
    ['before its hook starts', /^moment: hook: begun/],
    ['when its hook has ended', /^moment: hook: ended/],
    ['when that is recorded', /^ends: record hook: pre_deploy of api is done/],
    ['after its hook', /^ends: hook: run pre_deploy/],
    ['between the starts', /^ends: start: .* on a/],
  ])('%s: the next one finishes it, and it ran once', async (_when, moment) => {
    await cutOff(moment);
    await world.deploy(v2(PRE));
    expect(world.hookEnds).toEqual(['api pre_deploy 2: well']);
    expect(world.state.services.api).toMatchObject({ release: 2, hooks: { pre_deploy: 'done' } });
    expect(await isSettled(v2(PRE))).toBe(true);
  });

  test('while its hook runs: the next one waits for it', async () => {
    await cutOffWhileItRuns();
    expect(hooksOf(await world.plan(v2(PRE)))).toEqual(['await hook: pre_deploy 2', 'hook: pre_deploy 2']);
    await world.deploy(v2(PRE));
    expect(world.hookEnds).toEqual(['api pre_deploy 2: well']);
  });

  test('while its hook runs: also another version waits for it, before its own runs', async () => {
    await cutOffWhileItRuns();
    const v3 = api(PRE, { image: 'api:3' });
    expect(hooksOf(await world.plan(v3))).toEqual(['await hook: pre_deploy 2', 'hook: pre_deploy 3']);
    await world.deploy(v3);
    expect(world.hookEnds).toEqual(['api pre_deploy 2: well', 'api pre_deploy 3: well']);
  });

  test('between switch and post_deploy: the next one runs what is left', async () => {
    await cutOff(/^moment: hook: created: run post_deploy/, POST);
    expect(hooksOf(await world.plan(v2(POST)))).toEqual(['hook: post_deploy 2']);
    await world.deploy(v2(POST));
    expect(world.hookEnds).toEqual(['api post_deploy 2: well']);
    expect(world.state.services.api).toMatchObject({ release: 2, hooks: { post_deploy: 'done' } });
  });

  describe('while its hook ran, of which nobody knows how it ended', () => {
    const VANISHED = () => world.removeHooks();
    const KILLED = () => world.killHooks();

    test.each([
      ['its container is gone', VANISHED, 'nobody saw how it ended'],
      ['it was killed', KILLED, 'it was killed before its end'],
    ])('%s: the next one changes nothing and asks', async (_what, happen, how) => {
      await cutOffWhileItRuns();
      happen();
      const what = `pre_deploy of api release 2 was begun on a, and ${how}`;
      const before = world.state;
      const { plan, findings, drift } = await world.plan(v2(PRE));
      expect(plan.unfinished).toHaveLength(1);
      expect(await world.describe(v2(PRE))).toContain(`  ${what}`);
      expect(findings).toContainEqual(
        expect.objectContaining({ check: 'hook', level: 'error', message: expect.stringContaining(what) }),
      );
      expect(drift).toContainEqual({
        kind: 'hook',
        service: 'api',
        message: 'pre_deploy of api release 2 on a was begun, and no run has seen its end',
      });
      await expect(world.deploy(v2(PRE))).rejects.toThrow(
        `it is not known what pre_deploy has done: ${what}`,
      );
      expect(world.state).toEqual(before);
      expect(world.running('a')).toEqual(['shop_production_api']);
    });

    test.each([
      ['is gone', 'run' as const, VANISHED, ['hook: pre_deploy 2']],
      ['is gone', 'done' as const, VANISHED, []],
      ['was killed', 'run' as const, KILLED, ['hook: pre_deploy 2']],
      ['was killed', 'done' as const, KILLED, []],
    ])(
      'it %s, and the answer is "%s": that decides, and nobody is asked again',
      async (_how, unfinishedHook, happen, expected) => {
        await cutOffWhileItRuns();
        happen();
        expect(hooksOf(await world.plan(v2(PRE), { unfinishedHook }))).toEqual(expected);
        await world.deployUntil(/^ends: start: .* on a/, v2(PRE), { unfinishedHook });
        await world.deploy(v2(PRE));
        expect(world.hookEnds).toEqual([`api pre_deploy 2: ${unfinishedHook === 'run' ? 'well' : 'killed'}`]);
        expect(world.containersOf('a', 'hook')).toEqual([]);
        expect(await isSettled(v2(PRE))).toBe(true);
      },
    );

    test('another version asks too; what may run again does not ask', async () => {
      await cutOffWhileItRuns();
      world.removeHooks();
      const v3 = (policy: ServiceChanges['policy']) => api(policy, { image: 'api:3' });
      expect((await world.plan(v3(PRE))).plan.unfinished).toHaveLength(1);
      expect((await world.plan(v3(AGAIN))).plan.unfinished).toEqual([]);
      await world.deploy(v3(AGAIN));
      expect(world.hookEnds).toEqual(['api pre_deploy 2: killed', 'api pre_deploy 3: well']);
    });

    test('a file that brings no new container, or no hook, asks nothing', async () => {
      await cutOffWhileItRuns();
      world.killHooks();
      expect((await world.plan(api({}))).plan.unfinished).toEqual([]);
      await world.deploy(v2({}));
      expect(world.containersOf('a', 'hook')).toEqual([]);
    });
  });
});

test('a service that leaves takes the containers of its hooks along', async () => {
  await cutOff(/^moment: hook: created/);
  expect(world.containersOf('a', 'hook')).toHaveLength(1);
  await world.deploy(shop([], servers(2)));
  expect(world.containersOf('a', 'hook')).toEqual([]);
});

test('the container of a hook has the environment of its service, takes no traffic and writes to no volume', async () => {
  const db = database('db', { secrets: ['KEY'], environment: { LEVEL: 'info' }, policy: PRE });
  await world.deployUntil(/^moment: hook: created/, shop([db], servers(2)), {
    secrets: { db: { KEY: 'open' } },
  });
  const [hook] = world.containersOf('a', 'hook');
  expect(hook).toMatchObject({ name: 'shop_production_db_pre_deploy' });
  expect(hook!.request).toMatchObject({
    Cmd: ['migrate'],
    Env: ['LEVEL=info', 'KEY=open'],
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      Mounts: [{ Source: 'shop_production_db-data', ReadOnly: true }],
    },
    NetworkingConfig: { EndpointsConfig: { shop_production_network: {} } },
  });
  expect(hook!.exposedPorts).toEqual([]);
  expect(hook!.bindings).toEqual([]);
  expect(hook!.labels).toMatchObject({ 'switchyard.role': 'hook', 'switchyard.hook': 'pre_deploy' });
  expect(hook!.labels).not.toHaveProperty('switchyard.host-port');
});
