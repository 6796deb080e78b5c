import { describe, expect, test } from '@jest/globals';
import type { Step } from '../../../src/deploy/steps/index.ts';
import type { World } from '../world/world.ts';
import { deployed, kindsOf, NOTHING, newWorld, planFor } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';
import { rest } from './story.ts';

const api = (changes: ServiceChanges = {}) => shop([service('api', changes)]);
const BASE = 'shop_production_api';
/** Steps by which new copies take the place of old ones, when their image is there. */
const TOGGLE: Step['kind'][] = [
  'record intent',
  'start',
  'answer',
  'healthy',
  'stage',
  'probe',
  'switch',
  'prove',
  'drain',
  'stop',
  'remove',
  'end probe',
];

describe('what a change causes', () => {
  const first = api({ environment: { LOG_LEVEL: 'info' } });
  const cases: {
    what: string;
    changes: ServiceChanges;
    effect: string;
    reasons: string[];
    steps: Step['kind'][];
  }[] = [
    {
      what: 'environment: new copies',
      changes: { environment: { LOG_LEVEL: 'warn' } },
      effect: 'toggle',
      reasons: ['environment.LOG_LEVEL'],
      steps: TOGGLE,
    },
    {
      what: 'options of the container: new copies',
      changes: { options: { hostname: 'api', shm_size: 1e9, cap_drop: ['ALL'] } },
      effect: 'toggle',
      reasons: ['hostname', 'shm_size', 'cap_drop'],
      steps: TOGGLE,
    },
    {
      what: 'domain: a reload, no container',
      changes: { domains: ['www.example.com'] },
      effect: 'reload',
      reasons: ['domain'],
      steps: ['stage', 'switch', 'prove'],
    },
    {
      what: 'drain: the record only',
      changes: { policy: { drainTimeoutMs: 5000 } },
      effect: 'record',
      reasons: ['drain.timeout'],
      steps: [],
    },
    {
      what: 'healthcheck: the record only',
      changes: {
        policy: {
          healthcheck: { kind: 'tcp', intervalMs: 1, timeoutMs: 1, retries: 1, startPeriodMs: 0 },
        },
      },
      effect: 'record',
      reasons: expect.arrayContaining(['healthcheck']) as unknown as string[],
      steps: [],
    },
  ];
  test.each(cases)('$what', async ({ changes, effect, reasons, steps }) => {
    const world = await deployed(first);
    const wanted = api({ environment: { LOG_LEVEL: 'info' }, ...changes });
    const plan = await planFor(world, wanted);
    expect(plan.changes).toMatchObject([{ effect, from: 1, to: 2, reasons }]);
    expect(kindsOf(plan)).toEqual(steps);
    await world.deploy(wanted);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
    expect(await world.describe(wanted)).toEqual(NOTHING);
  });

  test('is told in the words of the file, and the user’s own names as they are', async () => {
    const asked = (connectedUsers: number, intervalMs: number) => ({
      kind: 'tcp' as const,
      ...{ intervalMs, timeoutMs: 1000, retries: 3, startPeriodMs: 0 },
      ...{ headers: { 'X-Tenant': 'a' }, expect: { json: { connectedUsers } } },
    });
    const world = await deployed(api({ policy: { healthcheck: asked(1, 1000) } }));
    const { container, ...changed } = service('api', {
      ...{ policy: { healthcheck: asked(2, 2000), stopGracePeriodMs: 5 } },
    });
    const resources = { memoryBytes: 64e6, cpus: 1 };
    const route = { ...changed.route, idleTimeoutMs: 1000, maxBodyBytes: 5 };
    const { changes } = await planFor(
      world,
      shop([{ ...changed, route, container: { ...container, resources } }]),
    );
    expect(changes[0]?.reasons).toEqual([
      ...['mem_limit', 'cpus', 'idle_timeout', 'healthcheck.expect.json.connectedUsers'],
      ...['healthcheck.interval', 'stop_grace_period', 'max_body_size'],
    ]);
  });

  test('a domain alone is served after the reload, by the container that ran before', async () => {
    const world = await deployed(api());
    const { id } = world.container(BASE);
    await world.deploy(api({ domains: ['shop.example.com'] }));
    expect(world.answering('shop.example.com')).toEqual([BASE]);
    expect(world.answering('api.example.com')).toEqual([]);
    expect(world.container(BASE).id).toBe(id);
  });
});

describe('the value of a secret', () => {
  const wanted = api({ secrets: ['TOKEN'] });
  const token = (value: string) => ({ secrets: { api: { TOKEN: value } } });

  /** Everything that the state branch and the logs of all runs say. */
  function saidOf(world: World): string {
    const { files } = world.remote.commit(world.remote.ref('refs/heads/switchyard-state'))!;
    return [...files.values(), ...world.runs.flatMap(({ lines }) => lines)].join('\n');
  }

  test('that changes is a new version and a new release, and nobody says it', async () => {
    const world = newWorld();
    await world.deploy(wanted, token('first-value'));
    await rest(world);
    expect(await world.describe(wanted, token('first-value'))).toEqual(NOTHING);

    const plan = await planFor(world, wanted, token('second-value'));
    expect(plan.changes).toMatchObject([{ effect: 'toggle', from: 1, to: 2, reasons: ['secrets'] }]);
    expect(JSON.stringify(plan)).not.toContain('second-value');
    await world.deploy(wanted, token('second-value'));
    expect(world.release('api', 2)?.secrets_version).toBe(2);
    expect(saidOf(world)).not.toContain('-value');
    expect(await world.describe(wanted, token('second-value'))).toEqual(NOTHING);
  });

  test('that comes back while its container still stands is known by its version', async () => {
    const world = newWorld();
    await world.deploy(wanted, token('one'));
    await world.deployUntil(/ends: record intent/, wanted, token('two'));
    const plan = await planFor(world, wanted, token('one'));
    expect(plan.changes).toMatchObject([{ to: 1, effect: 'record' }]);
  });
});

describe('the number of a release', () => {
  test('stays with one that failed; the next one gets another', async () => {
    const world = await deployed(api());
    world.registry.define('api:2', { status: 503 });
    await expect(world.deploy(api({ image: 'api:2' }))).rejects.toThrow('not healthy');
    expect(world.running()).toEqual([BASE]);
    expect(world.state.services.api).toMatchObject({ release: 1 });
    expect(world.state.services.api?.rollout).toBeUndefined();
    await world.deploy(api({ image: 'api:3' }));
    expect(world.state.services.api).toMatchObject({ release: 3, previous: 1 });
  });

  test('goes on counting where a service left and comes back', async () => {
    const both = shop([service('api'), service('web')]);
    const world = await deployed(both, shop([service('web')]), both);
    expect(world.state.services.api?.release).toBe(2);
  });
});
