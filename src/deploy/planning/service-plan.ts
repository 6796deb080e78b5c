import { type ServerSpec, specHash } from '../../model/spec.ts';
import type { Placement } from '../../nginx/routes.ts';
import { blueprintOf, changedByHand } from './blueprints.ts';
import { type Blueprint, blueprintHash, nameOf } from './container.ts';
import type { ObservedContainer } from './observed.ts';
import { place } from './placement.ts';
import type { CheckStep, Level, PullStep, RetireStep, Standing } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { retire } from './retire-step.ts';
import {
  containersAt,
  copiesAt,
  currentPlacements,
  hostsWithAdopted,
  observedAt,
  routedSide,
  spotOf,
  standingAt,
} from './spots.ts';
import { type SpotPlan, STRATEGIES } from './strategies.ts';
import { portOf } from './version-ports.ts';

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
function addStanding(input: PlanInput, service: WantedService, placement: Placement, outcome: Outcome): void {
  const { name, release } = standingAt(input, service.name, placement);
  outcome.standing.push({ ...placement, name, release: release ?? service.release.number });
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
  const { active, idle, others } = spotOf(input, service.name, host);
  const plan = STRATEGIES[service.spec.policy.strategy]({
    active,
    idle,
    routed: routedSide(input, service.name, host),
    isWanted: (container) =>
      input.keepsActive
        ? container === active
        : container.hash === hash &&
          (image === undefined || container.imageId === image.id) &&
          changedByHand(input, service, server, container).length === 0,
  });
  const { vacate } = plan;
  const isBusy = vacate?.isAdopted && vacate.isRunning && !input.drainedElsewhere.has(vacate.id);
  if (isBusy) {
    outcome.leave.push(retire(input, service, host, vacate));
    outcome.isPostponed = true;
    return;
  }
  const isNew = plan.start !== undefined && plan.start.existing === undefined;
  const kept = isNew ? undefined : [active, idle].find((container) => container?.side === plan.side);
  const { name, versionPort, release } = kept ?? {
    name: nameOf(blueprint, plan.side, takenNames(input, host, plan), input.now),
    versionPort: blueprint.versionPort,
    release: service.release.number,
  };
  const placement = { host, side: plan.side, port: portOf(plan.side, versionPort) };
  outcome.placements.push(placement);
  outcome.standing.push({ ...placement, name, release });
  if (isNew && service.spec.policy.pullPolicy !== 'always' && image === undefined) {
    outcome.pulls.push(pullOf(service, host));
  }
  // A container that no route points to was left by a run that was cut off: nobody knows whether it is healthy.
  const isServed = routedSide(input, service.name, host) === plan.side;
  const isUnproven = plan.start === undefined && !plan.resume && !isServed;
  const resume = plan.resume || isUnproven;
  addSpot(service, host, { blueprint, name }, { ...plan, resume }, outcome, input);
  addLeftovers(input, service, host, [...others, ...copiesAt(input, service.name, host)], outcome);
}

/** What is removed before a container starts leaves its name to it. */
function takenNames(input: PlanInput, host: string, { vacate }: SpotPlan): Set<string> {
  const { containers } = observedAt(input, host);
  return new Set(containers.filter((container) => container !== vacate).map(({ name }) => name));
}

/**
 * What stands on no side goes as an old side goes; where two must not run together, before anything starts. What is
 * taken over has its traffic by other ways, and goes with them.
 */
function addLeftovers(
  input: PlanInput,
  service: WantedService,
  host: string,
  containers: readonly ObservedContainer[],
  { level, vacate, leave }: Outcome,
): void {
  const early = service.spec.policy.strategy === 'recreate' ? vacate : level.retire;
  for (const container of containers.filter(({ id }) => !input.drainedElsewhere.has(id))) {
    (container.isAdopted ? leave : early).push(retire(input, service, host, container));
  }
}

function addSpot(
  service: WantedService,
  host: string,
  { blueprint, name }: { blueprint: Blueprint; name: string },
  plan: SpotPlan,
  outcome: Outcome,
  input: PlanInput,
): void {
  const { level } = outcome;
  if (plan.vacate !== undefined) outcome.vacate.push(retire(input, service, host, plan.vacate));
  if (plan.stop !== undefined) {
    const { id, name: old } = plan.stop;
    const graceMs = service.spec.policy.stopGracePeriodMs;
    level.stop.push({ kind: 'stop', service: service.name, host, id, name: old, graceMs });
  }
  if (plan.start !== undefined) {
    level.start.push({
      kind: 'start',
      service: service.name,
      host,
      side: plan.side,
      name,
      release: service.release.number,
      blueprint,
      existing: plan.start.existing,
    });
  }
  if (plan.start !== undefined || plan.resume) {
    level.check.push(checkOf(service, host, plan.side, name));
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
  const { side, name, release, id } = stopped;
  const blueprint = blueprintOf(input, service, server);
  outcome.level.start.push({
    kind: 'start',
    service: service.name,
    host,
    side,
    name,
    release,
    blueprint,
    existing: id,
  });
}

function planDeparture(input: PlanInput, service: WantedService, host: string, outcome: Outcome): void {
  const here = [...containersAt(input, service.name, host), ...copiesAt(input, service.name, host)];
  for (const container of here) {
    const steps = container.isAdopted ? outcome.leave : outcome.level.retire;
    steps.push(retire(input, service, host, container));
  }
}

function checkOf(service: WantedService, host: string, side: Placement['side'], name: string): CheckStep {
  const { protocol, port, policy } = service.spec;
  return {
    kind: 'check',
    service: service.name,
    host,
    side,
    name,
    containerPort: port,
    protocol,
    healthcheck: policy.healthcheck,
  };
}

function pullOf(service: WantedService, host: string): PullStep {
  return { kind: 'pull', host, image: service.spec.container.image, policy: service.spec.policy.pullPolicy };
}
