import { describe, expect, test } from '@jest/globals';
import { describePlan, describeStep, stepsOf } from '../../../src/deploy/planning/describe.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import { keptDigests, outcomeOf } from '../../../src/deploy/recording/outcome.ts';
import {
  begunChanges,
  historyOf,
  recordDrain,
  recordIntent,
  recordOutcome,
  releaseOf,
} from '../../../src/deploy/recording/record.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { database, servers, service, shop } from './specs.ts';
import { World } from './world.ts';

const AUTHOR = { run: 'https://github.com/acme/shop/actions/runs/1', actor: 'ann', commit: 'abc123' };
const LATER = new Date('2026-12-24T18:00:00Z');
const DONE = {
  done: [],
  failed: [],
  skipped: [],
  failure: undefined,
  dead: [],
  left: new Map(),
  isUndone: true,
  probes: new Map(),
  tookMs: 4_200.4,
};

/** planned returns what a run that changes `before` to `after` knows, just before it records. */
function planned(before: EnvironmentSpec | undefined, after: EnvironmentSpec) {
  const world = new World();
  if (before !== undefined) world.deploy(before);
  const input = world.input(after);
  return { world, input, plan: planDeploy(input), state: world.state };
}

const api = (changes = {}) => shop([service('api', changes)]);

describe('a release', () => {
  test('is everything needed to run the version again, and who made it', () => {
    const { input } = planned(undefined, api({ secrets: ['TOKEN'] }));
    const [wanted] = input.services;
    const { container, route, policy } = wanted!.spec;
    expect(releaseOf(input.scope, wanted!, 'api@sha256:0', AUTHOR, LATER)).toEqual({
      schema: 1,
      project: 'shop',
      environment: 'production',
      service: 'api',
      number: 1,
      protocol: 'http',
      port: 3000,
      container,
      route,
      policy,
      image_digest: 'api@sha256:0',
      secrets_version: 0,
      created_at: '2026-12-24T18:00:00.000Z',
      commit: 'abc123',
      run: AUTHOR.run,
      actor: 'ann',
    });
  });

  test('of an image without a digest names the image by its id', () => {
    const { input } = planned(api(), api({ domains: ['x.example.com'] }));
    const release = releaseOf(input.scope, input.services[0]!, undefined, AUTHOR, LATER);
    expect(release).toMatchObject({ image_id: 'sha256:api:1' });
    expect(release).not.toHaveProperty('image_digest');
  });

  test('that restores another one names the one that had its content first', () => {
    const { input, world } = planned(api(), api({ image: 'api:2' }));
    const [wanted] = input.services;
    const first = world.releases.get('api/1')!;
    const restoring = (restored: typeof first) =>
      releaseOf(input.scope, { ...wanted!, restored }, undefined, AUTHOR, LATER).restores;
    expect(restoring(first)).toBe(1);
    expect(restoring({ ...first, number: 7, restores: 3 })).toBe(3);
  });

  test('without digest and commit says nothing of them', () => {
    const { input } = planned(undefined, api());
    const release = releaseOf(
      input.scope,
      input.services[0]!,
      undefined,
      { ...AUTHOR, commit: undefined },
      LATER,
    );
    expect(release).not.toHaveProperty('image_digest');
    expect(release).not.toHaveProperty('commit');
  });
});

