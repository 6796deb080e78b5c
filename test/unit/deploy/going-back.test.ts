import { describe, expect, test } from '@jest/globals';
import { planGoingBack } from '../../../src/deploy/planning/going-back.ts';
import type { PlannedStep } from '../../../src/deploy/planning/graph.ts';
import type { PlanInput } from '../../../src/deploy/planning/input.ts';
import type { ObservedServer } from '../../../src/deploy/planning/observed.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { database, servers, service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';
import { tableOf } from './step-tables.ts';

/** What is known when it goes back. */
interface How {
  /** The new copies had traffic. */
  hadTraffic?: boolean;
  /** Servers that do not answer any more. */
  dead?: string[];
  /** Of which services; of all of the first rollout unless given. */
  services?: string[];
}

/** A run that was to deploy something, and has failed. */
class FailedRun {
  readonly #input: PlanInput;
  readonly #services: string[];
  readonly #before: Route[];
  readonly #standing: ReadonlySet<string>;
  /** What is there now. */
  readonly picture: Picture;

  /** It has failed before its first step of the kind `at`; `meanwhile` is what somebody has done before it. */
  constructor(
    before: EnvironmentSpec | undefined,
    wanted: EnvironmentSpec,
    at: Step['kind'],
    meanwhile: (picture: Picture) => void = () => undefined,
  ) {
    this.picture = new Picture();
    if (before !== undefined) this.picture.deploy(before);
    meanwhile(this.picture);
    this.#input = this.picture.input(wanted);
    const [rollout] = planDeploy(this.#input).rollouts;
    this.#services = rollout!.services;
    this.#before = rollout!.before;
    this.#standing = new Set(this.#input.observed.flatMap(({ copies }) => copies.map(({ id }) => id)));
    this.picture.deploy(wanted, { killedBefore: at });
  }

  get #servers(): ObservedServer[] {
    return this.#input.servers.map(({ name }) => this.picture.server(name));
  }

