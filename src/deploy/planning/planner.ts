import { UserError } from '../../model/errors.ts';
import { specHash } from '../../model/spec.ts';
import type { Route } from '../../nginx/routes.ts';
import type { KeepGeneratedStep } from '../steps/generated-secrets.ts';
import type { PrepareStep } from '../steps/prepare.ts';
import type { PullStep } from '../steps/pull.ts';
import type { BegunService } from '../steps/record-intent.ts';
import {
  type CertificatePlan,
  isFromAuthority,
  planAccount,
  planCertificateRemovals,
  planCertificates,
} from './certificate-plan.ts';
import { planChanges } from './changes.ts';
import { type After, StepGraph } from './graph.ts';
import { type HookPlan, planHooks, planLeftHooks } from './hook-plan.ts';
import type { PlanInput } from './input.ts';
import { dependencyLevels } from './levels.ts';
import type { ForeignContainer } from './observed.ts';
import { observedOn, serversWithRoutes, standingCopies } from './observed-copies.ts';
import type { Plan, PlannedRollout, StaleChange } from './plan.ts';
import { planKeepGenerated, planRecordGenerated } from './plan-generated.ts';
import { planModules } from './plan-modules.ts';
import { keepsGenerated, planForgetSecrets, planKeepSecrets } from './plan-secrets.ts';
import { planUserRemovals, planUsers } from './plan-users.ts';
import { routesAfter, servesAlready } from './planned-routes.ts';
import { isCreating, planPrepare } from './prepare-plan.ts';
import { planQueue, releasesOf, waitingServices } from './queue-plan.ts';
import { planReconcile } from './reconcile.ts';
import { addRetirements, type Retirement, retire } from './retirement.ts';
import { layOut, layOutMove, type Rollout, type TrafficMove } from './rollout.ts';
import { planService, type ServicePlan, standbyOf } from './service-plan.ts';
import { undecidedSettings } from './shared-edge.ts';
import {
  layOutSidecarUpgrades,
  leavingSidecars,
  planSidecarUpgrades,
  type SidecarUpgrade,
} from './sidecar-upgrade-plan.ts';
import { leftOutSenders, placesSentTo } from './standby.ts';
import { planSweep } from './sweep-plan.ts';
import { planTakeover, type Takeover } from './takeover-plan.ts';
import { layOutUpgrades, planUpgrades, type Upgrade } from './upgrade-plan.ts';
import type { WantedService } from './wanted.ts';
import { watchesOf } from './watch-plan.ts';

/** What every service needs, and what follows from all of it: decided, and not in an order yet. */
interface Decisions {
  services: ReadonlyMap<string, ServicePlan>;
  hooks: ReadonlyMap<string, HookPlan>;
  rollouts: Rollout[];
  takeover: Takeover;
  staying: string[];
  upgrades: Upgrade[];
  sidecars: SidecarUpgrade[];
}

/**
 * planDeploy compares what is wanted with what was observed and recorded, and returns the steps between. It is
 * pure. Running the plan and planning again gives the empty plan; after a crash it gives what is left.
 */
export function planDeploy(input: PlanInput): Plan {
  return inOrder(input, decide(input));
}

/**
 * planWithout is planDeploy for the rest of a run that has left servers out in its middle: it retires nothing, for an nginx
 * that was left out with its old routes may go on sending requests to the old copies of every server. They go when a later
 * run has given it its routes, and what ran before Switchyard stays for the same reason. Pure.
 */
export function planWithout(input: PlanInput): Plan {
  const decisions = decide(input);
  // A rollout that only retires would be one that nothing ever completes.
  const rollouts = decisions.rollouts.map((rollout) => ({ ...rollout, retire: [] })).filter(hasSteps);
  const takeover = { divert: [], takenOver: [], nginx: [], open: [] };
  return inOrder(input, { ...decisions, rollouts, takeover, upgrades: [], sidecars: [] });
}

