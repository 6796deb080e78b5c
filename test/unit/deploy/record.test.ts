import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { WantedService } from '../../../src/deploy/planning/wanted.ts';
import { recordHook } from '../../../src/deploy/record/hook-record.ts';
import { outcomeOf, type RunProgress } from '../../../src/deploy/record/outcome.ts';
import {
  begunChanges,
  historyOf,
  recordDrain,
  recordIntent,
  recordOutcome,
  releaseOf,
} from '../../../src/deploy/record/record.ts';
import type { BegunService } from '../../../src/deploy/steps/record-intent.ts';
import type { EnvironmentState, RecordedCopy, Release } from '../../../src/model/release.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { servers, service, shop } from '../../simulation/stories/specs.ts';
import { type Asked, Picture, progressOf } from './picture.ts';

const AUTHOR = { run: 'https://github.com/acme/shop/actions/runs/1', actor: 'ann', commit: 'abc123' };
const LATER = new Date('2026-12-24T18:00:00Z');
const FAILED = { failure: new Error('no') };
const PROBE = {
  sent: 9,
  lost: 1,
  unknown: 0,
  p50_ms: 1,
  p99_ms: 2,
  longest_gap_ms: 40,
  losses: ['a edge: 502'],
};

const SECOND = { image: 'api:2', domains: ['api.example.com'] };

const api = (changes = {}) => shop([service('api', changes)]);

/** A run that changes `before` to `after`, and what it writes. */
class Writing {
  readonly #progress: RunProgress;
  readonly begun: BegunService[];
  state: EnvironmentState;

  constructor(picture: Picture, after: EnvironmentSpec, asked?: Asked) {
    const input = picture.input(after, asked);
    const plan = planDeploy(input);
    this.#progress = progressOf(input, plan);
    this.begun = stepsOf(plan, 'record intent').flatMap((step) => step.begun);
    this.state = picture.state;
  }

  get input(): RunProgress['input'] {
    return this.#progress.input;
  }

  /** The first of the services that it deploys. */
  get service(): WantedService {
    return this.input.services[0]!;
  }

  /** intends records the intent. */
  intends(): EnvironmentState {
    this.state = recordIntent(this.state, this.begun, AUTHOR, LATER);
    return this.state;
  }

