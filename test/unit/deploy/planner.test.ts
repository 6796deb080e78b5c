import { describe, expect, test } from '@jest/globals';
import { assemble } from '../../../src/deploy/planning/assemble.ts';
import { stepsOf } from '../../../src/deploy/planning/describe.ts';
import { isEmpty, type Plan } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import { assembleUndo } from '../../../src/deploy/planning/rest-of-run.ts';
import { retire } from '../../../src/deploy/planning/retire-step.ts';
import { database, servers, service, shop } from './specs.ts';
import { World } from './world.ts';

const api = (changes = {}) => shop([service('api', changes)]);
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';
const NOTHING = 'shop production: nothing to do, everything is as the file says';

/** deployed returns a world in which these configurations were deployed one after the other. */
function deployed(...wanted: Parameters<World['deploy']>[0][]): World {
  const world = new World();
  for (const one of wanted) world.deploy(one);
  return world;
}

/** kinds returns what a plan does, in its order, without where. */
function kinds(plan: Plan): string[] {
  return [...new Set(stepsOf(plan).map(({ kind }) => kind))];
}

describe('toggle', () => {
  test('where nothing runs, the first deploy starts the base side', () => {
    const world = new World();
    expect(world.describe(api())).toEqual([
      'shop production: plan',
      '  api none → 1: new on a (not deployed yet)',
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · create the sidecar and create the edge on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a is healthy',
      '  · switch api on a, and prove it',
    ]);
    world.deploy(api());
    expect(world.running()).toEqual([BASE]);
    expect(world.serving('api')).toBe(BASE);
  });

  test('a second run of the same file has nothing to do, and says so', () => {
    const world = deployed(api());
    expect(isEmpty(world.plan(api()))).toBe(true);
    expect(world.describe(api())).toEqual([NOTHING]);
  });

  test('a new image goes to the other side; the old one is drained after the switch', () => {
    const world = deployed(api());
    expect(world.describe(api({ image: 'api:2' }))).toEqual([
      'shop production: plan',
      '  api 1 → 2: new containers beside the old ones on a (image)',
      '  · pull api:2 on a',
      '  · start api release 2 as secondary on a',
      '  · wait until api (secondary) on a is healthy',
      '  · switch api on a, and prove it',
      '  · drain shop_production_api on a (at most 120 s), then stop and remove it',
    ]);
  });

  test('where the image of nginx is gone, it is pulled before anything is made of it', () => {
    const world = deployed(api());
    world.machines.get('a')!.images.delete('nginx:1.30');
    expect(isEmpty(world.plan(api()))).toBe(true);
    const plan = world.plan(api({ image: 'api:2' }));
    expect(plan.pulls.map(({ image }) => image)).toEqual(['nginx:1.30', 'api:2']);
    world.deploy(api({ image: 'api:2' }));
    expect(world.serving('api')).toBe(SECONDARY);
  });

  test('the sides take turns, and one container is left each time', () => {
    const world = deployed(api());
    const served = [2, 3, 4].map((version) => {
      world.deploy(api({ image: `api:${version}` }));
      expect(world.running()).toEqual([world.serving('api')]);
      return world.serving('api');
    });
    expect(served).toEqual([SECONDARY, BASE, SECONDARY]);
    expect(world.state.services.api).toMatchObject({
      release: 4,
      previous: 3,
      servers: [{ host: 'a', side: 'secondary', container: SECONDARY, release: 4 }],
    });
  });

  test('servers that stand on different sides each go to their own other side', () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const two = (image: string) => shop([service('api', { image, servers: 2 })], on);
    const world = deployed(two('api:1'));
    world.deploy(two('api:2'), { zones: ['nyc1'] });
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([BASE, SECONDARY]);
    world.deploy(two('api:3'));
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([SECONDARY, BASE]);
  });

  test('an image name that means another image now gets a new container of the same release', () => {
    const world = deployed(api());
    world.moveImage('api:1');
    const plan = world.plan(api());
    expect(plan.changes).toMatchObject([
      {
        effect: 'toggle',
        from: 1,
        to: 1,
        reasons: ['the image behind api:1 is another one now'],
      },
    ]);
    world.deploy(api());
    expect(world.serving('api')).toBe(SECONDARY);
    expect(world.describe(api())).toEqual([NOTHING]);
  });

  test('a container that was removed by hand is replaced where no route points to: not before it is healthy', () => {
    const world = deployed(api());
    world.machines.get('a')!.containers = [];
    const plan = world.plan(api());
    expect(plan.changes).toMatchObject([{ effect: 'create', reasons: ['not on a yet'] }]);
    world.deploy(api());
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.serving('api')).toBe(SECONDARY);
  });

  test('a container that was stopped by hand is started again, not replaced', () => {
    const world = deployed(api());
    const { id } = world.container(BASE);
    world.container(BASE).isRunning = false;
    expect(world.plan(api()).levels[0]?.start).toMatchObject([{ existing: id, side: 'base' }]);
    world.deploy(api());
    expect(world.container(BASE)).toMatchObject({ id, isRunning: true });
  });
});