function decide(input: PlanInput): Decisions {
  const selected = selectedOf(input);
  const services = new Map(selected.map((service) => [service.name, planService(input, service)]));
  const hooks = new Map([
    ...selected.map(
      (service) => [service.name, planHooks(input, service, services.get(service.name)!)] as const,
    ),
    ...input.removes.map((name) => [name, planLeftHooks(input, removedService(input, name), [])] as const),
  ]);
  const { takeover, staying } = planTakeover(input, services);
  refuseToWait(postponedOf(services), takeover);
  const rollouts = planRollouts(input, services, hooks);
  return {
    services,
    hooks,
    rollouts,
    takeover,
    staying,
    upgrades: planUpgrades(input),
    sidecars: planSidecarUpgrades(input),
  };
}

function selectedOf({ services }: PlanInput): WantedService[] {
  return services.filter(({ isSelected }) => isSelected);
}

function postponedOf(services: ReadonlyMap<string, ServicePlan>): string[] {
  return [...services].filter(([, { isPostponed }]) => isPostponed).map(([name]) => name);
}

/** What stands in the way of a new copy has to leave first; a run that does not let it leave is in vain. */
function refuseToWait(postponed: readonly string[], { takenOver }: Takeover): void {
  const waiting = postponed.find((name) => takenOver.every(({ service }) => service !== name));
  if (waiting === undefined) return;
  throw new UserError(
    `${waiting} cannot change yet: the container that it took over is still in use by a front whose domains are not all served`,
    { hint: 'Deploy all services in one run: leave the inputs "service" and "zones" empty.' },
  );
}