describe('the record', () => {
  test('an intent is pending beside what runs', () => {
    const { input, state } = planned(api(), api({ image: 'api:2' }));
    const after = recordIntent(state, input.services, {}, AUTHOR, LATER);
    expect(after.services.api).toMatchObject({
      release: 1,
      pending: { release: 2, run: AUTHOR.run, since: LATER.toISOString() },
    });
    expect(after.release_numbers).toEqual({ api: 2 });
    expect(state.services.api).not.toHaveProperty('pending');
  });

  test('an outcome: the release, its image by digest, the one before, and when traffic moved', () => {
    const { input, plan, state } = planned(api(), api({ image: 'api:2' }));
    const outcome = outcomeOf(input, plan, DONE, new Map([['api', 'api@sha256:2']]), [], '');
    const after = recordOutcome(state, outcome, false, AUTHOR, LATER);
    expect(after.services.api).toMatchObject({
      release: 2,
      previous: 1,
      image: 'api@sha256:2',
      deployed_at: LATER.toISOString(),
      switched_at: LATER.toISOString(),
      run: AUTHOR.run,
      servers: [
        {
          host: 'a',
          side: 'secondary',
          container: 'shop_production_api_secondary',
          port: 3000,
          healthy: true,
          release: 2,
        },
      ],
    });
  });

  test('an image without a digest is named as the file does, never by the digest of the one before', () => {
    const { input, plan } = planned(api(), api({ image: 'built-here:2' }));
    const [wanted] = input.services;
    wanted!.known.current = { ...wanted!.known.current!, image_digest: 'api@sha256:1' };
    const digests = keptDigests(input, [wanted!]);
    expect(outcomeOf(input, plan, DONE, digests, [], '').achieved).toMatchObject([{ image: 'built-here:2' }]);
  });

  test('a service whose routes alone change keeps its digest', () => {
    const { input, plan } = planned(api(), api({ domains: ['new.example.com'] }));
    const [wanted] = input.services;
    wanted!.known.current = { ...wanted!.known.current!, image_digest: 'api@sha256:1' };
    const outcome = outcomeOf(input, plan, DONE, keptDigests(input, []), [], '');
    expect(outcome.achieved).toMatchObject([{ image: 'api@sha256:1', isSwitched: false }]);
  });

  test('a change of the record alone moves no times', () => {
    const { input, plan, state } = planned(api(), api());
    const [change] = plan.changes;
    const recorded = { ...plan, changes: [{ ...change!, effect: 'record' as const }] };
    const outcome = outcomeOf(input, recorded, DONE, new Map(), [], '');
    const after = recordOutcome(state, outcome, false, AUTHOR, LATER);
    expect(after.services.api).toEqual(state.services.api);
  });

  test('the probe and what still drains are told, the lost requests are not', () => {
    const { input, plan, state } = planned(api(), api({ image: 'api:2' }));
    const probe = { sent: 9, lost: 1, unknown: 0, p50_ms: 1, p99_ms: 2, longest_gap_ms: 40, losses: ['x'] };
    const run = { ...DONE, probes: new Map([['api', probe]]) };
    const left = plan.levels.flatMap(({ retire }) => retire);
    const outcome = outcomeOf(input, plan, run, new Map(), left, '2026-12-24T19:00:00Z');
    const { losses, ...facts } = probe;
    expect(recordOutcome(state, outcome, false, AUTHOR, LATER).services.api).toMatchObject({
      probe: facts,
      draining: [{ host: 'a', container: 'shop_production_api', until: '2026-12-24T19:00:00Z' }],
    });
  });

  test('of a run that failed only the finished levels count; the rest is as it was', () => {
    const all = (version: number) =>
      shop([
        service('api', { image: `api:${version}` }),
        service('web', { image: `web:${version}`, dependsOn: ['api'] }),
      ]);
    const { input, plan, state } = planned(all(1), all(2));
    const begun = recordIntent(state, input.services, {}, AUTHOR, LATER);
    const run = { ...DONE, done: ['api'], failed: ['web'], failure: new Error('no') };
    const outcome = outcomeOf(input, plan, run, new Map(), [], '');
    const after = recordOutcome(begun, outcome, false, AUTHOR, LATER);
    expect(after.services).toMatchObject({ api: { release: 2 }, web: { release: 1 } });
    expect(after.services.web).not.toHaveProperty('pending');
    expect(after.release_numbers).toEqual({ api: 2, web: 2 });
  });

  test('the history: what became of each release, when, by whom, why, and what the probe saw', () => {
    const { input, plan, state } = planned(api(), api({ image: 'api:2' }));
    const probe = { sent: 9, lost: 0, unknown: 0, p50_ms: 1, p99_ms: 2, longest_gap_ms: 40, losses: [] };
    const run = { ...DONE, probes: new Map([['api', probe]]) };
    const outcome = outcomeOf(input, plan, run, new Map(), [], '');
    const after = recordOutcome(state, outcome, false, AUTHOR, LATER);
    expect(after.services.api?.history).toEqual([
      {
        release: 2,
        outcome: 'deployed',
        at: LATER.toISOString(),
        run: AUTHOR.run,
        actor: 'ann',
        commit: 'abc123',
        why: ['image'],
        took_ms: 4_200,
        sent: 9,
        lost: 0,
      },
      expect.objectContaining({ release: 1, outcome: 'deployed', why: ['not deployed yet'] }),
    ]);
    const failed = { ...DONE, failed: ['api'], failure: new Error('no') };
    const undone = outcomeOf(input, plan, failed, new Map(), [], '');
    const before = recordOutcome(state, undone, false, AUTHOR, LATER);
    expect(before.services.api?.history?.map((entry) => [entry.release, entry.outcome])).toEqual([
      [2, 'failed'],
      [1, 'deployed'],
    ]);
  });

  test('the history has ten releases, and a change of the record alone is none', () => {
    const world = new World();
    for (let version = 1; version <= 12; version++) world.deploy(api({ image: `api:${version}` }));
    world.deploy(api({ image: 'api:12' }));
    const { history } = world.state.services.api!;
    expect(history?.map(({ release }) => release)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  });

  test('the number of a secret set is remembered, also when what runs has a lower one', () => {
    const { input, state } = planned(api({ secrets: ['A'] }), api({ secrets: ['A', 'B'] }));
    const [wanted] = input.services;
    const release = { ...wanted!.release, secretsVersion: 1 };
    const current = { ...wanted!.known.current!, secrets_version: 3 };
    const services = [{ ...wanted!, release, known: { ...wanted!.known, current } }];
    expect(recordIntent(state, services, {}, AUTHOR, LATER).secrets_versions).toEqual({ api: 3 });
  });

  test('a first deploy that failed leaves no service on the record, but its number is used', () => {
    const { input, plan, state } = planned(undefined, api());
    const begun = recordIntent(state, input.services, {}, AUTHOR, LATER);
    const run = { ...DONE, failed: ['api'], failure: new Error('no') };
    const outcome = outcomeOf(input, plan, run, new Map(), [], '');
    const after = recordOutcome(begun, outcome, false, AUTHOR, LATER);
    expect(after).toMatchObject({ services: {}, release_numbers: { api: 1 } });
  });

  test('a release that could not be undone everywhere stays begun: the next run may find it standing', () => {
    const { input, plan, state } = planned(undefined, api());
    const begun = recordIntent(state, input.services, {}, AUTHOR, LATER);
    const run = { ...DONE, failed: ['api'], failure: new Error('no'), dead: ['b'], isUndone: false };
    const outcome = outcomeOf(input, plan, run, new Map(), [], '');
    const after = recordOutcome(begun, outcome, false, AUTHOR, LATER);
    expect(after.services).toMatchObject({ api: { release: 0, pending: { release: 1 } } });
    expect(after.stale_servers).toHaveProperty('b');
  });
});

describe('a drain that outlives its run', () => {
  const draining = [
    { host: 'a', container: 'one', until: '2026-01-01' },
    { host: 'b', container: 'two', until: '2026-01-01' },
  ];

  test('is told again while it lasts, and is gone from the record when it is over', () => {
    const { state } = planned(api(), api());
    const before = { ...state, services: { api: { ...state.services.api!, draining } } };
    const told = recordDrain(before, ['one'], '2026-02-02');
    expect(told.services.api?.draining?.map(({ until }) => until)).toEqual(['2026-02-02', '2026-01-01']);
    expect(recordDrain(before, ['one'], undefined).services.api?.draining).toEqual([draining[1]]);
    expect(recordDrain(before, ['one', 'two'], undefined)).toEqual(state);
  });
});

describe('the history', () => {
  const kindsOf = (before: EnvironmentSpec | undefined, after: EnvironmentSpec) => {
    const { input, plan } = planned(before, after);
    return historyOf(outcomeOf(input, plan, DONE, new Map(), [], ''));
  };

  test.each([
    ['a release', undefined, api(), [{ service: 'api', kind: 'released', from: 0, to: 1, servers: 1 }]],
    ['a reload', api(), api({ domains: ['x.example.com'] }), [{ service: 'api', kind: 'routed' }]],
    ['a policy', api(), api({ policy: { drainTimeoutMs: 1 } }), [{ service: 'api', kind: 'policy' }]],
    ['nothing', api(), api(), []],
    [
      'a removal',
      shop([service('api'), service('web')]),
      api(),
      [{ service: 'web', kind: 'removed', from: 1 }],
    ],
  ])('tells of %s', (_name, before, after, history) => {
    expect(kindsOf(before, after)).toEqual(history);
  });

  test.each([
    ['before its routes', /^started shop_production_api_secondary/],
    ['before it was recorded', /^reloaded the edge/],
  ])('a release whose run was cut off %s is told by the run that records it', (_when, moment) => {
    const world = new World();
    world.deploy(api());
    world.deployUntil(moment, api({ image: 'api:2' }));
    const input = world.input(api({ image: 'api:2' }));
    expect(historyOf(outcomeOf(input, planDeploy(input), DONE, new Map(), [], ''))).toEqual([
      { service: 'api', kind: 'released', from: 1, to: 2, servers: 1 },
    ]);
  });

  test('a release that failed is told as such', () => {
    const { input, plan } = planned(api(), api({ image: 'api:2' }));
    const run = { ...DONE, failed: ['api'], failure: new Error('no') };
    expect(historyOf(outcomeOf(input, plan, run, new Map(), [], ''))).toEqual([
      { service: 'api', kind: 'failed', from: 1, to: 2 },
    ]);
  });

  test('an intent announces the numbers', () => {
    const { input, plan } = planned(api(), api({ image: 'api:2' }));
    expect(begunChanges(plan, input.services)).toEqual([{ service: 'api', kind: 'begun', from: 1, to: 2 }]);
  });
});

describe('a plan in words', () => {
  test('every kind of step', () => {
    const before = shop([database('db'), service('api', { policy: { drainTimeoutMs: 0 } })]);
    const after = shop([
      database('db', { image: 'db:2' }),
      service('api', { image: 'api:2', policy: { drainTimeoutMs: 0 } }),
    ]);
    const { plan } = planned(before, after);
    expect(stepsOf(plan).map(describeStep)).toEqual([
      'pull db:2 on a',
      'pull api:2 on a',
      'stop shop_production_db on a',
      'start db release 2 as secondary on a',
      'start api release 2 as secondary on a',
      'wait until db (secondary) on a is healthy',
      'wait until api (secondary) on a is healthy',
      'switch db, api on a, and prove it',
      'remove shop_production_db on a',
      'drain shop_production_api on a (without limit), then stop and remove it',
    ]);
    expect(
      stepsOf(planned(before, shop([])).plan)
        .map(describeStep)
        .at(-1),
    ).toBe('remove sidecar, network and kept secrets from a; volumes of services stay');
  });

  test('secrets are kept on every server before anything starts, and given up when their service leaves', () => {
    const world = new World();
    const two = servers(2);
    const both = shop([service('api', { secrets: ['TOKEN'] }), service('web')], two);
    const secrets = { secrets: { api: { TOKEN: 'one' } } };
    const kept = world.plan(both, secrets);
    expect(
      stepsOf(kept)
        .map(describeStep)
        .filter((step) => step.includes('secrets')),
    ).toEqual(['keep the secrets of api on a', 'keep the secrets of api on b']);
    expect(JSON.stringify(kept)).not.toContain('"one"');
    world.deploy(both, secrets);
    expect(world.machines.get('b')?.secrets.get('api/1')).toEqual({ TOKEN: 'one' });
    const left = world.plan(shop([service('web')], two));
    expect(left.forgetSecrets).toMatchObject([
      { host: 'a', sets: [{ service: 'api', version: 1 }] },
      { host: 'b', sets: [{ service: 'api', version: 1 }] },
    ]);
    expect(world.plan(shop([], two)).forgetSecrets).toEqual([]);
  });

  test('what happens to each service, in one line', () => {
    const { plan } = planned(
      shop([service('api'), service('web'), service('gone'), service('same')], servers(1)),
      shop([
        service('api', { image: 'api:2' }),
        service('web', { policy: { drainTimeoutMs: 1 } }),
        service('same'),
      ]),
    );
    expect(describePlan(plan).slice(0, 5)).toEqual([
      'shop production: plan',
      '  api 1 → 2: new containers beside the old ones on a (image)',
      '  web 1 → 2: the record only on a (drain_timeout_ms)',
      '  same 1: unchanged on a',
      '  gone 1 → none: removed on a (no longer in the file; its volumes stay)',
    ]);
  });
});
