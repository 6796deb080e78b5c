import type { Copy, Slot } from '../../model/copy.ts';
import { isWorker, type ServerSpec, specHash } from '../../model/spec.ts';
import { hostOf } from '../../nginx/routes.ts';
import type { PullStep } from '../steps/pull.ts';
import { type Blueprint, blueprintHash, blueprintOf, changedByHand, nameOf } from './blueprint.ts';
import type { PlanInput } from './input.ts';
import type { ObservedCopy } from './observed.ts';
import { copiesOn, handMadeOn, observedOn, serversWithAdopted } from './observed-copies.ts';
import { place } from './placement.ts';
import type { StandbyCopy } from './plan.ts';
import { type Retirement, retire } from './retirement.ts';
import type { Check, Predecessor, Rollout } from './rollout.ts';
import { asRouted, copiesByRole, copyNamed, serving, servingCopies, slotsRouted } from './routed-copies.ts';
import { isCrowded, leftOutSenders, slotsSentTo } from './standby.ts';
import { type Replacement, type ServingCopy, STRATEGIES } from './strategies.ts';
import { portOf } from './version-ports.ts';
import type { WantedService } from './wanted.ts';

/** What one service needs on all servers. */
export interface ServicePlan {
  /** The copies that serve afterwards. */
  copies: Copy[];
  /** Must be gone before anything starts: it stands where a new copy shall. */
  vacate: Retirement[];
  pulls: PullStep[];
  rollout: Pick<Rollout, 'stop' | 'start' | 'check' | 'retire'>;
  /** What is taken over, and goes when all services have their traffic. */
  takenOver: Retirement[];
  /** Old copies that stay, since servers that are left out may send them requests. */
  standby: StandbyCopy[];
  /** A container that still has traffic by other ways stands where the new one shall. */
  isPostponed: boolean;
  /** Traffic moves to other copies. */
  isMoving: boolean;
}

/** planService asks the service's strategy about every server it stands on or shall stand on. Pure. */
export function planService(input: PlanInput, service: WantedService): ServicePlan {
  const plan = emptyPlan();
  const current = servingCopies(input, service.name);
  const targets = new Set(targetsOf(input, service, current));
  for (const server of input.servers) {
    if (!input.reached.includes(server.name)) {
      plan.copies.push(...current.filter((copy) => copy.server === server.name));
    } else if (targets.has(server.name)) planCopy(input, service, server, plan);
    else planDeparture(input, service, server, plan);
  }
  if (plan.isPostponed) return postpone(input, service, current, plan);
  plan.isMoving ||= specHash(plan.copies.map(asRouted)) !== specHash(current.map(asRouted));
  return plan;
}

function emptyPlan(): ServicePlan {
  return {
    copies: [],
    vacate: [],
    pulls: [],
    rollout: { stop: [], start: [], check: [], retire: [] },
    takenOver: [],
    standby: [],
    isPostponed: false,
    isMoving: false,
  };
}

/** A change that has to wait on one server waits on all: copies that differ would not be served together. */
function postpone(
  input: PlanInput,
  service: WantedService,
  current: readonly Copy[],
  { takenOver }: ServicePlan,
): ServicePlan {
  return {
    ...emptyPlan(),
    copies: current.map((copy) => {
      const { name, release } = copyNamed(input, service.name, copy);
      return { ...copy, name, release: release ?? service.release.number };
    }),
    // Where it is not routed to yet, what is taken over still has its traffic.
    takenOver: takenOver.filter(({ server }) => current.some((copy) => copy.server === server)),
    isPostponed: true,
  };
}

function targetsOf(input: PlanInput, service: WantedService, current: readonly Copy[]): string[] {
  const { zones, servers } = service.placement;
  const candidates = input.servers.filter(
    ({ name, zone }) => !input.excluded.has(name) && (zones.length === 0 || zones.includes(zone)),
  );
  return place(
    service.name,
    servers,
    candidates.map(({ name }) => name),
    current.map(({ server }) => server),
    serversWithAdopted(input, service.name),
  );
}

