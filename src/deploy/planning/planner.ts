import { UserError } from '../../model/errors.ts';
import { specHash } from '../../model/spec.ts';
import { frontOf } from './adopted.ts';
import { partHashes } from './desired.ts';
import { type HookPlan, planHooks, planLeftHooks } from './hook-plan.ts';
import { dependencyLevels } from './levels.ts';
import { planNginxPulls } from './nginx-pulls.ts';
import type {
  Change,
  Effect,
  Level,
  Plan,
  PrepareStep,
  RetireStep,
  StaleChange,
  SwitchStep,
  Takeover,
} from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { planForgetSecrets, planKeepSecrets } from './plan-secrets.ts';
import { routesAfter, servesAlready } from './planned-routes.ts';
import { explainChange } from './reasons.ts';
import { retire } from './retire-step.ts';
import { type Outcome, planService } from './service-plan.ts';
import { planSettle } from './settle.ts';
import { containersAt, copiesAt, hostsWithSidecar, observedAt, servedBy } from './spots.ts';
import { planSweep } from './sweep-plan.ts';
import { displacedSidecar, planTakeover } from './takeover-plan.ts';

/**
 * planDeploy compares what is wanted with what was observed and recorded, and returns the steps between. It is
 * pure. Running the plan and planning again gives the empty plan; after a crash it gives what is left.
 */
export function planDeploy(input: PlanInput): Plan {
  const selected = input.services.filter(({ isSelected }) => isSelected);
  const outcomes = new Map(selected.map((service) => [service.name, planService(input, service)]));
  const { removes: removed, isLeaving } = input;
  const hooks = planAllHooks(input, outcomes);
  const levels = planLevels(input, outcomes, hooks, removed);
  const settle = planSettle(input, routesAfter(input, outcomes, new Set(), removed));
  const switches = [settle, ...levels.map((level) => level.switch)].filter((step) => step !== undefined);
  const vacate = [...outcomes.values(), ...hooks.values()].flatMap(({ vacate }) => vacate);
  const prepare = input.hosts.flatMap((host) => planPrepare(input, host, switches));
  const keepSecrets = planKeepSecrets(input, levels);
  const { takeover, staying } = planTakeover(input, outcomes);
  const postponed = selected.map(({ name }) => name).filter((name) => outcomes.get(name)!.isPostponed);
  refuseToWait(postponed, takeover);
  const { divert, leave, nginx, open } = takeover;
  const retired = [...vacate, ...levels.flatMap(({ retire }) => retire), ...leave, ...nginx];
  return {
    scope: input.scope,
    changes: [
      ...selected.map((service) => changeOf(input, service, outcomes.get(service.name)!)),
      ...removed.map((service) => removalOf(input, service)),
    ],
    settle,
    awaited: [...hooks.values()].flatMap(({ awaited }) => awaited),
    unfinished: [...hooks.values()].flatMap(({ unfinished }) => unfinished),
    hooks: Object.fromEntries(
      [...hooks].flatMap(([name, { progress }]) => (progress === undefined ? [] : [[name, progress]])),
    ),
    vacate,
    pulls: [
      ...planNginxPulls(input, [...prepare, ...keepSecrets, ...switches, ...divert, ...retired, ...open]),
      ...[...outcomes.values()].flatMap(({ pulls }) => pulls),
    ],
    prepare,
    keepSecrets,
    levels,
    takeover,
    staying,
    postponed,
    standing: Object.fromEntries(selected.map(({ name }) => [name, outcomes.get(name)!.standing])),
    forgetSecrets: planForgetSecrets(input),
    teardown: isLeaving
      ? input.observed
          .filter((server) => server.sidecar !== undefined || server.hasNetwork)
          .map(({ host }) => ({ kind: 'teardown', host }))
      : [],
    sweep: planSweep(input, retired),
    stale: planStale(input),
  };
}

function planAllHooks(input: PlanInput, outcomes: ReadonlyMap<string, Outcome>): Map<string, HookPlan> {
  const selected = input.services.filter(({ isSelected }) => isSelected);
  return new Map([
    ...selected.map(
      (service) => [service.name, planHooks(input, service, outcomes.get(service.name)!)] as const,
    ),
    ...input.removes.map(
      (name) => [name, planLeftHooks(input, { name, spec: leavingSpec(input, name) }, [])] as const,
    ),
  ]);
}