/** inOrder lays out everything that was decided: from here on, what comes after what is an edge of the graph. */
function inOrder(
  input: PlanInput,
  { services, hooks, rollouts, takeover, staying, upgrades, sidecars }: Decisions,
): Plan {
  const graph = new StepGraph();
  const reconcile = planReconcile(input, routesAfter(input, services, new Set(), input.removes));
  const moves = [reconcile, ...rollouts.map(({ move }) => move)].filter((move) => move !== undefined);
  const awaited = [...hooks.values()].flatMap((plan) => plan.awaited);
  const vacate = [...services.values(), ...hooks.values()].flatMap((plan) => plan.vacate);
  const prepare = input.reached.flatMap((server) => planPrepare(input, server, moves));
  const retired = [
    ...vacate,
    ...rollouts.flatMap((one) => one.retire),
    ...takeover.takenOver,
    ...takeover.nginx,
    ...upgrades.map(({ old }) => old),
    ...leavingSidecars(sidecars),
  ];
  const keepSecrets = planKeepSecrets(input, rollouts);
  const keepGenerated = planKeepGenerated(input);
  const nginxPulls = planNginxPulls(input, [
    ...prepare,
    ...keepSecrets,
    ...keepGenerated,
    ...moves.flatMap(({ servers }) => servers.map((server) => ({ server }))),
    ...takeover.divert,
    ...takeover.open,
    ...retired,
  ]);

  // First of all: a stopped edge serves nobody, and what a run left in the middle of its switch serves two versions.
  const nginxPulled = graph.add(nginxPulls);
  const isEarly = (step: PrepareStep) => reconcile !== undefined || !isCreating(step);
  const repaired = graph.add(prepare.filter(isEarly), nginxPulled);
  const reconciled = reconcile === undefined ? repaired : layOutMove(graph, reconcile, repaired);
  const releasing = new Set(rollouts.flatMap(({ release }) => release.map(({ service }) => service)));
  graph.aside(
    releasesOf(
      input,
      waitingServices(input).filter((name) => !releasing.has(name)),
    ),
    reconciled,
  );
  const hooksOver = graph.add(awaited, reconciled);
  const isInTheWay = ({ drainTimeoutMs }: Retirement) => drainTimeoutMs !== undefined;
  const drained = addRetirements(graph, vacate.filter(isInTheWay), hooksOver);
  const gate = [
    reconcile && reconciled,
    awaited.length > 0 && hooksOver,
    vacate.some(isInTheWay) && drained,
  ].find((ids) => ids !== false && ids !== undefined);

  // Everything that can be had before the first change; then the intent; then what has to be there, and to be gone.
  const pulled = graph.add(servicePulls(services), drained);
  const generated = layOutGenerated(graph, input, keepGenerated, drained);
  const intended = graph.add(recordIntent(input, rollouts, hooks), [pulled, generated]);
  const late = [...prepare.filter((step) => !isEarly(step)), ...keepSecrets];
  const cleared = vacate.filter((one) => !isInTheWay(one));
  const ready = [
    ...graph.aside(late, intended),
    ...(cleared.length === 0 ? [] : addRetirements(graph, cleared, intended)),
  ];
  const routes = routesAfter(input, services, new Set(services.keys()), []);
  const prepared = ready.length === 0 ? intended : ready;
  const found = graph.add(planModules(input, routes), prepared);
  const givenUsers = graph.add(planUsers(input, routes), found);
  const { planned, over: rolledOut } = layOutAll(graph, rollouts, givenUsers);
  const certificates = planCertificates(input, routes, frontsOf(input, takeover));
  const shown = layOutShown(graph, certificates, rolledOut);
  const opened = [
    ...layOutTakeover(graph, takeover, [rolledOut, shown]),
    ...layOutUpgrades(graph, upgrades, rolledOut),
  ];
  layOutSidecarUpgrades(graph, sidecars, rolledOut);
  finish(graph, input, retired, rolledOut);
  const settled = opened.length > 0 ? opened : rolledOut;
  layOutOrders(graph, input, routes, certificates, { settled, shown });
  graph.add(planUserRemovals(input, routes), rolledOut);

  return {
    scope: input.scope,
    compared: input.compared,
    changes: planChanges(input, services),
    steps: graph.steps,
    gate: gate || [],
    rollouts: planned,
    unfinished: [...hooks.values()].flatMap(({ unfinished }) => unfinished),
    hooks: Object.fromEntries(
      [...hooks].flatMap(([name, { progress }]) => (progress === undefined ? [] : [[name, progress]])),
    ),
    staying,
    undecided: undecidedSettings(input, routes),
    postponed: postponedOf(services),
    copies: Object.fromEntries([...services].map(([name, { copies }]) => [name, copies])),
    standby: [
      ...[...services.values()].flatMap((plan) => plan.standby),
      ...input.removes
        .flatMap((name) => standingCopies(input, name))
        .flatMap(({ on, copy }) => (isSentTo(input, on, copy) ? [standbyOf(input, on, copy)] : [])),
    ],
    stale: planStale(input),
    sendsTo: planSendsTo(input),
  };
}

/** Every server has them, then the record knows of them; it returns what comes last, nothing where there is nothing to do. */
function layOutGenerated(
  graph: StepGraph,
  input: PlanInput,
  keep: readonly KeepGeneratedStep[],
  after: string[],
): string[] {
  const kept = graph.aside(keep, after);
  const recorded = graph.aside(planRecordGenerated(input), kept.length > 0 ? kept : after);
  return recorded.length > 0 ? recorded : kept;
}

/** One after the other: what depends on a service changes when that serves. */
function layOutAll(graph: StepGraph, rollouts: readonly Rollout[], after: string[]) {
  const planned: PlannedRollout[] = [];
  let over = after;
  for (const rollout of rollouts) {
    const first = graph.steps.length;
    const laidOut = layOut(graph, rollout, over);
    const { services, move, before } = rollout;
    const steps = graph.steps.slice(first).map(({ id }) => id);
    // What it comes after is no step of its own.
    const serving = laidOut.serving.filter((id) => steps.includes(id));
    planned.push({ services, moved: move?.moved ?? [], steps, serving, before });
    over = laidOut.over;
  }
  return { planned, over };
}