function planCopy(input: PlanInput, service: WantedService, server: ServerSpec, plan: ServicePlan): void {
  const blueprint = blueprintOf(input, service, server);
  const isRight = (copy: ObservedCopy) => isWanted(input, service, server, blueprint, copy);
  const { active, beside, standby, inTheWay, taken } = copiesToJudge(input, service, server, isRight);
  const change = STRATEGIES[service.spec.policy.strategy]({
    active,
    beside,
    routed: slotsRouted(input, service.name, server.name),
    replicas: service.placement.replicas,
    release: service.release.number,
    rollout: input.state.services[service.name]?.rollout?.release,
    taken,
    isWanted: isRight,
  });
  const { vacate, stop, retire: old } = change;
  const blocking = vacate.filter(
    ({ id, isAdopted, isRunning }) => isAdopted && isRunning && !input.drainedElsewhere.has(id),
  );
  if (blocking.length > 0) {
    plan.takenOver.push(...blocking.map((copy) => retire(service, server.name, copy)));
    plan.isPostponed = true;
    return;
  }
  addPull(input, service, server.name, change, plan);
  for (const one of change.copies) {
    const copy = copyAfter(input, service, server.name, blueprint, change, one);
    plan.copies.push(copy);
    addStart(input, service, copy, blueprint, one, plan);
  }
  const leaving = [...vacate, ...inTheWay];
  plan.vacate.push(...leaving.map((copy) => retireSentTo(input, service, server, copy)));
  plan.rollout.stop.push(...stop.map((copy) => predecessorOf(input, service, server, copy)));
  for (const copy of old) addOldCopy(input, service, server, copy, stop.includes(copy), plan);
  plan.standby.push(...standby.map((one) => standbyOf(input, server, one)));
  const named = [...vacate, ...old, ...change.copies.map(({ standing }) => standing)];
  const others = beside.filter((copy) => !named.includes(copy));
  const handMade = handMadeOn(input, service.name, server.name);
  addLeftovers(input, service, server.name, [...others, ...handMade], plan);
}

/**
 * The copies of a service on one server, by what they do. Those that stand by for servers that are left out stay, and no
 * strategy needs to know of them, unless they are so many that a new copy has no room.
 */
function copiesToJudge(
  input: PlanInput,
  service: WantedService,
  server: ServerSpec,
  isRight: (copy: ObservedCopy) => boolean,
) {
  const { active, beside: found } = copiesByRole(input, service.name, server.name);
  // Of these no two run on one server.
  if (service.spec.policy.strategy === 'recreate') {
    return { active, beside: found, standby: [], inTheWay: [], taken: [] };
  }
  const standby = found.filter((copy) => leftOutSenders(input, server, copy).length > 0);
  const beside = found.filter((copy) => !standby.includes(copy));
  const stays = [...active.map(({ slot }) => slot), ...slotsRouted(input, service.name, server.name)];
  const standing = standby.map(({ slot }) => slot);
  const taken = [...standing, ...slotsSentTo(input, server, service.name)];
  const missing = service.placement.replicas - active.filter(isRight).length;
  if (!isCrowded([...stays, ...taken], missing)) return { active, beside, standby, inTheWay: [], taken };
  if (!isCrowded([...stays, ...standing], missing)) {
    return { active, beside, standby, inTheWay: [], taken: standing };
  }
  return { active, beside, standby: [], inTheWay: standby, taken: [] };
}

/** standbyOf returns an old copy as one that stands by for servers that are left out. */
export function standbyOf(input: PlanInput, on: ServerSpec, copy: ObservedCopy): StandbyCopy {
  const { service, slot, name, release, versionPort } = copy;
  const port = portOf(slot, versionPort);
  const place = { service, server: on.name, slot, name, release, port };
  return { ...place, weight: 0, state: 'standby', for: leftOutSenders(input, on, copy) };
}

function isWanted(
  input: PlanInput,
  service: WantedService,
  server: ServerSpec,
  blueprint: Blueprint,
  copy: ObservedCopy,
): boolean {
  const image = observedOn(input, server.name).images.get(service.spec.container.image);
  return (
    copy.hash === blueprintHash(blueprint) &&
    (image === undefined || copy.imageId === image.id) &&
    changedByHand(input, service, server, copy).length === 0
  );
}

