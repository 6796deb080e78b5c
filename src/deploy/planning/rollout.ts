import { copyKey } from '../../model/copy.ts';
import { isOverHttp } from '../../model/spec.ts';
import type { Route, RoutePort } from '../../nginx/routes.ts';
import type { CheckedCopy } from '../steps/healthy.ts';
import type { HookStep } from '../steps/hook.ts';
import type { Step } from '../steps/index.ts';
import type { ProbeStep } from '../steps/probe.ts';
import type { HoldStep, ReleaseStep } from '../steps/queue.ts';
import type { StartStep } from '../steps/start.ts';
import type { SwitchStep } from '../steps/switch.ts';
import type { WatchStep } from '../steps/watch.ts';
import type { After, StepGraph } from './graph.ts';
import { drainOf, type Retirement, removeOf, stopOf } from './retirement.ts';

/** A copy that has to prove that it is healthy. */
export type Check = CheckedCopy;

/** How traffic moves. */
export interface TrafficMove {
  /** Names it among the other moves of a run. */
  name: string;
  /** All routes of the environment after it, and as they are before. */
  routes: Route[];
  before: Route[];
  /** The services whose traffic goes to other copies. */
  moved: string[];
  /** Names of the servers whose edge and sidecar get the routes. */
  servers: string[];
}

/** An old copy that has to stop before its successor starts. */
export interface Predecessor extends Retirement {
  /** It does its work until then. */
  isWorking: boolean;
  /** Requests for it wait until its successor serves. */
  isHeld?: true;
}

/** Which requests wait in a rollout, and which go on after it. */
export interface QueuePlan {
  hold: HoldStep[];
  release: ReleaseStep[];
}

/** Services that change together: all they depend on has changed before. */
export interface Rollout extends QueuePlan {
  services: string[];
  /** Before anything else: while they run, everything is as it was. */
  preDeploy: HookStep[];
  /** Takes from the routes what is drained before it has to stop. */
  withdraw: TrafficMove | undefined;
  /** Old copies that must not run beside the new ones: `recreate` only. */
  stop: Predecessor[];
  start: StartStep[];
  check: Check[];
  move: TrafficMove | undefined;
  /** All routes of the environment as they are before it. */
  before: Route[];
  /** Once traffic has moved, and before anything happens to an old copy. */
  watch: WatchStep[];
  /** While the old copies drain. */
  postDeploy: HookStep[];
  retire: Retirement[];
  /** Services of which old copies stand by: what moves from them is probed like what moves from those that go. */
  keeping: readonly string[];
}

/** What a rollout consists of. */
export type RolloutParts = Omit<Rollout, 'services' | 'before'>;

/** Where a rollout's steps end: ids. */
export interface LaidOut {
  /** From then on its services serve as wanted. */
  serving: string[];
  /** From then on what depends on them may change. */
  over: string[];
}

/**
 * layOut adds the steps of a rollout: this is the order that loses no request. Nothing touches an old copy before the
 * traffic has moved on every server and the new copies are proven to have it: a request through the very upstream was
 * answered by one of them. A configuration that nginx has taken proves nothing, for where a new copy's name does not
 * resolve, the old one answers as its backup.
 */
export function layOut(graph: StepGraph, rollout: RolloutParts, after: After): LaidOut {
  const { retire } = rollout;
  const prepared = graph.add(rollout.preDeploy, after);
  const cleared = layOutStops(graph, rollout, prepared);

  const { answering, healthy } = layOutHealth(graph, rollout, cleared);
  // Side by side with the proof of health goes what takes time before traffic can move.
  const staged = graph.aside(stagesOf(rollout), answering);
  const probed = graph.aside(probesOf(rollout), answering);
  const proven = layOutSwitches(graph, rollout, [healthy, staged, probed]);
  const moved = proven.length > 0 ? proven : healthy;
  graph.add(rollout.release, moved);
  const watched = graph.add(rollout.watch, moved);
  const stopped = retire.map((copy) => {
    const drained = graph.add(drainOf(copy), watched);
    const ended = graph.add(isStopped(copy, rollout) ? [] : stopOf(copy), drained);
    graph.add(removeOf(copy), ended);
    return ended;
  });
  graph.add(probeEndsOf(rollout), stopped.length > 0 ? stopped : watched);
  return { serving: watched, over: graph.add(rollout.postDeploy, watched) };
}

/** layOutMove adds the steps of a move of traffic between copies that all serve: it needs no more than its proof. */
export function layOutMove(graph: StepGraph, move: TrafficMove, after: After): string[] {
  return layOutSwitches(graph, { move }, graph.add(stagesOf({ move }), after));
}