/**
 * The front keeps all it needs for as long as anybody is connected to it, and its ports until new connections go past it.
 * It returns what has to be done before the edges have their ports; nothing where none are taken over.
 */
function layOutTakeover(
  graph: StepGraph,
  { divert, takenOver, nginx, open }: Takeover,
  after: After,
): string[] {
  const diverted = graph.add(divert, after);
  const servicesLeft = addRetirements(graph, takenOver, diverted);
  const nginxLeft = addRetirements(graph, nginx, servicesLeft);
  return graph.aside(open, nginxLeft);
}

/** The fronts that a run takes over, by their server. */
function frontsOf(input: PlanInput, { divert }: Takeover): Map<string, ForeignContainer> {
  return new Map(
    divert.flatMap(({ server, id }) => {
      const front = observedOn(input, server).foreign.find((one) => one.id === id);
      return front === undefined ? [] : [[server, front] as const];
    }),
  );
}

/** What is given up when its service has gone; and what nothing refers to when all else is done. */
function finish(graph: StepGraph, input: PlanInput, retired: readonly Retirement[], after: string[]): void {
  graph.add(planForgetSecrets(input), after);
  const emptied = input.removesAll
    ? input.observed.filter((server) => server.sidecar !== undefined || server.hasNetwork)
    : [];
  const tornDown = graph.add(
    emptied.map(({ name }) => ({
      kind: 'teardown',
      server: name,
      ...(keepsGenerated(input) && { keepsGenerated: true }),
    })),
    graph.ends(),
  );
  graph.add(planSweep(input, retired), tornDown);
}

/** What is there already is shown before connections go past a front, which shows its own: nobody shall see none. */
function layOutShown(graph: StepGraph, plans: readonly CertificatePlan[], after: string[]): string[] {
  return plans.flatMap(({ adopt, certify, install }) => {
    const adopted = graph.aside(adopt, after);
    if (certify.length > 0) return adopted;
    return [...adopted, ...graph.aside(install, adopted.length > 0 ? adopted : after)];
  });
}

/** A CA asks where all serve what they shall, and the edge is that stays. Nothing waits for it. */
function layOutOrders(
  graph: StepGraph,
  input: PlanInput,
  routes: readonly Route[],
  plans: readonly CertificatePlan[],
  { settled, shown }: Record<'settled' | 'shown', string[]>,
): void {
  const answered = graph.add(planAccount(input, routes, plans), settled);
  for (const { certify, install, revoke } of plans) {
    const isAsked = certify.some(({ mode }) => isFromAuthority(mode));
    const obtained = graph.add(certify, isAsked ? answered : settled);
    const installed = certify.length === 0 ? shown : graph.add(install, obtained);
    graph.add(revoke, [answered, installed]);
  }
  graph.add(planCertificateRemovals(input, routes), settled);
}

function servicePulls(services: ReadonlyMap<string, ServicePlan>): PullStep[] {
  const pulls = [...services.values()].flatMap((plan) => plan.pulls);
  return [...new Map(pulls.map((step) => [`${step.server} ${step.image}`, step])).values()];
}

/**
 * A new nginx is made of its image, and so are the lock of the edge and the helper of a drain: whoever found out in the
 * middle that it is missing would have to go back.
 */
function planNginxPulls({ nginx, observed }: PlanInput, changed: readonly { server: string }[]): PullStep[] {
  const servers = new Set(changed.map(({ server }) => server));
  return observed
    .filter(({ name, images }) => servers.has(name) && !images.has(nginx.image))
    .map(({ name }) => ({ kind: 'pull', server: name, image: nginx.image, policy: 'missing' }));
}

