import type { ServerSpec } from '../model/spec.ts';
import { specHash } from '../model/spec.ts';
import type { Placement } from '../nginx/routes.ts';
import { type Blueprint, blueprintHash } from './container.ts';
import type { ReleaseSpec } from './desired.ts';
import type { ObservedContainer } from './observed.ts';
import { place } from './placement.ts';
import type { CheckStep, Level, PullStep, RetireStep, Standing } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import {
  containersAt,
  currentPlacements,
  hostsWithAdopted,
  observedAt,
  routedSide,
  spotOf,
} from './spots.ts';
import { type SpotPlan, STRATEGIES } from './strategies.ts';

/** A container that never had traffic has nothing to finish, and a cancelled run has 7 s to undo what it did. */
const UNUSED_GRACE_MS = 3_000;

/** What one service needs on all servers. */
export interface Outcome {
  placements: Placement[];
  standing: Standing[];
  vacate: RetireStep[];
  pulls: PullStep[];
  level: Pick<Level, 'stop' | 'start' | 'check' | 'retire'>;
  /** What is taken over, and goes when all services have their traffic. */
  leave: RetireStep[];
  /** A container that still has traffic by other ways stands where the new one shall. */
  isPostponed: boolean;
  /** Traffic moves to other containers. */
  isMoving: boolean;
}

/** planService asks the service's strategy about every server it stands on or shall stand on. Pure. */
export function planService(input: PlanInput, service: WantedService): Outcome {
  const outcome: Outcome = {
    placements: [],
    standing: [],
    vacate: [],
    pulls: [],
    level: { stop: [], start: [], check: [], retire: [] },
    leave: [],
    isPostponed: false,
    isMoving: false,
  };
  const current = currentPlacements(input, service.name);
  // Going back is for where the service stood before.
  const targets = new Set(
    input.keepsActive ? current.map(({ host }) => host) : targetsOf(input, service, current),
  );
  for (const server of input.servers) {
    const { host } = server;
    const here = current.find((placement) => placement.host === host);
    if (!input.hosts.includes(host)) {
      if (here !== undefined) {
        outcome.placements.push(here);
        addStanding(input, service, here, outcome);
      }
      continue;
    }
    if (neverLeft(input, service.name, host)) planReturn(input, service, server, outcome);
    else if (targets.has(host)) planSpot(input, service, server, outcome);
    else planDeparture(input, service, host, outcome);
  }
  if (outcome.isPostponed) return postpone(input, service, current, outcome);
  outcome.isMoving ||= specHash(outcome.placements) !== specHash(current);
  return outcome;
}

/** A change that has to wait on one server waits on all: copies that differ would not be served together. */
function postpone(
  input: PlanInput,
  service: WantedService,
  current: readonly Placement[],
  { leave }: Outcome,
): Outcome {
  const outcome: Outcome = {
    placements: [...current],
    standing: [],
    vacate: [],
    pulls: [],
    level: { stop: [], start: [], check: [], retire: [] },
    // Where it is not routed to yet, what is taken over still has its traffic.
    leave: leave.filter((step) => current.some(({ host }) => host === step.host)),
    isPostponed: true,
    isMoving: false,
  };
  for (const placement of current) addStanding(input, service, placement, outcome);
  return outcome;
}

/** A container that stays keeps the number of the release that created it. */
function addStanding(
  input: PlanInput,
  service: WantedService,
  { host, side }: Placement,
  outcome: Outcome,
): void {
  const recorded = input.state.services[service.name]?.servers.find((server) => server.host === host);
  const release = input.hosts.includes(host)
    ? containersAt(input, service.name, host).find((container) => container.side === side)?.release
    : recorded?.release;
  outcome.standing.push({ host, side, release: release ?? service.release.number });
}

function targetsOf(input: PlanInput, service: WantedService, current: readonly Placement[]): string[] {
  const { zones, servers } = service.placement;
  const candidates = input.servers.filter(
    ({ host, zone }) => !input.excluded.has(host) && (zones.length === 0 || zones.includes(zone)),
  );
  return place(
    service.name,
    servers,
    candidates.map(({ host }) => host),
    current.map(({ host }) => host),
    hostsWithAdopted(input, service.name),
  );
}

function planSpot(input: PlanInput, service: WantedService, server: ServerSpec, outcome: Outcome): void {
  const { host } = server;
  const blueprint = blueprintOf(input, service, server);
  const hash = blueprintHash(blueprint);
  const image = observedAt(input, host).images.get(service.spec.container.image);
  const { active, idle } = spotOf(input, service.name, host);
  const plan = STRATEGIES[service.spec.policy.strategy]({
    active,
    idle,
    routed: routedSide(input, service.name, host),
    isWanted: (container) =>
      input.keepsActive
        ? container === active
        : container.hash === hash && (image === undefined || container.imageId === image.id),
  });
  const { vacate } = plan;
  const isBusy = vacate?.isAdopted && vacate.isRunning && !input.drainedElsewhere.has(vacate.id);
  if (isBusy) {
    outcome.leave.push(retire(input, service, host, vacate));
    outcome.isPostponed = true;
    return;
  }
  outcome.placements.push({ host, side: plan.side });
  if (plan.start !== undefined && plan.start.existing === undefined) {
    outcome.standing.push({ host, side: plan.side, release: service.release.number });
  } else {
    addStanding(input, service, { host, side: plan.side }, outcome);
  }
  if (
    plan.start !== undefined &&
    plan.start.existing === undefined &&
    service.spec.policy.pullPolicy !== 'always'
  ) {
    if (image === undefined) outcome.pulls.push(pullOf(service, host));
  }
  // A container that no route points to was left by a run that was cut off: nobody knows whether it is healthy.
  const isServed = routedSide(input, service.name, host) === plan.side;
  const isUnproven = plan.start === undefined && !plan.resume && !isServed;
  addSpot(service, host, blueprint, { ...plan, resume: plan.resume || isUnproven }, outcome, input);
}