/** What stands in the way of a new container has to leave first; a run that does not let it leave is in vain. */
function refuseToWait(postponed: readonly string[], { leave }: Takeover): void {
  const waiting = postponed.find((name) => leave.every(({ service }) => service !== name));
  if (waiting === undefined) return;
  throw new UserError(
    `${waiting} cannot change yet: the container that it took over is still in use by a front whose domains are not all served`,
    { hint: 'Deploy all services in one run: leave the inputs "service" and "zones" empty.' },
  );
}

function planStale({ state, excluded, hosts, servers, services }: PlanInput): StaleChange {
  const known = Object.keys(state.stale_servers ?? {});
  const isWhole = services.every(({ isSelected }) => isSelected);
  const isGone = (host: string) => servers.every((server) => server.host !== host);
  return {
    left: [...excluded].filter((host) => !known.includes(host)),
    returned: known.filter((host) => isGone(host) || (isWhole && hosts.includes(host))),
  };
}

function planLevels(
  input: PlanInput,
  outcomes: ReadonlyMap<string, Outcome>,
  hooks: ReadonlyMap<string, HookPlan>,
  removed: readonly string[],
): Level[] {
  const selected = input.services.filter(({ isSelected }) => isSelected);
  const done = new Set<string>();
  const levels = dependencyLevels(selected).flatMap((names): Level[] => {
    for (const name of names) done.add(name);
    const parts = names.map((name) => outcomes.get(name)!);
    const isMoving = parts.some((part) => part.isMoving);
    const level: Level = {
      services: names.filter((name) => hasSteps(outcomes.get(name)!, hooks.get(name)!)),
      preDeploy: names.flatMap((name) => hooks.get(name)!.preDeploy),
      stop: parts.flatMap(({ level: { stop } }) => stop),
      start: parts.flatMap(({ level: { start } }) => start),
      check: parts.flatMap(({ level: { check } }) => check),
      switch: isMoving
        ? {
            kind: 'switch',
            routes: routesAfter(input, outcomes, done, removed),
            moved: names.filter((name) => outcomes.get(name)!.isMoving),
            hosts: [...input.hosts],
          }
        : undefined,
      postDeploy: names.flatMap((name) => hooks.get(name)!.postDeploy),
      retire: parts.flatMap(({ level: { retire } }) => retire),
    };
    return level.services.length > 0 ? [level] : [];
  });
  const last = finalLevel(input, outcomes, removed, levels);
  return last === undefined ? levels : [...levels, last];
}

function hasSteps(outcome: Outcome, { preDeploy, postDeploy }: HookPlan): boolean {
  const { stop, start, check, retire } = outcome.level;
  const hooks = preDeploy.length + postDeploy.length;
  return outcome.isMoving || hooks + stop.length + start.length + check.length + retire.length > 0;
}

/** Removed services leave last; and where nothing moves, routes that differ are put right here. */
function finalLevel(
  input: PlanInput,
  outcomes: ReadonlyMap<string, Outcome>,
  removed: readonly string[],
  levels: readonly Level[],
): Level | undefined {
  const all = new Set(outcomes.keys());
  const routes = routesAfter(input, outcomes, all, []);
  const before = levels.findLast((level) => level.switch !== undefined)?.switch?.routes;
  const isRight =
    before === undefined
      ? input.hosts.every((host) => servesAlready(input, host, routes))
      : specHash(before) === specHash(routes);
  const retired = removed.flatMap((name) => removalSteps(input, name));
  if (isRight && retired.length === 0) return undefined;
  return {
    services: [...removed],
    preDeploy: [],
    stop: [],
    start: [],
    check: [],
    switch: isRight ? undefined : { kind: 'switch', routes, moved: [], hosts: routedHosts(input) },
    postDeploy: [],
    retire: retired,
  };
}

/** An environment that leaves has nothing to say to a server where it has no sidecar. */
function routedHosts(input: PlanInput): string[] {
  return input.isLeaving ? hostsWithSidecar(input) : [...input.hosts];
}

const UNKNOWN_SPEC = {
  port: 0,
  policy: { strategy: 'toggle', drainTimeoutMs: 120_000, stopGracePeriodMs: 10_000 },
} as const;

/** What is known of a service that left the file: its last release says it, else the defaults do. */
function leavingSpec({ leaving }: PlanInput, name: string) {
  return leaving.get(name) ?? UNKNOWN_SPEC;
}

/** The steps by which a service that left the file goes. */
function removalSteps(input: PlanInput, name: string): RetireStep[] {
  const spec = leavingSpec(input, name);
  return input.hosts.flatMap((host) =>
    [...containersAt(input, name, host), ...copiesAt(input, name, host)]
      .filter(({ isAdopted }) => !isAdopted)
      .map((container) => retire(input, { name, spec }, host, container)),
  );
}