  outcome(changes: Partial<RunProgress> = {}) {
    return outcomeOf({ ...this.#progress, ...changes });
  }

  /** ends records the outcome: the run has done all of its plan, or what is said. */
  ends(changes: Partial<RunProgress> = {}): EnvironmentState {
    const isMultiServer = this.input.servers.length > 1;
    return recordOutcome(this.state, this.outcome(changes), isMultiServer, AUTHOR, LATER);
  }
}

/** writing returns a run that deploys `after` where `before` was deployed well, or nothing. */
function writing(before: EnvironmentSpec | undefined, after: EnvironmentSpec, asked?: Asked): Writing {
  const picture = new Picture();
  if (before !== undefined) picture.deploy(before);
  return new Writing(picture, after, asked);
}

describe('a release', () => {
  const release = (
    { input, service: wanted }: Writing,
    changes: Partial<WantedService> = {},
    digest?: string,
  ) => releaseOf(input.scope, { ...wanted, ...changes }, digest, AUTHOR, LATER);

  test('is everything needed to run the version again, and who made it', () => {
    const run = writing(undefined, api({ secrets: ['TOKEN'] }));
    const { container, route, policy } = run.service.spec;
    expect(release(run, {}, 'api@sha256:0')).toEqual({
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
    const written = release(writing(api(), api({ domains: ['x.example.com'] })));
    expect(written).toMatchObject({ image_id: 'sha256:api:1' });
    expect(written).not.toHaveProperty('image_digest');
  });

  test('that restores another one names the one that had its content first', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    const first = run.service.known.current!;
    const restoring = (restored: Release) => release(run, { restored }).restores;
    expect(restoring(first)).toBe(1);
    expect(restoring({ ...first, number: 7, restores: 3 })).toBe(3);
  });

  test('without digest, image and commit says nothing of them', () => {
    const { input, service: wanted } = writing(undefined, api());
    const written = releaseOf(input.scope, wanted, undefined, { ...AUTHOR, commit: undefined }, LATER);
    for (const name of ['image_digest', 'image_id', 'commit', 'restores'])
      expect(written).not.toHaveProperty(name);
  });
});

describe('the record', () => {
  test('an intent is a rollout that starts, beside what runs', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    const before = run.state;
    expect(run.intends().services.api).toEqual({
      ...before.services.api,
      rollout: {
        release: 2,
        strategy: 'toggle',
        step: 'starting',
        run: AUTHOR.run,
        since: LATER.toISOString(),
      },
    });
    expect(run.state.release_numbers).toEqual({ api: 2 });
    expect(before.services.api).not.toHaveProperty('rollout');
  });

  test('an outcome: the release, its image by digest, the one before, and when traffic moved', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    run.intends();
    const after = run.ends({ digests: new Map([['api', 'api@sha256:2']]) });
    expect(after.services.api).toMatchObject({
      release: 2,
      previous: 1,
      image: 'api@sha256:2',
      deployed_at: LATER.toISOString(),
      switched_at: LATER.toISOString(),
      run: AUTHOR.run,
      copies: [
        {
          server: 'a',
          slot: 'secondary',
          container: 'shop_production_api_secondary',
          port: 3000,
          state: 'serving',
          healthy: true,
          release: 2,
        },
      ],
    });
    expect(after.services.api).not.toHaveProperty('rollout');
  });

  test('where other servers of the environment reach a copy, its host port is the one to look at', () => {
    const run = writing(undefined, shop([service('api', { servers: 2 })], servers(2)));
    const { host } = run.service.ports!;
    expect(run.ends().services.api?.copies.map(({ server, port }) => [server, port])).toEqual([
      ['a', host],
      ['b', host],
    ]);
  });

  test('an image without a digest is named as the file does, never by the digest of the one before', () => {
    const picture = new Picture();
    picture.deploy(api(), { digests: { api: 'api@sha256:1' } });
    const run = new Writing(picture, api({ image: 'built-here:2' }));
    expect(run.ends().services.api).toMatchObject({ image: 'built-here:2' });
  });

  test('a service whose routes alone change keeps its digest', () => {
    const picture = new Picture();
    picture.deploy(api(), { digests: { api: 'api@sha256:1' } });
    const run = new Writing(picture, api({ domains: ['new.example.com'] }));
    expect(run.outcome({ switched: new Set() }).achieved).toMatchObject([
      { image: 'api@sha256:1', isSwitched: false },
    ]);
  });

  test('a release that a killed run has begun has its own digest, and not that of the one before', () => {
    const picture = new Picture();
    picture.deploy(api(), { digests: { api: 'api@sha256:1' } });
    picture.deploy(api({ image: 'api:2' }), { killedBefore: 'switch', digests: { api: 'api@sha256:2' } });
    const run = new Writing(picture, api({ image: 'api:2' }));
    expect(run.begun).toEqual([]);
    expect(run.ends().services.api).toMatchObject({ release: 2, image: 'api@sha256:2' });
  });

  test('a change of the record alone moves no times', () => {
    const picture = new Picture();
    picture.deploy(api());
    const run = new Writing(picture, api());
    const changes = planDeploy(run.input).changes.map((change) => ({ ...change, effect: 'record' as const }));
    expect(run.ends({ changes })).toEqual(picture.state);
  });

  test('what the probe saw is told, but for what the lost requests were', () => {
    const { losses, ...facts } = PROBE;
    const run = writing(api(), api({ image: 'api:2' }));
    expect(run.ends({ probes: new Map([['api', PROBE]]) }).services.api?.probe).toEqual(facts);
  });

  test('of a run that failed only the finished rollouts count; the rest is as it was', () => {
    const all = (version: number) =>
      shop([
        service('api', { image: `api:${version}` }),
        service('web', { image: `web:${version}`, dependsOn: ['api'] }),
      ]);
    const run = writing(all(1), all(2));
    run.intends();
    const after = run.ends({ ...FAILED, done: new Set(['api']), undone: new Set(['web']) });
    expect(after.services).toMatchObject({ api: { release: 2 }, web: { release: 1 } });
    expect(after.services.web).not.toHaveProperty('rollout');
    expect(after.release_numbers).toEqual({ api: 2, web: 2 });
  });

  test('nor does a route that no rollout was finished with: it was brought back', () => {
    const run = writing(api(), api({ domains: ['new.example.com'] }));
    const before = run.state;
    expect(run.ends({ ...FAILED, done: new Set() }).services).toEqual(before.services);
  });

  test('a service that left the file leaves the record, unless the run has not come to it', () => {
    const both = shop([service('api'), service('web')]);
    expect(Object.keys(writing(both, api()).ends().services)).toEqual(['api']);
    const failed = writing(both, api()).ends({ ...FAILED, done: new Set(), undone: new Set(['web']) });
    expect(Object.keys(failed.services)).toEqual(['api', 'web']);
  });

  test('the number of a secret set is remembered, also when what runs has a lower one', () => {
    const run = writing(api({ secrets: ['A'] }), api({ secrets: ['A', 'B'] }));
    const [begun] = run.begun;
    const { release, known } = run.service;
    begun!.service = {
      ...run.service,
      release: { ...release, secretsVersion: 1 },
      known: { ...known, current: { ...known.current!, secrets_version: 3 } },
    };
    expect(run.intends().secrets_versions).toEqual({ api: 3 });
  });

  test('a first deploy that failed leaves no service on the record, but its number is used', () => {
    const run = writing(undefined, api());
    run.intends();
    const after = run.ends({ ...FAILED, undone: new Set(['api']), done: new Set() });
    expect(after).toMatchObject({ services: {}, release_numbers: { api: 1 } });
  });

  test('unless it had begun a hook of which nobody knows how it ended: that is to be asked about', () => {
    const run = writing(undefined, api());
    run.intends();
    run.state = recordHook(
      run.state,
      { service: 'api', hook: 'pre_deploy', release: 1, server: 'a' },
      'begun',
    );
    const after = run.ends({ ...FAILED, undone: new Set(['api']), done: new Set() });
    expect(after.services.api).toMatchObject({ release: 0, hooks: { release: 1, pre_deploy: 'begun' } });
  });

  test('a release that could not be undone everywhere stays begun: the next run may find it standing', () => {
    const run = writing(undefined, api());
    run.intends();
    const undone = { ...FAILED, undone: new Set(['api']), done: new Set<string>() };
    const after = run.ends({ ...undone, dead: ['b'], isUndone: false });
    expect(after.services).toMatchObject({ api: { release: 0, rollout: { release: 1 } } });
    expect(after.stale_servers).toEqual({ b: { since: LATER.toISOString(), run: AUTHOR.run } });
  });

  test('a server that was left out is named with the first line of the reason, and no longer when it is back', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    const left = {
      left: new Map([['b', new Error('no reload\nat all')]]),
      stale: { left: ['b'], returned: [] },
    };
    run.state = run.ends(left);
    expect(run.state.stale_servers).toMatchObject({ b: { run: AUTHOR.run, reason: 'no reload' } });
    // It has been so since then, whoever leaves it out again.
    expect(run.ends({ ...left, left: new Map([['b', new Error('no power')]]) }).stale_servers).toEqual(
      run.state.stale_servers,
    );
    // Where its nginx sends requests is written once.
    const sendsTo = { b: [{ service: 'api', server: 'a', slot: 'base' as const }] };
    run.state = run.ends({ ...left, sendsTo });
    expect(run.state.stale_servers).toMatchObject({ b: { run: AUTHOR.run, sends_to: sendsTo.b } });
    expect(run.ends(left).stale_servers).toEqual(run.state.stale_servers);
    expect(run.ends({ stale: { left: [], returned: ['b'] } })).not.toHaveProperty('stale_servers');
    expect(run.ends({ ...FAILED, stale: { left: [], returned: ['b'] } })).toHaveProperty('stale_servers.b');
  });
});