/** Releases are recorded before anything of them starts. */
function recordIntent(
  input: PlanInput,
  rollouts: readonly Rollout[],
  hooks: ReadonlyMap<string, HookPlan>,
): { kind: 'record intent'; begun: BegunService[] }[] {
  const starting = new Set(rollouts.flatMap(({ start }) => start.map(({ service }) => service)));
  const begun = selectedOf(input)
    .filter(({ name }) => starting.has(name))
    .map((service) => ({
      service,
      from: service.known.current?.number ?? input.state.services[service.name]?.release ?? 0,
      images: Object.fromEntries(
        input.observed.map(({ name, images }) => [name, images.get(service.spec.container.image)]),
      ),
      hooks: hooks.get(service.name)?.progress,
    }));
  return begun.length === 0 ? [] : [{ kind: 'record intent', begun }];
}

function hasSteps({ services, before, withdraw, move, keeping, ...parts }: Rollout): boolean {
  return move !== undefined || Object.values(parts).some((steps) => steps.length > 0);
}

/**
 * One rollout, and so one switch, for all services whose dependencies are equally deep. One whose old copy stops before the
 * new one starts has a rollout of its own: it is away from there until its switch, and shall wait for nobody meanwhile.
 */
function planRollouts(
  input: PlanInput,
  services: ReadonlyMap<string, ServicePlan>,
  hooks: ReadonlyMap<string, HookPlan>,
): Rollout[] {
  const done = new Set<string>();
  let before = routesAfter(input, services, done, input.removes);
  const rollouts: Rollout[] = [];
  const levels = dependencyLevels(selectedOf(input));
  for (const names of levels.flatMap((level) => inRollouts(level, services))) {
    for (const name of names) done.add(name);
    const moved = names.filter((name) => services.get(name)!.isMoving);
    const routes = moved.length > 0 ? routesAfter(input, services, done, input.removes) : before;
    const name = moved.join(', ');
    const rollout = rolloutOf(input, names, services, hooks);
    if (rollout.services.length === 0) continue;
    const move = { name, routes, before, moved, servers: [...input.reached] };
    const withdraw = withdrawalOf(input, rollout, before);
    rollouts.push({ ...rollout, before, withdraw, move: moved.length > 0 ? move : undefined });
    before = routes;
  }
  const removals = planRemovals(input, services, rollouts, before);
  // What goes by itself may have traffic where routes are not right: it waits until they are.
  const isMoving = rollouts.some(({ move }) => move !== undefined);
  return isMoving ? [...rollouts, ...removals] : [...removals, ...rollouts];
}

/** Routes on which nobody is sent any more to what is drained before it stops; it stays what its worker's route leads to. */
function withdrawalOf(
  { reached }: PlanInput,
  { stop }: Rollout,
  before: readonly Route[],
): TrafficMove | undefined {
  const leaving = new Set(
    stop.flatMap(({ service, drainTimeoutMs, isHeld }) =>
      drainTimeoutMs === undefined || isHeld ? [] : [service],
    ),
  );
  if (leaving.size === 0) return undefined;
  const routes = before.map((route) => (leaving.has(route.service) ? { ...route, ports: [] } : route));
  const name = `withdraw ${[...leaving].join(', ')}`;
  return { name, routes, before: [...before], moved: [], servers: [...reached] };
}

/** What is away already comes first; what works still stops when all that changes beside it serves. */
function inRollouts(level: readonly string[], services: ReadonlyMap<string, ServicePlan>): string[][] {
  const stopped = (name: string) => services.get(name)!.rollout.stop;
  const beside = level.filter((name) => stopped(name).length === 0);
  const replaced = level.filter((name) => stopped(name).length > 0);
  const works = (name: string) => stopped(name).some(({ isWorking }) => isWorking);
  const alone = (names: readonly string[]) => names.map((name) => [name]);
  return [...alone(replaced.filter((name) => !works(name))), beside, ...alone(replaced.filter(works))];
}