function planPrepare(input: PlanInput, host: string, switches: readonly SwitchStep[]): PrepareStep[] {
  const { sidecar } = observedAt(input, host);
  const missing = input.isLeaving ? undefined : 'create';
  const displaced = displacedSidecar(input, host);
  const step: PrepareStep = {
    kind: 'prepare',
    host,
    sidecar: sidecar === undefined ? missing : sidecar.isRunning ? undefined : 'start',
    edge: prepareEdge(input, host, switches),
    ...(sidecar === undefined && displaced && { displaced }),
  };
  return step.sidecar === undefined && step.edge === undefined ? [] : [step];
}

/** Domains that leave need an edge too, until the last switch. */
function prepareEdge(input: PlanInput, host: string, switches: readonly SwitchStep[]): PrepareStep['edge'] {
  const server = observedAt(input, host);
  const { sidecar, edge } = server;
  const hasFront = frontOf(server) !== undefined;
  // Nobody holds the ports any more: a run was cut off while it took a front over.
  if (server.bridge !== undefined && !hasFront) return 'open';
  const wanted = input.services.map(({ spec }) => spec.route);
  const given = switches.filter(({ hosts }) => hosts.includes(host)).flatMap(({ routes }) => routes);
  const hasDomains = [...wanted, ...given].some(({ domains }) => domains.length > 0);
  const isServing = sidecar !== undefined && servedBy(input.scope, edge) !== undefined;
  if (!hasDomains && !isServing) return undefined;
  if (edge === undefined) return hasFront ? 'bridge' : 'create';
  if (!edge.isRunning) return hasFront ? 'bridge' : 'start';
  if (edge.isInNetwork) return undefined;
  return server.bridge === undefined ? 'join' : 'bridge';
}

function changeOf(input: PlanInput, service: WantedService, outcome: Outcome): Change {
  const { strategy } = service.spec.policy;
  const from = service.known.current?.number ?? input.state.services[service.name]?.release ?? 0;
  const starts = outcome.level.start.length + outcome.level.check.length > 0;
  let effect: Effect = 'none';
  if (outcome.isPostponed) effect = 'none';
  else if (starts) effect = isStanding(input, service.name) ? strategy : 'create';
  else if (outcome.isMoving) effect = 'reload';
  else if (service.release.isNew || service.known.pending !== undefined)
    effect = isRouteChanged(service) ? 'reload' : 'record';
  else if (outcome.level.retire.length > 0 || !isRecorded(input, service.name, outcome)) effect = 'record';
  const reasons = [...explainChange(service, outcome.level, input), ...explainAdoption(outcome)];
  return {
    service: service.name,
    from,
    to: service.release.number,
    effect,
    strategy,
    reasons: effect === 'record' && reasons.length === 0 ? ['the record names other copies'] : reasons,
    hosts: outcome.placements.map(({ host }) => host),
    image: service.spec.container.image,
  };
}

function explainAdoption({ leave, isPostponed }: Outcome): string[] {
  const adopted = leave.map(({ name, host }) => `adopts ${name} on ${host}`);
  return isPostponed ? [...adopted, 'its change follows when that has left'] : adopted;
}

function isRouteChanged({ known: { current }, spec }: WantedService): boolean {
  return current !== undefined && partHashes(current).route !== partHashes(spec).route;
}

/** The record may name a server that left the file, or a side that changed before a run could say so. */
function isRecorded(input: PlanInput, service: string, { standing }: Outcome): boolean {
  const recorded = input.state.services[service]?.servers ?? [];
  return (
    recorded.length === standing.length &&
    standing.every(({ host, side, name }) =>
      recorded.some((copy) => copy.host === host && copy.side === side && copy.container === name),
    )
  );
}

function isStanding(input: PlanInput, service: string): boolean {
  return input.hosts.some((host) => containersAt(input, service, host).length > 0);
}

function removalOf(input: PlanInput, service: string): Change {
  const recorded = input.state.services[service];
  return {
    service,
    from: recorded?.release ?? 0,
    to: 0,
    effect: 'remove',
    strategy: undefined,
    reasons: ['no longer in the file; its volumes stay'],
    hosts: input.observed
      .filter((server) => containersAt(input, service, server.host).length > 0)
      .map(({ host }) => host),
    image: recorded?.image ?? '',
  };
}