describe('the history of a service', () => {
  const entries = (state: EnvironmentState) =>
    state.services.api?.history?.map(({ release, outcome }) => [release, outcome]);

  test('what became of each release, when, by whom, why, and what the probe saw', () => {
    const after = writing(api(), api({ image: 'api:2' })).ends({ probes: new Map([['api', PROBE]]) });
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
        lost: 1,
      },
      expect.objectContaining({ release: 1, outcome: 'deployed', why: ['not deployed yet'] }),
    ]);
  });

  test('a release that failed is among them', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    const failed = run.ends({ ...FAILED, undone: new Set(['api']), done: new Set() });
    expect(entries(failed)).toEqual([
      [2, 'failed'],
      [1, 'deployed'],
    ]);
  });

  test('ten releases, and a change of the record alone is none', () => {
    const picture = new Picture();
    for (let version = 1; version <= 12; version++) picture.deploy(api({ image: `api:${version}` }));
    picture.deploy(api({ image: 'api:12' }));
    expect(entries(picture.state)?.map(([release]) => release)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  });
});

describe('a drain that outlives its run', () => {
  const DRAINING = {
    service: 'api',
    server: 'a',
    slot: 'base',
    name: 'shop_production_api',
    release: 1,
    port: 3000,
    until: '2026-12-24T19:00:00Z',
  } as const;

  test('is a copy on the record beside the one that serves', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    expect(run.ends({ draining: [DRAINING] }).services.api?.copies).toEqual([
      expect.objectContaining({ slot: 'secondary', state: 'serving' }),
      {
        server: 'a',
        slot: 'base',
        container: 'shop_production_api',
        port: 3000,
        state: 'draining',
        healthy: true,
        release: 1,
        until: '2026-12-24T19:00:00Z',
      },
    ]);
  });

  test('of a service whose traffic did not move is told too: what stood in its way may be in use', () => {
    const run = writing(api(), api({ policy: { drainTimeoutMs: 1 } }));
    expect(run.ends({ draining: [DRAINING] }).services.api?.copies).toHaveLength(2);
  });

  test('is told again while it lasts, and is gone from the record when it is over', () => {
    const { state } = writing(api(), api());
    const serving = state.services.api!.copies;
    const draining = (container: string): RecordedCopy => ({
      ...serving[0]!,
      container,
      state: 'draining',
      until: '2026-01-01',
    });
    const copies = [...serving, draining('one'), draining('two')];
    const before = { ...state, services: { api: { ...state.services.api!, copies } } };
    const told = (containers: string[], until?: string) =>
      recordDrain(before, containers, until).services.api!.copies.map((copy) => copy.until);
    expect(told(['one'], '2026-02-02')).toEqual([undefined, '2026-02-02', '2026-01-01']);
    expect(told(['one'])).toEqual([undefined, '2026-01-01']);
    expect(recordDrain(before, ['one', 'two'], undefined)).toEqual(state);
    // Whoever has its name by now, and serves, is nobody's drain.
    expect(recordDrain(before, ['shop_production_api'], undefined)).toEqual(before);
  });
});