describe('what a change causes', () => {
  const first = api({ environment: { LOG_LEVEL: 'info' } });
  const cases: [string, Parameters<typeof service>[1], string, string[], string[]][] = [
    [
      'environment: a new release',
      { environment: { LOG_LEVEL: 'warn' } },
      'toggle',
      ['environment.LOG_LEVEL'],
      ['start', 'check', 'switch', 'retire'],
    ],
    ['domain: a reload, no container', { domains: ['www.example.com'] }, 'reload', ['domains'], ['switch']],
    ['drain: the record only', { policy: { drainTimeoutMs: 5000 } }, 'record', ['drain_timeout_ms'], []],
    [
      'healthcheck: the record only',
      {
        policy: {
          healthcheck: { kind: 'tcp', intervalMs: 1, timeoutMs: 1, retries: 1, startPeriodMs: 0 },
        },
      },
      'record',
      expect.arrayContaining(['healthcheck.kind']) as unknown as string[],
      [],
    ],
  ];
  test.each(cases)('%s', (_name, changes, effect, reasons, steps) => {
    const world = deployed(first);
    const wanted = api({ environment: { LOG_LEVEL: 'info' }, ...changes });
    const plan = world.plan(wanted);
    expect(plan.changes).toMatchObject([{ effect, from: 1, to: 2, reasons }]);
    expect(kinds(plan)).toEqual(steps);
    world.deploy(wanted);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
    expect(world.describe(wanted)).toEqual([NOTHING]);
  });

  test('a domain alone is served after the reload, by the container that ran before', () => {
    const world = deployed(api());
    const { id } = world.container(BASE);
    world.deploy(api({ domains: ['shop.example.com'] }));
    expect(world.routes('a', 'edge')).toMatchObject([{ domains: ['shop.example.com'] }]);
    expect(world.container(BASE).id).toBe(id);
  });

  test('the value of a secret: a new version and a new release, and no value in the plan', () => {
    const wanted = api({ secrets: ['TOKEN'] });
    const world = new World();
    world.deploy(wanted, { secrets: { api: { TOKEN: 'first-value' } } });
    expect(world.describe(wanted, { secrets: { api: { TOKEN: 'first-value' } } })).toEqual([NOTHING]);

    const second = { secrets: { api: { TOKEN: 'second-value' } } };
    const plan = world.plan(wanted, second);
    expect(plan.changes).toMatchObject([{ effect: 'toggle', from: 1, to: 2, reasons: ['secrets'] }]);
    expect(JSON.stringify(plan)).not.toContain('second-value');
    world.deploy(wanted, second);
    expect(world.releases.get('api/2')?.secrets_version).toBe(2);
    expect(JSON.stringify([...world.releases])).not.toContain('-value');
    expect(world.describe(wanted, second)).toEqual([NOTHING]);
  });

  test('a value that comes back while its container still stands is known by its version', () => {
    const wanted = api({ secrets: ['TOKEN'] });
    const world = new World();
    world.deploy(wanted, { secrets: { api: { TOKEN: 'one' } } });
    world.deployUntil(/recorded the intent/, wanted, { secrets: { api: { TOKEN: 'two' } } });
    const plan = world.plan(wanted, { secrets: { api: { TOKEN: 'one' } } });
    expect(plan.changes).toMatchObject([{ to: 1, effect: 'record' }]);
  });

  test('a failed release keeps its number; the next one gets another', () => {
    const world = deployed(api());
    world.broken.add('api:2');
    expect(() => world.deploy(api({ image: 'api:2' }))).toThrow('not healthy');
    expect(world.state.services.api).toMatchObject({ release: 1 });
    expect(world.state.services.api?.pending).toBeUndefined();
    world.deploy(api({ image: 'api:3' }));
    expect(world.state.services.api).toMatchObject({ release: 3, previous: 1 });
  });

  test('a service that left and comes back goes on counting', () => {
    const world = deployed(shop([service('api'), service('web')]), shop([service('web')]));
    world.deploy(shop([service('api'), service('web')]));
    expect(world.state.services.api?.release).toBe(2);
  });
});