/** A copy that serves on a server afterwards: one that stands keeps name and release, a new one gets its own. */
function copyAfter(
  input: PlanInput,
  service: WantedService,
  server: string,
  blueprint: Blueprint,
  change: Replacement,
  { slot, standing }: ServingCopy,
): Copy {
  const { name, versionPort, release } = standing ?? {
    name: nameOf(blueprint, slot, takenNames(input, server, change), input.now),
    versionPort: blueprint.versionPort,
    release: service.release.number,
  };
  return serving({ service: service.name, server, slot, name, release, port: portOf(slot, versionPort) });
}

function isCreating({ start }: ServingCopy): boolean {
  return start !== undefined && start.existing === undefined;
}

/** What is removed before a container starts leaves its name to it. */
function takenNames(input: PlanInput, server: string, { vacate }: Replacement): Set<string> {
  const { copies } = observedOn(input, server);
  return new Set(copies.filter((copy) => !vacate.includes(copy)).map(({ name }) => name));
}

function addPull(
  input: PlanInput,
  { spec: { container, policy } }: WantedService,
  server: string,
  change: Replacement,
  { pulls }: ServicePlan,
): void {
  const { image, options: { platform } = {} } = container;
  const found = observedOn(input, server).images.get(image);
  const isThere = found !== undefined && isFor(found.platform, platform);
  if (!change.copies.some(isCreating) || policy.pullPolicy === 'always' || isThere) return;
  pulls.push({
    kind: 'pull',
    server,
    image,
    policy: policy.pullPolicy,
    ...(platform !== undefined && { platform }),
  });
}

/** A platform without a variant is any of its variants. */
function isFor(found: string | undefined, platform: string | undefined): boolean {
  if (found === undefined || platform === undefined) return true;
  return found === platform || found.startsWith(`${platform}/`);
}

function addStart(
  input: PlanInput,
  service: WantedService,
  { server, slot, name }: Copy,
  blueprint: Blueprint,
  { start, resume }: ServingCopy,
  plan: ServicePlan,
): void {
  const { rollout } = plan;
  const { number: release } = service.release;
  if (start !== undefined) {
    const { existing } = start;
    rollout.start.push({
      kind: 'start',
      service: service.name,
      server,
      slot,
      name,
      release,
      blueprint,
      existing,
    });
  }
  // A copy that no route points to was left by a run that was cut off: nobody knows whether it is healthy.
  const isUnproven = start === undefined && !slotsRouted(input, service.name, server).includes(slot);
  if (start !== undefined || resume || isUnproven) {
    rollout.check.push(checkOf(service, server, slot, name));
    plan.isMoving = true;
  }
}

/**
 * Nobody is served by the worker that follows, so users of what had a port until now are drained before it stops. Where
 * its successor has a port, that is what they wait for: each second of a drain would be one in which nobody answers.
 */
function predecessorOf(
  input: PlanInput,
  service: WantedService,
  on: ServerSpec,
  copy: ObservedCopy,
): Predecessor {
  const retirement = retireSentTo(input, service, on, copy);
  const isDrained = isWorker(service.spec) && !copy.isAdopted;
  const isHeld = isQueued(service) && !copy.isAdopted;
  const drainTimeoutMs = isHeld
    ? heldDrainMs(service, retirement)
    : isDrained
      ? retirement.drainTimeoutMs
      : undefined;
  return { ...retirement, drainTimeoutMs, isWorking: copy.isRunning, ...(isHeld && { isHeld }) };
}

/** isQueued tells whether requests for a service wait while it is away. */
export function isQueued({ spec }: Pick<WantedService, 'spec'>): boolean {
  return spec.route.queueRequestsMs !== undefined && spec.policy.strategy === 'recreate';
}

/** Others wait meanwhile: what is still open after a third of their time ends with the container. */
function heldDrainMs({ spec }: WantedService, { drainTimeoutMs }: Retirement): number | undefined {
  if (drainTimeoutMs === undefined) return undefined;
  const third = Math.ceil((spec.route.queueRequestsMs ?? 0) / 3);
  return Math.min(drainTimeoutMs || Number.POSITIVE_INFINITY, third);
}