  /** goesBack returns the way back; copies that the run has started had no traffic, unless `hadTraffic`. */
  goesBack({ hadTraffic = false, dead = [], services = this.#services }: How = {}): PlannedStep[] {
    const started = this.#servers.flatMap(({ copies }) => copies.filter(({ id }) => !this.#standing.has(id)));
    const ids = new Set(started.map(({ id }) => id));
    return planGoingBack(this.#input, {
      services,
      before: this.#before,
      created: ids,
      unused: hadTraffic ? new Set() : ids,
      observed: structuredClone(this.#servers.filter(({ name }) => !dead.includes(name))),
    });
  }
}

/** A step by what it does with which copy. */
function say(step: Step): string {
  const what = 'name' in step ? `${step.kind} ${step.name.replace('shop_production_', '')}` : step.kind;
  return 'server' in step ? `${what} ${step.server}` : what;
}

const table = (steps: readonly PlannedStep[]) => tableOf(steps, say);
const api = (version: number, on = 1) =>
  shop([service('api', { image: `api:${version}`, servers: on })], servers(on));
const db = (version: number) => shop([database('db', { image: `db:${version}` })]);

describe('going back', () => {
  test('from a new copy that never had traffic: it goes at once, and the old one never notices', () => {
    const steps = new FailedRun(api(1), api(2), 'switch').goesBack();
    expect(table(steps)).toEqual(['stop api_secondary a', 'remove api_secondary a ← stop api_secondary a']);
    // A run that was cancelled has little time for it.
    expect(steps[0]!.step).toMatchObject({ graceMs: 3_000 });
  });

  test('from one that had traffic: the routes are as before, then it is drained like an old copy', () => {
    const steps = new FailedRun(api(1), api(2), 'prove').goesBack({ hadTraffic: true });
    expect(table(steps)).toEqual([
      'stage',
      'switch a ← stage',
      'prove a ← switch a',
      'drain api_secondary a ← prove a',
      'stop api_secondary a ← drain api_secondary a',
      'remove api_secondary a ← stop api_secondary a',
    ]);
    const switched = steps.flatMap(({ step }) => (step.kind === 'switch' ? [step] : []));
    expect(switched[0]!.routes).toMatchObject([
      { service: 'api', copies: [{ server: 'a', slot: 'base', weight: 1 }] },
    ]);
    expect(steps.find(({ step }) => step.kind === 'stop')!.step).toMatchObject({ graceMs: 10_000 });
  });

  test('where the switch was taken back already, it only drains what had traffic for a moment', () => {
    const run = new FailedRun(api(1), api(2), 'switch');
    expect(table(run.goesBack({ hadTraffic: true }))).toEqual([
      'drain api_secondary a',
      'stop api_secondary a ← drain api_secondary a',
      'remove api_secondary a ← stop api_secondary a',
    ]);
  });

  test('from a recreate: the new copy stops before the old one starts again, and that one is proven', () => {
    const steps = new FailedRun(db(1), db(2), 'switch').goesBack();
    expect(table(steps)).toEqual([
      'stop db_secondary a',
      'start db a ← stop db_secondary a',
      'answer db a ← start db a',
      'healthy db a ← answer db a',
      'stage ← answer db a',
      'switch a ← healthy db a, stage',
      'prove a ← switch a',
      'remove db_secondary a ← prove a',
    ]);
    expect(steps[0]!.step).toMatchObject({ graceMs: 10_000 });
    expect(steps[1]!.step).toMatchObject({ existing: 'container 1', release: 1, slot: 'base' });
    expect(steps.find(({ step }) => step.kind === 'prove')!.step).toMatchObject({ moved: ['db'] });
  });

  test('from a recreate whose new copy did not even start: the old one starts again', () => {
    expect(table(new FailedRun(db(1), db(2), 'start').goesBack())).toEqual([
      'start db a',
      'answer db a ← start db a',
      'healthy db a ← answer db a',
      'stage ← answer db a',
      'switch a ← healthy db a, stage',
      'prove a ← switch a',
    ]);
  });

  test('an old copy that had just crashed starts again where it was stopped before its engine could do so', () => {
    const crash = (name: string) => (picture: Picture) => {
      picture.copy(name).isRunning = false;
    };
    const recreated = new FailedRun(db(1), db(2), 'switch', crash('shop_production_db'));
    expect(table(recreated.goesBack())).toContain('start db a ← stop db_secondary a');
    const toggled = new FailedRun(api(1), api(2), 'switch', crash('shop_production_api'));
    expect(table(toggled.goesBack())).toEqual([
      'stop api_secondary a',
      'remove api_secondary a ← stop api_secondary a',
    ]);
  });

  test('what was to be taken over starts again, and nobody asks it how it does', () => {
    const run = new FailedRun(undefined, db(1), 'switch', (picture) => {
      const model = new Picture();
      model.deploy(db(1));
      const postgres = {
        ...model.copy('shop_production_db'),
        id: 'old',
        name: 'postgres',
        hash: '',
        release: 0,
      };
      picture.server('a').copies.push({ ...postgres, slot: 'secondary', isAdopted: true });
    });
    expect(table(run.goesBack())).toEqual([
      'stop db a',
      'start postgres a ← stop db a',
      'remove db a ← start postgres a',
    ]);
  });

  test('the old copy is checked as its own release says, not as the new one would be', () => {
    const checked = (path: string) =>
      shop([
        database('db', {
          image: `db${path}`,
          policy: { healthcheck: { ...database('db').policy.healthcheck, kind: 'http', path } },
        }),
      ]);
    const steps = new FailedRun(checked('/old'), checked('/new'), 'start').goesBack();
    expect(steps.find(({ step }) => step.kind === 'healthy')!.step).toMatchObject({
      healthcheck: { path: '/old' },
    });
  });

  test('from a first deploy: what was started goes, and what was made ready stays for the next run', () => {
    expect(table(new FailedRun(undefined, api(1), 'switch').goesBack())).toEqual([
      'stop api a',
      'remove api a ← stop api a',
    ]);
  });

  test('from a first deploy that had some traffic: the routes are empty again', () => {
    const steps = new FailedRun(undefined, api(1), 'prove').goesBack({ hadTraffic: true });
    expect(table(steps)).toEqual([
      'stage',
      'switch a ← stage',
      'prove a ← switch a',
      'drain api a ← prove a',
      'stop api a ← drain api a',
      'remove api a ← stop api a',
    ]);
    expect(steps.find(({ step }) => step.kind === 'switch')!.step).toMatchObject({ routes: [] });
  });

  test('where nothing has happened, there is nothing to do', () => {
    expect(new FailedRun(api(1), api(2), 'start').goesBack()).toEqual([]);
  });

  test('starts what has stopped meanwhile, before all else, and makes nothing that is gone', () => {
    const stopped = new FailedRun(api(1), api(2), 'switch');
    stopped.picture.server('a').sidecar!.isRunning = false;
    const [prepare, ...others] = stopped.goesBack();
    expect(prepare!.step).toMatchObject({ kind: 'prepare', server: 'a', sidecar: 'start' });
    expect(others[0]!.needs).toEqual([prepare!.id]);
    const gone = new FailedRun(api(1), api(2), 'switch');
    gone.picture.server('a').edge = undefined;
    expect(gone.goesBack().map(({ step }) => step.kind)).not.toContain('prepare');
  });

  test('the copies of all services of the rollout go back together', () => {
    const both = (version: number) =>
      shop([service('api', { image: `api:${version}` }), service('web', { image: `web:${version}` })]);
    expect(table(new FailedRun(both(1), both(2), 'switch').goesBack())).toEqual([
      'stop api_secondary a',
      'remove api_secondary a ← stop api_secondary a',
      'stop web_secondary a',
      'remove web_secondary a ← stop web_secondary a',
    ]);
  });

  test('one that is replaced in place has not even stopped where one beside it fails', () => {
    const both = (version: number) =>
      shop([database('db', { image: `db:${version}` }), service('api', { image: `api:${version}` })]);
    expect(table(new FailedRun(both(1), both(2), 'switch').goesBack())).toEqual([
      'stop api_secondary a',
      'remove api_secondary a ← stop api_secondary a',
    ]);
  });

  test('those of services that serve as wanted stay', () => {
    const both = (version: number) =>
      shop([service('api', { image: `api:${version}` }), service('web', { image: `web:${version}` })]);
    const run = new FailedRun(both(1), both(2), 'switch');
    expect(table(run.goesBack({ services: ['web'] }))).toEqual([
      'stop web_secondary a',
      'remove web_secondary a ← stop web_secondary a',
    ]);
  });

  test('a server whose nginx was not made yet has no routes to get back', () => {
    const run = new FailedRun(undefined, api(1, 2), 'prove');
    Object.assign(run.picture.server('b'), { sidecar: undefined, edge: undefined });
    const steps = run.goesBack({ hadTraffic: true });
    expect(steps.flatMap(({ step }) => (step.kind === 'switch' ? [step.server] : []))).toEqual(['a']);
  });
});

describe('going back without a server that died', () => {
  test('the others do, and nothing is asked of that one', () => {
    const steps = new FailedRun(api(1, 2), api(2, 2), 'switch').goesBack({ dead: ['b'] });
    expect(table(steps)).toEqual(['stop api_secondary a', 'remove api_secondary a ← stop api_secondary a']);
  });

  test('a copy that had traffic stays: the nginx that cannot be asked may send it some still', () => {
    const steps = new FailedRun(api(1, 2), api(2, 2), 'prove').goesBack({ hadTraffic: true, dead: ['b'] });
    expect(table(steps)).toEqual(['stage', 'switch a ← stage', 'prove a ← switch a']);
    const move = steps.find(({ step }) => step.kind === 'switch')!.step;
    expect(move).toMatchObject({ servers: ['a'], routes: [{ copies: [{ server: 'a' }, { server: 'b' }] }] });
  });

  test('but not where two must not run together', () => {
    const on = (version: number) =>
      shop([database('db', { image: `db:${version}`, servers: 2 })], servers(2));
    const steps = new FailedRun(on(1), on(2), 'switch').goesBack({ hadTraffic: true, dead: ['b'] });
    expect(table(steps).slice(0, 2)).toEqual(['stop db_secondary a', 'start db a ← stop db_secondary a']);
  });
});