describe('what is left after a crash', () => {
  const v2 = api({ image: 'api:2' });

  test('after the start: the new container is not started a second time', () => {
    const world = deployed(api());
    world.deployUntil(/started/, v2);
    const plan = world.plan(v2);
    expect(kinds(plan)).toEqual(['check', 'switch', 'retire']);
    expect(plan.changes).toMatchObject([
      { from: 1, to: 2, reasons: ['image', 'an interrupted run is finished'] },
    ]);
    world.deploy(v2);
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
  });

  test('between pointer and reload: the routes are given and proven again', () => {
    const world = deployed(api());
    world.deployUntil(/pointed the sidecar/, v2);
    const plan = world.plan(v2);
    expect(plan.levels.some((level) => level.switch !== undefined)).toBe(true);
    world.deploy(v2);
    expect(world.serving('api')).toBe(SECONDARY);
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.describe(v2)).toEqual([NOTHING]);
  });

  test('between the reloads of sidecar and edge: the edge follows', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the sidecar/, v2);
    world.deploy(v2);
    expect(world.routes('a', 'edge')).toMatchObject([{ placements: [{ host: 'a', side: 'secondary' }] }]);
    expect(world.describe(v2)).toEqual([NOTHING]);
  });

  test('between the reloads of two servers: all are brought to the new side before an old one is touched', () => {
    const two = (image: string) => shop([service('api', { image, servers: 2 })], servers(2));
    const world = deployed(two('api:1'));
    world.deployUntil(/reloaded the sidecar of a/, two('api:2'));
    const plan = world.plan(two('api:3'));
    expect(plan.settle?.routes).toMatchObject([
      {
        placements: [
          { host: 'a', side: 'secondary' },
          { host: 'b', side: 'secondary' },
        ],
      },
    ]);
    expect(stepsOf(plan)[0]).toBe(plan.settle);
    world.deploy(two('api:3'));
    expect(world.state.services.api).toMatchObject({ release: 3 });
    expect([...world.running('a'), ...world.running('b')]).toEqual([BASE, BASE]);
  });

  test('after the switch: the old container is drained, nothing starts', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    const plan = world.plan(v2);
    expect(kinds(plan)).toEqual(['retire']);
    expect(plan.levels[0]?.retire).toMatchObject([{ name: BASE, drainTimeoutMs: 120_000 }]);
    expect(plan.changes).toMatchObject([{ from: 1, to: 2, effect: 'record' }]);
  });

  test('before the record: only the record is missing', () => {
    const world = deployed(api());
    world.deployUntil(/removed/, v2);
    expect(kinds(world.plan(v2))).toEqual([]);
    world.deploy(v2);
    expect(world.state.services.api).toMatchObject({ release: 2 });
    expect(world.describe(v2)).toEqual([NOTHING]);
  });

  test('what an earlier run has left running may be in use: it is drained before it goes', () => {
    const world = deployed(api());
    world.deployUntil(/started/, v2);
    const plan = world.plan(api());
    expect(stepsOf(plan)).toMatchObject([{ kind: 'retire', name: SECONDARY, drainTimeoutMs: 120_000 }]);
    expect(plan.changes).toMatchObject([{ to: 1, effect: 'record' }]);
  });

  test('a third version takes the place of the second, which was started only, when that has drained', () => {
    const world = deployed(api());
    world.deployUntil(/started/, v2);
    const v3 = api({ image: 'api:3' });
    expect(world.plan(v3).vacate).toMatchObject([{ name: SECONDARY, drainTimeoutMs: 120_000 }]);
    world.deploy(v3);
    expect(world.state.services.api).toMatchObject({ release: 3 });
    expect(world.running()).toEqual([SECONDARY]);
  });

  test('what a run has started itself, and that never had traffic, goes without a drain', () => {
    const world = deployed(api());
    world.broken.add('api:2');
    world.deployUntil(/^removed .*_secondary/, v2);
  });

  test.each([
    ['a toggled one has nothing to finish, and is given 3 s', service('api'), 3_000],
    ['a recreated one may write to a volume, and is given its time', database('api'), 10_000],
  ])('of what never had traffic %s', (_what, spec, graceMs) => {
    const container = deployed(shop([spec])).input(shop([spec])).observed[0]!.containers[0]!;
    const unused = new Set([container.id]);
    const named = { name: spec.name, spec };
    expect(retire({ unused }, named, 'a', container)).toMatchObject({ drainTimeoutMs: undefined, graceMs });
    expect(retire({ unused: new Set() }, named, 'a', container)).toMatchObject({ graceMs: 10_000 });
  });

  test('an old side that still drains where the next version has to stand is waited for', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    const plan = world.plan(api({ image: 'api:3' }));
    expect(plan.vacate).toMatchObject([{ name: BASE, drainTimeoutMs: 120_000 }]);
    expect(plan.levels[0]?.start).toMatchObject([{ side: 'base', release: 3 }]);
  });

  test('an old side that a living run drains is left to it, unless its place is needed', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    const facts = world.facts(v2, {});
    const draining = { ...facts, drainedElsewhere: new Set([world.container(BASE).id]) };
    expect(stepsOf(planOf(draining))).toEqual([]);
    const v3 = { ...draining, wanted: api({ image: 'api:3' }) };
    expect(planOf(v3).vacate).toMatchObject([{ name: BASE }]);
  });

  test('going back to the version before, after its successor had traffic, is a new release', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    const plan = world.plan(api());
    expect(plan.changes).toMatchObject([{ from: 1, to: 3 }]);
    world.deployUntil(/reloaded the edge/, api());
    expect(world.plan(api()).levels[0]?.retire).toMatchObject([{ name: SECONDARY, drainTimeoutMs: 120_000 }]);
  });

  test('where the active container is gone, the side that serves in its stead gets the traffic first of all', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    const machine = world.machines.get('a')!;
    machine.containers = machine.containers.filter(({ name }) => name !== SECONDARY);
    const plan = world.plan(api({ image: 'api:3' }));
    expect(plan.settle?.routes).toMatchObject([{ placements: [{ host: 'a', side: 'base' }] }]);
    expect(plan.vacate).toEqual([]);
    expect(plan.levels[0]?.start).toMatchObject([{ side: 'secondary' }]);
    expect(plan.levels[0]?.retire).toMatchObject([{ name: BASE }]);
    world.deploy(api({ image: 'api:3' }));
    expect(world.running()).toEqual([SECONDARY]);
  });

  test('a copy that is gone and whose successor fails stays gone; the other copies serve', () => {
    const two = (image: string) => shop([service('api', { image, servers: 2 })], servers(2));
    const world = deployed(two('api:1'));
    world.machines.get('a')!.containers = [];
    world.broken.add('api:2');
    expect(() => world.deploy(two('api:2'))).toThrow('not healthy');
    expect([world.running('a'), world.running('b')]).toEqual([[], [BASE]]);
    world.deploy(two('api:3'));
    expect(world.describe(two('api:3'))).toEqual([NOTHING]);
  });

  test('where the active container has stopped, the old side that serves in its stead is not touched either', () => {
    const world = deployed(api());
    world.deployUntil(/reloaded the edge/, v2);
    world.container(SECONDARY).isRunning = false;
    const plan = world.plan(api({ image: 'api:3' }));
    expect(plan.vacate).toMatchObject([{ name: SECONDARY, drainTimeoutMs: undefined }]);
    expect(plan.levels[0]?.start).toMatchObject([{ side: 'secondary' }]);
    expect(plan.levels[0]?.retire).toMatchObject([{ name: BASE }]);
  });
});