function addSpot(
  service: WantedService,
  host: string,
  blueprint: Blueprint,
  plan: SpotPlan,
  outcome: Outcome,
  input: PlanInput,
): void {
  const { level } = outcome;
  if (plan.vacate !== undefined) outcome.vacate.push(retire(input, service, host, plan.vacate));
  if (plan.stop !== undefined) {
    const { id, name } = plan.stop;
    const graceMs = service.spec.policy.stopGracePeriodMs;
    level.stop.push({ kind: 'stop', service: service.name, host, id, name, graceMs });
  }
  if (plan.start !== undefined) {
    level.start.push({
      kind: 'start',
      service: service.name,
      host,
      side: plan.side,
      release: service.release.number,
      blueprint,
      existing: plan.start.existing,
    });
  }
  if (plan.start !== undefined || plan.resume) {
    level.check.push(checkOf(service, host, plan.side));
    outcome.isMoving = true;
  }
  const isElsewhere = plan.retire !== undefined && input.drainedElsewhere.has(plan.retire.id);
  if (plan.retire !== undefined && !isElsewhere) {
    const step = retire(input, service, host, plan.retire);
    const steps = plan.retire.isAdopted ? outcome.leave : level.retire;
    // A container that was stopped before has nothing to drain.
    steps.push(plan.stop === undefined ? step : { ...step, drainTimeoutMs: undefined });
  }
}

/** A failed run has not moved the traffic of what it was to take over. */
function neverLeft(input: PlanInput, service: string, host: string): boolean {
  const isUnrouted = routedSide(input, service, host) === undefined;
  return (
    input.keepsActive && isUnrouted && containersAt(input, service, host).some(({ isAdopted }) => isAdopted)
  );
}

/** What was to be taken over goes on as before; one that was stopped for the new one is started again. */
function planReturn(input: PlanInput, service: WantedService, server: ServerSpec, outcome: Outcome): void {
  const { host } = server;
  const containers = containersAt(input, service.name, host);
  const added = containers.filter(({ isAdopted }) => !isAdopted);
  outcome.vacate.push(...added.map((container) => retire(input, service, host, container)));
  const adopted = containers.filter(({ isAdopted }) => isAdopted);
  const stopped = adopted.some(({ isRunning }) => isRunning) ? undefined : adopted[0];
  if (stopped === undefined || service.spec.policy.strategy !== 'recreate') return;
  const { side, release, id } = stopped;
  const blueprint = blueprintOf(input, service, server);
  outcome.level.start.push({
    kind: 'start',
    service: service.name,
    host,
    side,
    release,
    blueprint,
    existing: id,
  });
}

function planDeparture(input: PlanInput, service: WantedService, host: string, outcome: Outcome): void {
  for (const container of containersAt(input, service.name, host)) {
    const steps = container.isAdopted ? outcome.leave : outcome.level.retire;
    steps.push(retire(input, service, host, container));
  }
}

/**
 * retire returns the step that ends a container: with a drain, unless nobody can be connected. What an earlier run
 * left running may have had traffic, whatever became of that run.
 */
export function retire(
  { unused }: Pick<PlanInput, 'unused'>,
  service: {
    name: string;
    spec: {
      port: number;
      policy: Pick<ReleaseSpec['policy'], 'strategy' | 'drainTimeoutMs' | 'stopGracePeriodMs'>;
    };
  },
  host: string,
  { id, name, release, isRunning, helpers, isAdopted }: ObservedContainer,
): RetireStep {
  const { port, policy } = service.spec;
  const isUnused = unused.has(id);
  // What may write to a volume gets the time it was promised, whatever was asked of it.
  const isHurried = isUnused && policy.strategy !== 'recreate';
  return {
    kind: 'retire',
    service: service.name,
    host,
    id,
    name,
    containerPort: isAdopted ? undefined : port,
    release,
    helpers,
    drainTimeoutMs: isRunning && !isUnused ? policy.drainTimeoutMs : undefined,
    graceMs: isHurried ? Math.min(policy.stopGracePeriodMs, UNUSED_GRACE_MS) : policy.stopGracePeriodMs,
  };
}

function checkOf(service: WantedService, host: string, side: Placement['side']): CheckStep {
  const { protocol, port, policy } = service.spec;
  return {
    kind: 'check',
    service: service.name,
    host,
    side,
    containerPort: port,
    protocol,
    healthcheck: policy.healthcheck,
  };
}

function pullOf(service: WantedService, host: string): PullStep {
  return { kind: 'pull', host, image: service.spec.container.image, policy: service.spec.policy.pullPolicy };
}

function blueprintOf(input: PlanInput, service: WantedService, server: ServerSpec): Blueprint {
  const isAlone = input.servers.filter(({ zone }) => zone === server.zone).length === 1;
  const ports = new Map(input.services.map(({ name, ports: { internal } }) => [name, internal]));
  return {
    scope: input.scope,
    service: service.name,
    container: service.spec.container,
    containerPort: service.spec.port,
    ports: service.ports,
    publishOn: isAlone ? undefined : server.privateIp,
    dependencies: Object.fromEntries(service.dependsOn.map((name) => [name, ports.get(name) ?? 0])),
    secretsVersion: service.release.secretsVersion,
  };
}