/** Whose users nobody serves afterwards sees them off before it stops: out of all routes, and drained. */
function layOutStops(
  graph: StepGraph,
  { withdraw, stop, hold }: Pick<Rollout, 'withdraw' | 'stop' | 'hold'>,
  after: After,
): string[] {
  const withdrawn = withdraw === undefined ? graph.add([], after) : layOutMove(graph, withdraw, after);
  if (stop.length === 0) return withdrawn;
  const held = graph.add(hold, withdrawn);
  return stop.flatMap((one) => {
    const isHeld = one.isHeld && { isHeld: one.isHeld };
    const drained = drainOf(one).map((step) => ({ ...step, isAwaited: true as const, ...isHeld }));
    return graph.add(stopOf(one), graph.add(drained, held));
  });
}

/**
 * Each copy is asked as soon as it has started itself, whatever the others do. One that starts without being asked comes
 * before all that are. It returns where the first answers end, and the proofs of health: ids.
 */
function layOutHealth(
  graph: StepGraph,
  { start, check }: Pick<Rollout, 'start' | 'check'>,
  after: After,
): Record<'answering' | 'healthy', string[]> {
  const started = start.map((step) => ({ copy: copyKey(step), ids: graph.add(step, after) }));
  if (check.length === 0) {
    const all = started.length === 0 ? graph.add([], after) : started.flatMap(({ ids }) => ids);
    return { answering: all, healthy: all };
  }
  const asked = new Set(check.map(copyKey));
  const unasked = started.filter(({ copy }) => !asked.has(copy)).map(({ ids }) => ids);
  const answers = check.map((one) => {
    const own = started.filter(({ copy }) => copy === copyKey(one)).map(({ ids }) => ids);
    return graph.add(answerOf(one), [own.length === 0 ? after : own, unasked]);
  });
  const healthy = check.map((one, index) => graph.add(healthyOf(one), answers[index]));
  return { answering: answers.flat(), healthy: healthy.flat() };
}

/** Each server is switched, and then proven, by itself. It returns where that ends: ids. */
function layOutSwitches(graph: StepGraph, moving: Pick<Rollout, 'move'>, after: After): string[] {
  return switchesOf(moving).flatMap((step) => graph.add(proveOf(step), graph.add(step, after)));
}

/** What had to stop before the new copies started. */
const isStopped = ({ server, id }: Retirement, { stop }: RolloutParts): boolean =>
  stop.some((step) => step.server === server && step.id === id);

const answerOf = (check: Check): Step => ({ kind: 'answer', ...check });
const healthyOf = (check: Check): Step => ({ kind: 'healthy', ...check });

function stagesOf({ move }: Pick<Rollout, 'move'>): Step[] {
  if (move === undefined) return [];
  const { name, routes, servers } = move;
  return [{ kind: 'stage', move: name, routes, servers }];
}

/** Each server for itself: what is proven on one stands, whatever becomes of another. */
function switchesOf({ move }: Pick<Rollout, 'move'>): SwitchStep[] {
  if (move === undefined) return [];
  const { name, routes, before, moved, servers } = move;
  return servers.map((server) => ({ kind: 'switch', move: name, server, servers, routes, before, moved }));
}

const proveOf = ({ move, server, routes, moved }: SwitchStep): Step => ({
  kind: 'prove',
  move,
  server,
  routes,
  moved,
});

function probeEndsOf(rollout: RolloutParts): Step[] {
  return probesOf(rollout).map(({ service }) => ({ kind: 'end probe', service }));
}

/** What moves and had traffic before, over http: a probe that has nobody to answer it would prove nothing. */
function probesOf({ move, retire, keeping, hold }: RolloutParts): ProbeStep[] {
  if (move === undefined) return [];
  const replaced = new Set([...retire.map(({ service }) => service), ...keeping]);
  // Where users wait a probe would wait too, and have the switch wait for it.
  const held = new Set(hold.map(({ service }) => service));
  const isProbed = (service: string) => replaced.has(service) && !held.has(service);
  return move.routes
    .filter(({ service }) => move.moved.includes(service) && isProbed(service))
    .map((route) => ({
      kind: 'probe' as const,
      service: route.service,
      route,
      ports: probedPorts(route, move),
    }))
    .filter(({ ports }) => ports.length > 0);
}

/** A further port that is new is served by nobody before the switch. */
function probedPorts({ service, ports }: Route, { before }: TrafficMove): RoutePort[] {
  const served = before.find((route) => route.service === service)?.ports.map(({ name }) => name) ?? [];
  return ports.filter(
    ({ name, protocol }) => isOverHttp(protocol) && (name === undefined || served.includes(name)),
  );
}