describe('recreate', () => {
  const db = (changes = {}) => shop([database('db', changes)]);
  const DB = 'shop_production_db';

  test('stops the old container before the new one starts, and the two never run together', () => {
    const world = deployed(db());
    expect(kinds(world.plan(db({ image: 'db:2' })))).toEqual([
      'pull',
      'stop',
      'start',
      'check',
      'switch',
      'retire',
    ]);
    for (const _ of world.run(db({ image: 'db:2' }))) expect(world.running().length).toBeLessThan(2);
    expect(world.running()).toEqual([`${DB}_secondary`]);
  });

  test('a container that was stopped has nothing to drain', () => {
    const world = deployed(db());
    expect(world.plan(db({ image: 'db:2' })).levels[0]?.retire).toMatchObject([
      { name: DB, drainTimeoutMs: undefined },
    ]);
  });

  test('the plan names the restart', () => {
    const world = deployed(db());
    expect(world.describe(db({ image: 'db:2' }))).toContain(
      '  db 1 → 2: RESTART: the old container stops before the new one starts on a (image)',
    );
  });

  test('the right container, stopped, is started again', () => {
    const world = deployed(db());
    world.container(DB).isRunning = false;
    expect(world.plan(db()).levels[0]?.start).toMatchObject([{ existing: world.container(DB).id }]);
    world.deploy(db());
    expect(world.running()).toEqual([DB]);
  });

  test('a new version that is not healthy is removed, and the old container is started again', () => {
    const world = deployed(db());
    world.broken.add('db:2');
    expect(() => world.deploy(db({ image: 'db:2' }))).toThrow('not healthy');
    expect(world.running()).toEqual([DB]);
    expect(world.machines.get('a')!.containers).toHaveLength(1);
    expect(world.describe(db())).toEqual([NOTHING]);
  });

  test('cut off between stop and start, the next run goes on', () => {
    const world = deployed(db());
    world.deployUntil(/stopped/, db({ image: 'db:2' }));
    for (const _ of world.run(db({ image: 'db:2' }))) expect(world.running().length).toBeLessThan(2);
    expect(world.running()).toEqual([`${DB}_secondary`]);
  });
});