function rolloutOf(
  input: PlanInput,
  names: readonly string[],
  services: ReadonlyMap<string, ServicePlan>,
  hooks: ReadonlyMap<string, HookPlan>,
): Rollout {
  const plans = names.map((name) => services.get(name)!);
  const isTouched = (name: string) => {
    const { isMoving, rollout } = services.get(name)!;
    const { preDeploy, postDeploy } = hooks.get(name)!;
    const parts = [...Object.values(rollout), preDeploy, postDeploy];
    return isMoving || parts.some((steps: readonly unknown[]) => steps.length > 0);
  };
  return {
    ...planQueue(input, names, services),
    services: names.filter(isTouched),
    preDeploy: names.flatMap((name) => hooks.get(name)!.preDeploy),
    stop: plans.flatMap(({ rollout }) => rollout.stop),
    start: plans.flatMap(({ rollout }) => rollout.start),
    check: plans.flatMap(({ rollout }) => rollout.check),
    withdraw: undefined,
    move: undefined,
    before: [],
    watch: names.flatMap((name) => watchesOf(input, name, services.get(name)!)),
    postDeploy: names.flatMap((name) => hooks.get(name)!.postDeploy),
    retire: plans.flatMap(({ rollout }) => rollout.retire),
    keeping: names.filter((name) => services.get(name)!.standby.length > 0),
  };
}

/** Services that left the file go last; and where nothing moves, routes that differ are put right here. */
function planRemovals(
  input: PlanInput,
  services: ReadonlyMap<string, ServicePlan>,
  rollouts: readonly Rollout[],
  before: readonly Route[],
): Rollout[] {
  const routes = routesAfter(input, services, new Set(services.keys()), []);
  const isRight = rollouts.some(({ move }) => move !== undefined)
    ? specHash(before) === specHash(routes)
    : input.reached.every((server) => servesAlready(input, server, routes));
  const retired = input.removes.flatMap((name) => removalOf(input, name));
  if (isRight && retired.length === 0) return [];
  // An environment that leaves has nothing to say to a server where it has no sidecar.
  const servers = serversWithRoutes(input);
  return [
    {
      services: [...input.removes],
      hold: [],
      release: [],
      preDeploy: [],
      stop: [],
      start: [],
      check: [],
      withdraw: undefined,
      move: isRight ? undefined : { name: 'routes', routes, before: [...before], moved: [], servers },
      before: [...before],
      watch: [],
      postDeploy: [],
      retire: retired,
      keeping: [],
    },
  ];
}

const UNKNOWN_SPEC = {
  isUnknown: true,
  policy: { strategy: 'toggle', drainTimeoutMs: 120_000, stopGracePeriodMs: 10_000 },
} as const;

/** What is known of a service that left the file: its last release says it, else the defaults do. */
function removedService({ lastReleases }: PlanInput, name: string) {
  return { name, spec: lastReleases.get(name) ?? UNKNOWN_SPEC };
}

/** How the copies of a service go that left the file. */
function removalOf(input: PlanInput, name: string): Retirement[] {
  const service = removedService(input, name);
  return standingCopies(input, name)
    .filter(({ on, copy }) => !isSentTo(input, on, copy))
    .map(({ on, copy }) => retire(service, on.name, copy));
}

function isSentTo(...asked: Parameters<typeof leftOutSenders>): boolean {
  return leftOutSenders(...asked).length > 0;
}

/** Of a server that was left out before, it stays what it was then. */
function planSendsTo(input: PlanInput): Plan['sendsTo'] {
  const left = [...input.excluded].filter(
    (server) => input.state.stale_servers?.[server]?.sends_to === undefined,
  );
  return Object.fromEntries(left.map((server) => [server, placesSentTo(input, server)]));
}

function planStale({ state, excluded, reached, servers, services }: PlanInput): StaleChange {
  const known = Object.keys(state.stale_servers ?? {});
  const isWhole = services.every(({ isSelected }) => isSelected);
  const isGone = (server: string) => servers.every(({ name }) => name !== server);
  return {
    left: [...excluded].filter((server) => !known.includes(server)),
    returned: known.filter((server) => isGone(server) || (isWhole && reached.includes(server))),
  };
}