describe('how far a hook came', () => {
  const HOOK = { service: 'api', hook: 'pre_deploy', release: 2, server: 'a' } as const;

  test('is known for one release at a time', () => {
    const { state } = writing(api(), api());
    const begun = recordHook(state, HOOK, 'begun');
    expect(begun.services.api?.hooks).toEqual({ release: 2, server: 'a', pre_deploy: 'begun' });
    const both = recordHook(recordHook(begun, HOOK, 'done'), { ...HOOK, hook: 'post_deploy' }, 'begun');
    expect(both.services.api?.hooks).toEqual({
      release: 2,
      server: 'a',
      pre_deploy: 'done',
      post_deploy: 'begun',
    });
    expect(recordHook(both, { ...HOOK, release: 3 }, 'begun').services.api?.hooks).toEqual({
      release: 3,
      server: 'a',
      pre_deploy: 'begun',
    });
  });

  test('is not noted for a service that is on no record', () => {
    expect(() => recordHook(writing(undefined, api()).state, HOOK, 'begun')).toThrow(/is not recorded/);
  });
});

describe('the message of a commit', () => {
  test.each([
    [
      'a release',
      undefined,
      api(),
      [{ service: 'api', kind: 'released', from: 0, to: 1, servers: 1, ...SECOND, image: 'api:1' }],
    ],
    ['a reload', api(), api({ domains: ['x.example.com'] }), [{ service: 'api', kind: 'routed' }]],
    ['a policy', api(), api({ policy: { drainTimeoutMs: 1 } }), [{ service: 'api', kind: 'policy' }]],
    ['nothing', api(), api(), []],
    [
      'a removal',
      shop([service('api'), service('web')]),
      api(),
      [{ service: 'web', kind: 'removed', from: 1 }],
    ],
  ])('tells of %s', (_name, before, after, changes) => {
    expect(historyOf(writing(before, after).outcome())).toEqual(changes);
  });

  test('tells of a record that has named other copies', () => {
    const picture = new Picture();
    picture.deploy(api());
    picture.state.services.api!.copies[0]!.container = 'shop_production_api_secondary';
    expect(historyOf(new Writing(picture, api()).outcome())).toEqual([{ service: 'api', kind: 'recorded' }]);
  });

  test.each(['switch', 'drain'] as const)(
    'a release whose run was killed before its %s is told by the run that records it',
    (killedBefore) => {
      const picture = new Picture();
      picture.deploy(api());
      picture.deploy(api({ image: 'api:2' }), { killedBefore });
      expect(historyOf(new Writing(picture, api({ image: 'api:2' })).outcome())).toEqual([
        { service: 'api', kind: 'released', from: 1, to: 2, servers: 1, ...SECOND },
      ]);
    },
  );

  test('a release that failed is told as such', () => {
    const run = writing(api(), api({ image: 'api:2' }));
    expect(historyOf(run.outcome({ ...FAILED, undone: new Set(['api']), done: new Set() }))).toEqual([
      { service: 'api', kind: 'failed', from: 1, to: 2, ...SECOND },
    ]);
  });

  test('an intent announces the numbers', () => {
    const { begun } = writing(api(), api({ image: 'api:2' }));
    expect(begunChanges(begun)).toEqual([{ service: 'api', kind: 'begun', from: 1, to: 2, ...SECOND }]);
  });
});