describe('several services', () => {
  const web = service('web', { dependsOn: ['api'] });
  const all = (image = 'api:1') => shop([web, service('api', { image, dependsOn: ['db'] }), database('db')]);

  test('dependencies come first, level by level', () => {
    const plan = new World().plan(all());
    expect(plan.levels.map(({ services }) => services)).toEqual([['db'], ['api'], ['web']]);
    const api = plan.levels[1]?.start[0]?.blueprint;
    const db = plan.levels[0]?.start[0]?.blueprint;
    expect(api?.dependencies).toEqual({ db: db?.ports.internal });
  });

  test('only what differs changes', () => {
    const world = deployed(all());
    const plan = world.plan(all('api:2'));
    expect(plan.levels.map(({ services }) => services)).toEqual([['api']]);
    expect(plan.changes.map(({ effect }) => effect)).toEqual(['none', 'toggle', 'none']);
  });

  test('the services of earlier levels keep their new routes while later ones move', () => {
    const world = deployed(all());
    const next = shop([
      service('web', { dependsOn: ['api'], image: 'web:2' }),
      service('api', { image: 'api:2', dependsOn: ['db'], port: 4000 }),
      database('db'),
    ]);
    const [first, second] = world.plan(next).levels.map((level) => level.switch?.routes);
    const portOf = (routes = first) => routes?.find((route) => route.service === 'api')?.containerPort;
    expect([portOf(first), portOf(second)]).toEqual([4000, 4000]);
  });

  test('a level that fails goes back; the level before it keeps its new version and its new routes', () => {
    const world = deployed(all());
    world.broken.add('web:2');
    const next = shop([
      service('web', { dependsOn: ['api'], image: 'web:2' }),
      service('api', { image: 'api:2', dependsOn: ['db'], port: 4000, domains: ['new.example.com'] }),
      database('db'),
    ]);
    expect(() => world.deploy(next)).toThrow('not healthy');
    const route = world.routes('a', 'edge').find(({ service: name }) => name === 'api');
    expect(route).toMatchObject({ containerPort: 4000, domains: ['new.example.com'] });
    expect(world.state.services).toMatchObject({ api: { release: 2 }, web: { release: 1 } });
    expect(world.running()).toContain('shop_production_web');
  });

  test('a changed domain whose reload was not reached is not recorded', () => {
    const world = deployed(all());
    world.broken.add('api:2');
    const next = shop([
      service('web', { dependsOn: ['api'], domains: ['other.example.com'] }),
      service('api', { image: 'api:2', dependsOn: ['db'] }),
      database('db'),
    ]);
    expect(() => world.deploy(next)).toThrow('not healthy');
    expect(world.state.services.web).toMatchObject({ release: 1 });
    expect(world.plan(next).changes.find(({ service: name }) => name === 'web')).toMatchObject({
      effect: 'reload',
    });
  });

  test('a service that left the file leaves last: route first, then container; volumes are no step', () => {
    const world = deployed(all());
    const plan = world.plan(shop([service('api', { dependsOn: ['db'] }), database('db')]));
    expect(plan.changes.at(-1)).toMatchObject({
      service: 'web',
      effect: 'remove',
      from: 1,
      to: 0,
      reasons: ['no longer in the file; its volumes stay'],
    });
    expect(stepsOf(plan).map(({ kind }) => kind)).toEqual(['switch', 'retire']);
    world.deploy(shop([service('api', { dependsOn: ['db'] }), database('db')]));
    expect(world.serving('web')).toBeUndefined();
    expect(world.state.services.web).toBeUndefined();
  });

  test('an environment whose file names no service any more is left', () => {
    const world = deployed(all());
    const plan = world.plan(shop([]));
    expect(plan.teardown).toEqual([{ kind: 'teardown', host: 'a' }]);
    expect(plan.prepare).toEqual([]);
    world.deploy(shop([]));
    expect(world.machines.get('a')).toMatchObject({ containers: [], sidecar: undefined });
    expect(world.state.services).toEqual({});
    expect(world.describe(shop([]))).toEqual([NOTHING]);
  });

  test('a stopped sidecar is started first, also to leave', () => {
    const world = deployed(all());
    world.machines.get('a')!.sidecar!.isRunning = false;
    world.deploy(shop([]));
    expect(world.machines.get('a')).toMatchObject({ containers: [], sidecar: undefined });
  });

  test('a server that came into the file just before everything leaves has nothing to do', () => {
    const world = deployed(all());
    world.deploy(shop([], servers(2)));
    expect(world.machines.get('b')).toMatchObject({ sidecar: undefined, edge: undefined });
    expect(world.describe(shop([], servers(2)))).toEqual([NOTHING]);
  });
});

