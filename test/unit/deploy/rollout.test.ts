import { describe, expect, test } from '@jest/globals';
import { StepGraph, upTo } from '../../../src/deploy/planning/graph.ts';
import type { Retirement } from '../../../src/deploy/planning/retirement.ts';
import { layOut, layOutMove, type Rollout } from '../../../src/deploy/planning/rollout.ts';
import { describeStep } from '../../../src/deploy/steps/index.ts';
import type { Slot } from '../../../src/model/copy.ts';
import type { Protocol } from '../../../src/model/spec.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { describePlan } from '../../../src/report/changes.ts';
import { database, REPOSITORY, servers, service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';
import { tableOf, wordOf } from './step-tables.ts';

const PORTS = { host: 8100, internal: 5100 };

/** What a rollout is like that replaces the service `api`. */
interface Outline {
  on: string[];
  protocol?: Protocol;
  /** The old copies stop before the new ones start. */
  isRecreated?: boolean;
  /** There is no old copy. */
  isFirst?: boolean;
  hooks?: boolean;
}

/** rolloutOf returns a rollout as the planner would hand it in: new copies in the slot `secondary`, old ones in `base`. */
function rolloutOf({ on, protocol = 'http', isRecreated, isFirst, hooks }: Outline): Rollout {
  const { container, policy } = service('api');
  const blueprint = {
    scope: { project: 'shop', environment: 'production' },
    repository: REPOSITORY,
    service: 'api',
    container,
    containerPort: 3000,
    ports: PORTS,
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 0,
  };
  const old = { service: 'api', id: 'old', name: 'api_1', graceMs: 10_000 };
  const copy = { service: 'api', slot: 'secondary', name: 'api_2' } as const;
  const route = (slot: Slot): Route => ({
    service: 'api',
    ports: [
      {
        protocol,
        containerPort: 3000,
        internalPort: PORTS.internal,
        hostPort: PORTS.host,
        domains: ['api.example.com'],
        provePath: '/',
      },
    ],
    idleTimeoutMs: 60_000,
    copies: on.map((server) => ({ server, slot, weight: 1 })),
  });
  const before = isFirst ? [] : [route('base')];
  const hook = (name: 'pre_deploy' | 'post_deploy') => ({
    kind: 'hook' as const,
    hook: name,
    service: 'api',
    server: on[0]!,
    name: `api_${name}`,
    release: 2,
    blueprint,
    command: ['migrate'],
    timeoutMs: 60_000,
    graceMs: 10_000,
  });
  const retire = on.map(
    (server): Retirement => ({
      ...old,
      server,
      ports: [3000],
      release: 1,
      helpers: [],
      drainTimeoutMs: isRecreated ? undefined : 120_000,
    }),
  );
  return {
    services: ['api'],
    hold: [],
    release: [],
    preDeploy: hooks ? [hook('pre_deploy')] : [],
    stop: isRecreated ? retire.map((copy) => ({ ...copy, isWorking: true })) : [],
    start: on.map((server) => ({
      kind: 'start',
      ...copy,
      server,
      release: 2,
      blueprint,
      existing: undefined,
    })),
    check: on.map((server) => ({
      ...copy,
      server,
      containerPort: 3000,
      protocol,
      healthcheck: policy.healthcheck,
      host: 'api.example.com',
    })),
    withdraw: undefined,
    move: { name: 'api', routes: [route('secondary')], before, moved: ['api'], servers: on },
    before,
    watch: [],
    postDeploy: hooks ? [hook('post_deploy')] : [],
    retire: isFirst ? [] : retire,
    keeping: [],
  };
}

/** laidOut returns the table of a rollout after which nothing and before which something comes. */
function laidOut(outline: Outline, changes: Partial<Rollout> = {}) {
  const graph = new StepGraph();
  const { serving, over } = layOut(graph, { ...rolloutOf(outline), ...changes }, ['before']);
  const words = (ids: string[]) =>
    ids
      .map((id) => graph.steps.find((one) => one.id === id))
      .map((one) => (one ? wordOf(one.step) : 'before'));
  return { steps: graph.steps, table: tableOf(graph.steps), serving: words(serving), over: words(over) };
}

describe('the order that loses no request', () => {
  test('a toggle on one server', () => {
    expect(laidOut({ on: ['a'] }).table).toEqual([
      'start a ← before',
      'answer a ← start a',
      'healthy a ← answer a',
      'stage ← answer a',
      'probe ← answer a',
      'switch a ← healthy a, stage, probe',
      'prove a ← switch a',
      'drain a ← prove a',
      'stop a ← drain a',
      'remove a ← stop a',
      'end probe ← stop a',
    ]);
  });

  test('a toggle on two servers: none switches before all are healthy, and none lets go before all are proven', () => {
    expect(laidOut({ on: ['a', 'b'] }).table).toEqual([
      'start a ← before',
      'start b ← before',
      'answer a ← start a',
      'answer b ← start b',
      'healthy a ← answer a',
      'healthy b ← answer b',
      'stage ← answer a, answer b',
      'probe ← answer a, answer b',
      'switch a ← healthy a, healthy b, stage, probe',
      'prove a ← switch a',
      'switch b ← healthy a, healthy b, stage, probe',
      'prove b ← switch b',
      'drain a ← prove a, prove b',
      'stop a ← drain a',
      'remove a ← stop a',
      'drain b ← prove a, prove b',
      'stop b ← drain b',
      'remove b ← stop b',
      'end probe ← stop a, stop b',
    ]);
  });

  test('a recreate: the old copy has stopped before the new one starts, and has nothing to drain', () => {
    expect(laidOut({ on: ['a'], protocol: 'tcp', isRecreated: true }).table).toEqual([
      'stop a ← before',
      'start a ← stop a',
      'answer a ← start a',
      'healthy a ← answer a',
      'stage ← answer a',
      'switch a ← healthy a, stage',
      'prove a ← switch a',
      'remove a ← prove a',
    ]);
  });

  test('a first deploy: there is nobody to probe, and nobody who goes', () => {
    expect(laidOut({ on: ['a'], isFirst: true }).table).toEqual([
      'start a ← before',
      'answer a ← start a',
      'healthy a ← answer a',
      'stage ← answer a',
      'switch a ← healthy a, stage',
      'prove a ← switch a',
    ]);
  });

  test('hooks: one before anything else, the other while the old copies drain', () => {
    const { table } = laidOut({ on: ['a'], hooks: true });
    expect(table.filter((line) => /deploy/.test(line))).toEqual([
      'pre_deploy ← before',
      'start a ← pre_deploy',
      'post_deploy ← prove a',
    ]);
    expect(table).toContain('drain a ← prove a');
    const recreated = laidOut({ on: ['a'], hooks: true, isRecreated: true }).table;
    expect(recreated.slice(0, 3)).toEqual(['pre_deploy ← before', 'stop a ← pre_deploy', 'start a ← stop a']);
  });

  test('where nothing moves, what goes is drained at once', () => {
    const { table } = laidOut({ on: ['a'] }, { start: [], check: [], move: undefined });
    expect(table).toEqual(['drain a ← before', 'stop a ← drain a', 'remove a ← stop a']);
  });

  test('what starts without being asked is there before anybody is asked, also one that has been running', () => {
    const outline = { on: ['a', 'b'] };
    const { start, check } = rolloutOf(outline);
    const isOn = (name: string) => (one: { server: string }) => one.server === name;
    const asksB = { check: check.filter(isOn('b')), move: undefined, retire: [] };
    expect(laidOut(outline, asksB).table).toContain('answer b ← start b, start a');
    const startsA = { ...asksB, start: start.filter(isOn('a')) };
    expect(laidOut(outline, startsA).table).toContain('answer b ← before, start a');
    expect(laidOut(outline, { ...startsA, start: [] }).table).toContain('answer b ← before');
  });

  test('copies that are started again where no route changes have to be healthy, and that is all', () => {
    const { table, serving } = laidOut({ on: ['a'] }, { move: undefined, retire: [] });
    expect(table).toEqual(['start a ← before', 'answer a ← start a', 'healthy a ← answer a']);
    expect(serving).toEqual(['healthy a']);
  });

  test('traffic that moves between copies that all serve needs no more than its proof', () => {
    const graph = new StepGraph();
    const proven = layOutMove(graph, rolloutOf({ on: ['a', 'b'] }).move!, ['before']);
    expect(tableOf(graph.steps)).toEqual([
      'stage ← before',
      'switch a ← stage',
      'prove a ← switch a',
      'switch b ← stage',
      'prove b ← switch b',
    ]);
    expect(proven).toEqual([graph.steps[2]!.id, graph.steps[4]!.id]);
  });
});

describe('where a rollout ends', () => {
  test('its services serve when all servers are proven, and what depends on them need not wait for the drain', () => {
    expect(laidOut({ on: ['a', 'b'] })).toMatchObject({
      serving: ['prove a', 'prove b'],
      over: ['prove a', 'prove b'],
    });
  });

  test('what depends on them comes after post_deploy', () => {
    expect(laidOut({ on: ['a'], hooks: true })).toMatchObject({
      serving: ['prove a'],
      over: ['post_deploy'],
    });
  });

  test('one that does nothing passes on what it came after', () => {
    const nothing = { start: [], check: [], move: undefined, retire: [] };
    expect(laidOut({ on: ['a'] }, nothing)).toMatchObject({
      table: [],
      serving: ['before'],
      over: ['before'],
    });
  });
});

describe('a plan', () => {
  /** A shop whose parts depend on each other, with a volume and hooks, in a version. */
  const shopOf = (version: number) => {
    const hook = { command: ['migrate'], timeoutMs: 60_000, idempotent: false };
    const secrets = version === 1 ? [] : ['TOKEN'];
    return shop([
      database('db', { image: `db:${version}` }),
      service('api', { image: `api:${version}`, dependsOn: ['db'], secrets, policy: { preDeploy: hook } }),
    ]);
  };
  const picture = new Picture();
  picture.deploy(shopOf(1));

  test('first brings all that it can have, says what it is about to do, and then changes level after level', () => {
    expect(tableOf(picture.plan(shopOf(2), { secrets: { api: { TOKEN: 'x' } } }).steps)).toEqual([
      'pull a',
      'pull a',
      'record intent ← pull a, pull a',
      'keep secrets a ← record intent',
      'stop a ← keep secrets a',
      'start a ← stop a',
      'answer a ← start a',
      'healthy a ← answer a',
      'stage ← answer a',
      'switch a ← healthy a, stage',
      'prove a ← switch a',
      'remove a ← prove a',
      'pre_deploy ← prove a',
      'start a ← pre_deploy',
      'answer a ← start a',
      'healthy a ← answer a',
      'stage ← answer a',
      'probe ← answer a',
      'switch a ← healthy a, stage, probe',
      'prove a ← switch a',
      'drain a ← prove a',
      'stop a ← drain a',
      'remove a ← stop a',
      'end probe ← stop a',
    ]);
  });

  test('in words', () => {
    expect(picture.plan(shopOf(2)).steps.map(({ step }) => describeStep(step))).toEqual([
      'pull db:2 on a',
      'pull api:2 on a',
      'record the intent: db release 2, api release 2',
      'stop shop_production_db on a',
      'start db release 2 as secondary on a',
      'wait until db (secondary) on a answers',
      'wait until db (secondary) on a is healthy',
      'make the new routes ready on a',
      'switch db on a',
      'prove that the new copies of db answer on a',
      'remove shop_production_db on a',
      'run pre_deploy of api release 2 on a',
      'start api release 2 as secondary on a',
      'wait until api (secondary) on a answers',
      'wait until api (secondary) on a is healthy',
      'make the new routes ready on a',
      'begin to probe api',
      'switch api on a',
      'prove that the new copies of api answer on a',
      'drain shop_production_api on a (at most 120 s)',
      'stop shop_production_api on a',
      'remove shop_production_api on a',
      'end the probe of api',
    ]);
  });

  test('of an environment that is given up takes routes away first, then copies, then what they stood on', () => {
    expect(tableOf(picture.plan(shop([])).steps)).toEqual([
      'stage',
      'switch a ← stage',
      'prove a ← switch a',
      'drain a ← prove a',
      'stop a ← drain a',
      'remove a ← stop a',
      'drain a ← prove a',
      'stop a ← drain a',
      'remove a ← stop a',
      'teardown a ← remove a, remove a',
    ]);
  });

  test('of what stands in the way of a new copy clears the way first, and ends there', () => {
    const toggled = new Picture();
    const api = (version: number) => shop([service('api', { image: `api:${version}` })]);
    toggled.deploy(api(1));
    toggled.deploy(api(2), { killedBefore: 'drain' });
    const { steps, gate } = toggled.plan(api(3));
    expect(tableOf(upTo(steps, gate))).toEqual(['drain a', 'stop a ← drain a', 'remove a ← stop a']);
    expect(tableOf(steps).slice(3, 6)).toEqual([
      'pull a ← remove a',
      'record intent ← pull a',
      'start a ← record intent',
    ]);
  });

  test('no step comes before one that it needs, whatever is deployed', () => {
    for (const { steps } of [
      picture.plan(shopOf(2)),
      picture.plan(shop([])),
      new Picture().plan(shopOf(1)),
    ]) {
      const known = new Set<string>();
      for (const { id, needs } of steps) {
        for (const need of needs) expect(known).toContain(need);
        known.add(id);
      }
      expect(known.size).toBe(steps.length);
    }
  });
});

describe('what a plan says', () => {
  test('what happens to each service, in one line', () => {
    const picture = new Picture();
    picture.deploy(shop([service('api'), service('web'), service('gone'), service('same')]));
    const plan = picture.plan(
      shop([
        service('api', { image: 'api:2' }),
        service('web', { policy: { drainTimeoutMs: 1 } }),
        service('same'),
      ]),
    );
    expect(describePlan(plan).slice(0, 5)).toEqual([
      'shop production: plan',
      '  api 1 → 2: new containers beside the old ones on a (image); api:2 at api.example.com',
      '  web 1 → 2: the record only on a (drain.timeout); web:1 at web.example.com',
      '  same 1: unchanged on a',
      '  gone 1 → none: removed on a (no longer in the file; its volumes stay)',
    ]);
  });

  test('secrets are kept on every server before anything starts, and given up when their service leaves', () => {
    const two = servers(2);
    const both = shop([service('api', { secrets: ['TOKEN'] }), service('web')], two);
    const secrets = { api: { TOKEN: 'sesame' } };
    const about = (plan: ReturnType<Picture['plan']>) =>
      plan.steps.map(({ step }) => describeStep(step)).filter((sentence) => sentence.includes('secrets'));
    const picture = new Picture();
    const kept = picture.plan(both, { secrets });
    expect(about(kept)).toEqual(['keep the secrets of api on a', 'keep the secrets of api on b']);
    expect(JSON.stringify(kept)).not.toContain('sesame');
    const start = kept.steps.find(({ step }) => step.kind === 'start')!;
    const before = upTo(kept.steps, [start.id]).filter(({ step }) => step.kind === 'keep secrets');
    expect(before).toHaveLength(2);
    picture.deploy(both, { secrets });
    expect(about(picture.plan(shop([service('web')], two)))).toEqual([
      'forget old secrets of api on a',
      'forget old secrets of api on b',
    ]);
    // With the environment the whole volume goes.
    const words = about(picture.plan(shop([], two)));
    expect(words).toEqual([
      expect.stringMatching(/^remove sidecar, network and kept secrets from a/),
      expect.any(String),
    ]);
  });
});
