import { StepGraph } from '../../../src/deploy/planning/graph.ts';
import type { Change, Plan } from '../../../src/deploy/planning/plan.ts';
import type { WantedService } from '../../../src/deploy/planning/wanted.ts';
import type { DeployReport } from '../../../src/deploy/request.ts';
import { Timeline } from '../../../src/deploy/timeline.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Copy, Slot } from '../../../src/model/copy.ts';
import { containerName } from '../../../src/model/names.ts';
import { REPOSITORY, service } from '../../simulation/stories/specs.ts';

const SCOPE = { project: 'shop', environment: 'production' };
const PORTS = { host: 8339, internal: 5339 };
const API = service('api', { image: 'api:2', servers: 2 });

/** A run whose clock stands still until something takes its time. */
export class Stopwatch implements Clock {
  #ms = 0;
  readonly timeline = new Timeline(this);

  now(): number {
    return this.#ms;
  }

  async sleep(ms: number): Promise<void> {
    this.#ms += ms;
  }

  endingWith(): Clock {
    return this;
  }

  /** spent records a phase that took so long. */
  async spent(phase: string, ms: number, where: { service?: string; server?: string } = {}): Promise<void> {
    await this.timeline.measure({ phase, ...where }, () => this.sleep(ms));
  }
}

/** copy returns a copy of `api`. */
export function copy(server: string, slot: Slot, release: number): Copy {
  const name = containerName(SCOPE, 'api', slot);
  return { service: 'api', server, slot, name, release, weight: 1, state: 'serving' };
}

/** change returns what happens to `api`: version 2 replaces version 1 on two servers. */
export function change(changes: Partial<Change> = {}): Change {
  return {
    service: 'api',
    from: 1,
    to: 2,
    effect: 'toggle',
    strategy: 'toggle',
    reasons: ['image'],
    servers: ['a', 'b'],
    image: 'api:2',
    domains: ['api.example.com'],
    ...changes,
  };
}

/** planOf returns the plan of a toggle of `api` on the servers `a` and `b`, or another one. */
export function planOf(changes: Partial<Plan> = {}): Plan {
  return {
    scope: SCOPE,
    compared: { with: 'file', services: undefined, servers: undefined, deployed: { api: 1 } },
    changes: [change()],
    steps: toggleOn(['a', 'b']).steps,
    gate: [],
    rollouts: [],
    hooks: {},
    unfinished: [],
    staying: [],
    undecided: [],
    postponed: [],
    copies: { api: [copy('a', 'secondary', 2), copy('b', 'secondary', 2)] },
    standby: [],
    stale: { left: [], returned: [] },
    sendsTo: {},
    ...changes,
  };
}

/** toggleOn returns the heart of a toggle of `api`: the image, the new copies, the switch, and the end of the old ones. */
export function toggleOn(servers: readonly string[]): StepGraph {
  const graph = new StepGraph();
  const name = containerName(SCOPE, 'api', 'secondary');
  const { policy, container, port } = API;
  const blueprint = {
    scope: SCOPE,
    repository: REPOSITORY,
    service: 'api',
    container,
    containerPort: port,
    ports: PORTS,
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 0,
  };
  const copies = servers.map((server) => ({ service: 'api', server, slot: 'secondary' as const, name }));
  const olds = servers.map((server) => ({ service: 'api', server, id: '1', name: 'shop_production_api' }));
  const move = { move: 'api', routes: [], before: [], moved: ['api'] };
  const pulled = graph.add(
    servers.map((server) => ({ kind: 'pull', server, image: 'api:2', policy: 'missing' })),
  );
  const started = graph.add(
    copies.map((one) => ({ kind: 'start', ...one, release: 2, blueprint, existing: undefined })),
    pulled,
  );
  const { healthcheck } = policy;
  const healthy = graph.add(
    copies.map((one) => ({
      kind: 'healthy',
      ...one,
      containerPort: port,
      protocol: 'http',
      healthcheck,
      host: 'api.example.com',
    })),
    started,
  );
  const switched = graph.add(
    servers.map((server) => ({ kind: 'switch', server, servers: [...servers], ...move })),
    healthy,
  );
  const proven = graph.add(
    servers.map((server) => ({ kind: 'prove', server, ...move })),
    switched,
  );
  const drained = graph.add(
    olds.map((old) => ({ kind: 'drain', ...old, ports: [port!], timeoutMs: 120_000 })),
    proven,
  );
  graph.add(
    olds.map((old) => ({ kind: 'remove', ...old, helpers: [] })),
    drained,
  );
  return graph;
}

/** API_WANTED is the service of these reports as a run wants it. */
export const API_WANTED: WantedService = {
  name: 'api',
  spec: API,
  dependsOn: [],
  placement: API.placement,
  ports: PORTS,
  release: { number: 2, isNew: true, secretsVersion: 0 },
  known: {
    current: {
      schema: 1,
      ...SCOPE,
      service: 'api',
      number: 1,
      protocol: 'http',
      port: 3000,
      container: { ...API.container, image: 'api:1' },
      route: API.route,
      policy: API.policy,
      secrets_version: 0,
      created_at: '2026-11-01T12:00:00Z',
    },
    rollout: undefined,
    highest: 1,
    serving: 1,
  },
  isSelected: true,
};

/** reportOf returns the report of a deploy of `api` on two servers, as it came out. */
export function reportOf(changes: Partial<DeployReport> = {}): DeployReport {
  const plan = planOf();
  return {
    plan,
    services: [API_WANTED],
    copies: plan.copies,
    undone: [],
    standing: [],
    notes: [],
    expiredImages: [],
    evidence: [],
    timeline: new Stopwatch().timeline,
    probes: new Map(),
    cut: 0,
    engineCalls: 42,
    failure: undefined,
    changed: true,
    ...changes,
  };
}