describe('narrowing', () => {
  const two = (image = '1') =>
    shop([service('api', { image: `api:${image}` }), service('web', { image: `web:${image}` })]);

  test('the service filter changes only that one, and removes nothing', () => {
    const world = deployed(two());
    const wanted = shop([service('api', { image: 'api:2' })]);
    const plan = world.plan(wanted, { services: ['api'] });
    expect(plan.changes.map(({ service: name }) => name)).toEqual(['api']);
    world.deploy(wanted, { services: ['api'] });
    expect(world.serving('web')).toBe('shop_production_web');
    expect(world.serving('api')).toBe(SECONDARY);
    expect(world.state.services.web).toMatchObject({ release: 1 });
  });

  test('what was not asked for keeps its recorded route, whatever the file says now', () => {
    const world = deployed(two());
    const wanted = shop([
      service('api', { image: 'api:2' }),
      service('web', { domains: ['new.example.com'] }),
    ]);
    world.deploy(wanted, { services: ['api'] });
    expect(world.routes('a', 'edge').find((route) => route.service === 'web')?.domains).toEqual([
      'web.example.com',
    ]);
  });

  test('the zones filter touches the servers of the zone only', () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const wanted = (image: string) => shop([service('api', { image, servers: 2 })], on);
    const world = deployed(wanted('api:1'));
    world.deploy(wanted('api:2'), { zones: ['nyc1'] });
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([BASE, SECONDARY]);
    world.deploy(wanted('api:2'));
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([SECONDARY, SECONDARY]);
  });

  test('an unknown service or zone is refused with what there is', () => {
    const world = deployed(two());
    expect(() => world.plan(two(), { services: ['apu'] })).toThrow('there is no service "apu" in the file');
    expect(() => world.plan(two(), { zones: ['mars'] })).toThrow('no server of production is in zone "mars"');
  });

  test('a dependency that is neither deployed nor asked for is refused', () => {
    const wanted = shop([service('api', { dependsOn: ['db'] }), database('db')]);
    expect(() => new World().plan(wanted, { services: ['api'] })).toThrow(
      'api depends on db, which is not deployed yet',
    );
    expect(new World().plan(wanted, { services: ['api', 'db'] }).levels).toHaveLength(2);
  });

  test('update-nginx gives the routes again that were changed by hand, and starts no container', () => {
    const world = deployed(two());
    const { files } = world.machines.get('a')!.edge!;
    const path = [...files.keys()].find((name) => name.endsWith('/api.conf'))!;
    files.set(path, 'server { }');
    const plan = world.plan(two('2'), { routesOnly: true });
    expect(kinds(plan)).toEqual(['switch']);
    expect(world.describe(two('2'), { routesOnly: true })).toContain(
      '  · give the routes on a, and prove it',
    );
    world.deploy(two('2'), { routesOnly: true });
    expect(isEmpty(world.plan(two('2'), { routesOnly: true }))).toBe(true);
    expect(world.running()).toEqual([BASE, 'shop_production_web']);
  });
});