/** Longer nobody waits for users of a server that is left out, who keep coming. */
const LONGEST_SENT_TO_MS = 120_000;

/** How a copy goes that cannot stand by for servers that are left out, though they may send to it. */
function retireSentTo(
  input: PlanInput,
  service: WantedService,
  on: ServerSpec,
  copy: ObservedCopy,
): Retirement {
  const retirement = retire(service, on.name, copy);
  const { drainTimeoutMs } = retirement;
  if (drainTimeoutMs === undefined || leftOutSenders(input, on, copy).length === 0) return retirement;
  return {
    ...retirement,
    drainTimeoutMs: Math.min(drainTimeoutMs || Number.POSITIVE_INFINITY, LONGEST_SENT_TO_MS),
  };
}

function addOldCopy(
  input: PlanInput,
  service: WantedService,
  on: ServerSpec,
  old: ObservedCopy,
  isStopped: boolean,
  { rollout, takenOver, standby }: ServicePlan,
): void {
  if (input.drainedElsewhere.has(old.id)) return;
  if (!isStopped && leftOutSenders(input, on, old).length > 0) {
    standby.push(standbyOf(input, on, old));
    return;
  }
  const retirement = retire(service, on.name, old);
  // A container that was stopped before has nothing to drain, and is of use to no front that stays.
  if (isStopped) rollout.retire.push({ ...retirement, drainTimeoutMs: undefined });
  else (old.isAdopted ? takenOver : rollout.retire).push(retirement);
}

/**
 * What stands in no slot that counts goes as an old copy goes; where two must not run together, before anything starts.
 * What is taken over has its traffic by other ways, and goes with them.
 */
function addLeftovers(
  input: PlanInput,
  service: WantedService,
  server: string,
  copies: readonly ObservedCopy[],
  { rollout, vacate, takenOver }: ServicePlan,
): void {
  const early = service.spec.policy.strategy === 'recreate' ? vacate : rollout.retire;
  for (const copy of copies.filter(({ id }) => !input.drainedElsewhere.has(id))) {
    (copy.isAdopted ? takenOver : early).push(retire(service, server, copy));
  }
}

/** isAloneEverywhere tells whether two of a service must not work at once on any servers: it stops before it starts elsewhere. */
export function isAloneEverywhere({ spec }: Pick<WantedService, 'spec'>): boolean {
  return isWorker(spec) && spec.policy.strategy === 'recreate';
}

function planDeparture(
  input: PlanInput,
  service: WantedService,
  on: ServerSpec,
  { rollout, takenOver, standby }: ServicePlan,
): void {
  const { name: server } = on;
  for (const copy of [...copiesOn(input, service.name, server), ...handMadeOn(input, service.name, server)]) {
    const retirement = retire(service, server, copy);
    const isSentTo = !isAloneEverywhere(service) && leftOutSenders(input, on, copy).length > 0;
    if (isSentTo) standby.push(standbyOf(input, on, copy));
    else if (copy.isAdopted) takenOver.push(retirement);
    else if (isAloneEverywhere(service)) {
      rollout.stop.push(predecessorOf(input, service, on, copy));
      rollout.retire.push({ ...retirement, drainTimeoutMs: undefined });
    } else rollout.retire.push(retirement);
  }
}

/** What of a service says how its copies are asked. */
type CheckedSpec = Pick<WantedService['spec'], 'protocol' | 'port'> & {
  policy: Pick<WantedService['spec']['policy'], 'healthcheck'>;
  route: Pick<WantedService['spec']['route'], 'domains'>;
};

/** checkOf returns by what a copy of a service proves that it is healthy. */
export function checkOf(
  service: { name: string; spec: CheckedSpec },
  server: string,
  slot: Slot,
  name: string,
): Check {
  const { protocol, port, policy, route } = service.spec;
  const { healthcheck } = policy;
  const host = healthcheck.headers?.host ?? hostOf(service.name, route.domains);
  const listening = port !== undefined && protocol !== undefined && { containerPort: port, protocol };
  return { service: service.name, server, slot, name, ...listening, healthcheck, host };
}