describe('several servers', () => {
  const on = (count: number, services = count) =>
    shop([service('api', { servers: services })], servers(count));

  test('growing from one server to two opens host ports and names the new container it causes', () => {
    const world = deployed(on(1));
    const plan = world.plan(on(2));
    expect(plan.changes).toMatchObject([
      {
        effect: 'toggle',
        hosts: ['a', 'b'],
        reasons: ['its host port has to be open to the other servers on a', 'not on b yet'],
      },
    ]);
    expect(plan.levels[0]?.start.map(({ blueprint }) => blueprint.publishOn)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ]);
    world.deploy(on(2));
    expect(world.state.services.api?.servers).toMatchObject([
      { host: 'a', port: expect.any(Number) },
      { host: 'b' },
    ]);
    expect(world.describe(on(2))).toEqual([NOTHING]);
  });

  test('growing names the restart of a service that is recreated', () => {
    const world = deployed(shop([database('db')]));
    expect(world.describe(shop([database('db')], servers(2)))[1]).toMatch(/^ {2}db 1: RESTART/);
  });

  test('shrinking to fewer copies gives the routes first, then drains the copies that go', () => {
    const world = deployed(on(2));
    const plan = world.plan(on(2, 1));
    expect(stepsOf(plan).map(({ kind }) => kind)).toEqual(['switch', 'retire']);
    expect(plan.levels[0]?.retire).toMatchObject([{ drainTimeoutMs: 120_000 }]);
    world.deploy(on(2, 1));
    expect(world.state.services.api?.servers).toHaveLength(1);
    expect(world.describe(on(2, 1))).toEqual([NOTHING]);
  });

  test('where a server leaves the file, the one that stays closes its host port again', () => {
    const world = deployed(on(2));
    world.deploy(on(1));
    expect(world.running('a')).toHaveLength(1);
    expect(world.machines.get('a')?.containers[0]?.publishOn).toBeUndefined();
  });

  test('copies stay where they are when a server joins', () => {
    const world = deployed(on(2));
    world.deploy(on(4, 2));
    expect(world.state.services.api?.servers.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  test('servers of other zones have no host port open to them', () => {
    const wanted = shop([service('api', { servers: 2 })], servers(2, ['lon1', 'nyc1']));
    expect(new World().plan(wanted).levels[0]?.start.map(({ blueprint }) => blueprint.publishOn)).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('a server that cannot be reached', () => {
  const on = (version: number) => shop([service('api', { image: `api:${version}`, servers: 3 })], servers(3));
  const without = { excludedServers: ['c'] };

  function withoutC(): World {
    const world = deployed(on(1));
    world.machines.get('c')!.isDead = true;
    return world;
  }

  test('and is left out gets no traffic any more, before anything else happens', () => {
    const world = withoutC();
    const plan = world.plan(on(2), without);
    expect(plan.settle).toMatchObject({ hosts: ['a', 'b'] });
    expect(plan.settle?.routes[0]?.placements.map(({ host }) => host)).toEqual(['a', 'b']);
    expect(plan.stale).toEqual({ left: ['c'], returned: [] });
    world.deploy(on(2), without);
    expect(world.state.stale_servers).toEqual({ c: { since: expect.any(String), run: 'run-1' } });
    expect(world.state.services.api?.servers.map(({ host }) => host)).toEqual(['a', 'b']);
    expect(world.describe(on(2), without)).toEqual([NOTHING]);
  });

  test('and comes back is brought up to date by the next run', () => {
    const world = withoutC();
    world.deploy(on(2), without);
    world.machines.get('c')!.isDead = false;
    expect(world.describe(on(2))).toContain('  c is no longer left out');
    world.deploy(on(2));
    expect(world.state).not.toHaveProperty('stale_servers');
    expect(world.running('c')).toEqual(['shop_production_api_secondary']);
    expect(world.state.services.api?.servers.map(({ release }) => release)).toEqual([2, 2, 2]);
    expect(world.describe(on(2))).toEqual([NOTHING]);
  });

  test('and has left the file meanwhile is forgotten', () => {
    const world = withoutC();
    world.deploy(on(2), without);
    const two = shop([service('api', { image: 'api:2', servers: 3 })], servers(2));
    world.deploy(two);
    expect(world.state).not.toHaveProperty('stale_servers');
  });

  test('a copy that has no room on the servers that are left waits for its return', () => {
    const world = withoutC();
    expect(world.plan(on(2), without).standing.api?.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  test.each([
    ['a host that is none of the servers', { excludedServers: ['d'] }, 'no server of production is "d"'],
    ['all servers', { excludedServers: ['a', 'b', 'c'] }, 'no server of production is left'],
  ])('leaving out %s is refused', (_what, options, message) => {
    expect(() => deployed(on(1)).plan(on(1), options)).toThrow(message);
  });

  test('when a run goes back: the others do it without it', () => {
    const world = deployed(on(1));
    const input = world.input(on(2));
    const observed = input.observed.filter(({ host }) => host !== 'c');
    const undo = planDeploy(assembleUndo(input, { failed: ['api'], done: [], unused: new Set() }, observed));
    expect(stepsOf(undo)).toEqual([]);
    expect(undo.standing.api?.map(({ host }) => host)).toEqual(['a', 'b', 'c']);
  });
});

describe('a lost record', () => {
  const all = () => shop([service('web', { dependsOn: ['api'] }), service('api')]);

  test('what runs is right: nothing restarts, and ports and sides come from the servers', () => {
    const world = deployed(all());
    const { host_port, internal_port } = world.state.services.api!;
    world.loseRecord();
    const plan = world.plan(all());
    expect(plan.levels).toEqual([]);
    expect(plan.changes.map(({ effect }) => effect)).toEqual(['record', 'record']);
    world.deploy(all());
    expect(world.state.services.api).toMatchObject({ host_port, internal_port, servers: [{ side: 'base' }] });
    expect(world.describe(all())).toEqual([NOTHING]);
  });

  test('a deploy of new versions keeps every route while the levels before it move', () => {
    const world = deployed(all());
    world.loseRecord();
    const next = shop([
      service('web', { dependsOn: ['api'], image: 'web:2' }),
      service('api', { image: 'api:2' }),
    ]);
    const [first] = world.plan(next).levels;
    expect(first?.switch?.routes.map((route) => route.service).sort()).toEqual(['api', 'web']);
    world.deploy(next);
    expect(world.running()).toHaveLength(2);
  });

  test('a narrowed run keeps the routes of services that it cannot know', () => {
    const world = deployed(all());
    world.loseRecord();
    world.deploy(shop([service('api', { image: 'api:2' })]), { services: ['api'] });
    expect(world.serving('web')).toBe('shop_production_web');
    expect(
      world
        .routes('a', 'edge')
        .map((route) => route.service)
        .sort(),
    ).toEqual(['api', 'web']);
  });

  test('a version that fails leaves what served', () => {
    const world = deployed(all());
    world.loseRecord();
    world.broken.add('api:2');
    const next = shop([
      service('web', { dependsOn: ['api'] }),
      service('api', { image: 'api:2', port: 4000 }),
    ]);
    expect(() => world.deploy(next)).toThrow('not healthy');
    expect(world.running()).toEqual([BASE, 'shop_production_web']);
    expect(world.routes('a', 'edge').find((route) => route.service === 'api')).toMatchObject({
      containerPort: 3000,
      placements: [{ host: 'a', side: 'base' }],
    });
  });

  test('services that left the file as well are removed', () => {
    const world = deployed(all());
    world.loseRecord();
    world.deploy(shop([service('api')]));
    expect(world.running()).toEqual([BASE]);
  });
});

function planOf(facts: Parameters<typeof assemble>[0]): Plan {
  return planDeploy(assemble(facts));
}
