import { networkName } from '../../model/names.ts';
import { backendsOf, type Route } from '../../nginx/routes.ts';
import { doorsOf, frontOf, isNamed, oldSidecarOf } from './adopted.ts';
import type { ForeignContainer } from './observed.ts';
import type { DisplacedSidecar, RetireStep, Takeover } from './plan.ts';
import type { PlanInput } from './plan-input.ts';
import { routesAfter } from './planned-routes.ts';
import { lostNames, servedForOthers } from './served-domains.ts';
import type { Outcome } from './service-plan.ts';
import { observedAt } from './spots.ts';

/** An nginx ends its own work when it is asked to; it is asked when nobody is connected any more. */
const NGINX_GRACE_MS = 10_000;

/** displacedSidecar returns the nginx that has the sidecar's name on a server, or had it. Pure. */
export function displacedSidecar(input: PlanInput, host: string): DisplacedSidecar | undefined {
  const found = oldSidecarOf(input.scope, observedAt(input, host));
  if (found === undefined) return undefined;
  const { id, name, networks } = found;
  return { id, name, isInNetwork: networks.includes(networkName(input.scope)) };
}

/** How what ran before leaves, and the fronts that cannot leave yet, as sentences. */
interface TakeoverPlan {
  takeover: Takeover;
  staying: string[];
}

/**
 * planTakeover returns the steps by which what ran before Switchyard leaves the servers. A front goes when the edge
 * serves all that it serves, and until then nothing goes that it may pass requests to. Pure.
 */
export function planTakeover(input: PlanInput, outcomes: ReadonlyMap<string, Outcome>): TakeoverPlan {
  if (input.keepsActive || input.isLeaving) return { takeover: NO_TAKEOVER, staying: [] };
  const routes = routesAfter(input, outcomes, new Set(outcomes.keys()), []);
  const plans = input.hosts.map((host) => takeoverAt(input, outcomes, host, routes));
  const all = plans.map(({ takeover }) => takeover);
  return {
    takeover: {
      divert: all.flatMap(({ divert }) => divert),
      leave: all.flatMap(({ leave }) => leave),
      nginx: all.flatMap(({ nginx }) => nginx),
      open: all.flatMap(({ open }) => open),
    },
    staying: plans.flatMap(({ staying }) => staying),
  };
}

/** Nothing leaves. */
export const NO_TAKEOVER: Takeover = { divert: [], leave: [], nginx: [], open: [] };

function takeoverAt(
  input: PlanInput,
  outcomes: ReadonlyMap<string, Outcome>,
  host: string,
  routes: readonly Route[],
): TakeoverPlan {
  const server = observedAt(input, host);
  const leave = [...outcomes.values()]
    .flatMap((outcome) => outcome.leave)
    .filter((step) => step.host === host);
  const isStaying = ({ id }: { id: string }) => !leave.some((step) => step.id === id);
  const adopted = server.containers.filter(({ isAdopted }) => isAdopted);
  // A living run is at it.
  if (adopted.some(({ id }) => input.drainedElsewhere.has(id))) return { takeover: NO_TAKEOVER, staying: [] };

  const front = frontToGo(input, host, routes);
  if (front !== undefined) {
    const lost = lostNames(front, servedAt(input, host, routes));
    const isKept = adopted.some(({ id }) => id === front.id) && isStaying(front);
    const sentence = `${front.name} stays on ${host}: the edge there does not serve ${lost.join(', ')}`;
    if (lost.length > 0 || isKept)
      return { takeover: NO_TAKEOVER, staying: lost.length > 0 ? [sentence] : [] };
  }
  const hasClients = adopted.some((container) => container.isRunning && isStaying(container));
  const sidecar = hasClients ? undefined : oldSidecarOf(input.scope, server);
  const going = [front, sidecar].filter((one) => one !== undefined).filter(isStaying);
  return {
    takeover: {
      divert: front === undefined ? [] : [divertOf(input, host, front)],
      leave,
      nginx: unique(going).map((one) => leaveOf(input, host, one)),
      open: front === undefined ? [] : [{ kind: 'prepare', host, sidecar: undefined, edge: 'open' }],
    },
    staying: [],
  };
}

/** What the edge of a server serves, and what nobody has to serve any more. A service is served in its zones. */
function servedAt(input: PlanInput, host: string, routes: readonly Route[]): string[] {
  const { scope, servers, nginx } = input;
  const on = servers.find((server) => server.host === host)!;
  const here = routes.filter((route) => backendsOf(scope, route, on, servers).length > 0);
  return [
    ...here.flatMap(({ domains }) => domains),
    ...(nginx.adopt?.drop ?? []),
    ...servedForOthers(scope, observedAt(input, host)),
  ];
}

/** The front of a server, where the file says that it goes, and there is something to come in its place. */
function frontToGo(input: PlanInput, host: string, routes: readonly Route[]): ForeignContainer | undefined {
  const server = observedAt(input, host);
  const front = frontOf(server);
  if (front === undefined || routes.every(({ domains }) => domains.length === 0)) return undefined;
  return isNamed(input.scope, front, input.nginx.adopt, server.containers) ? front : undefined;
}

function divertOf(input: PlanInput, host: string, front: ForeignContainer): Takeover['divert'][number] {
  const doors = doorsOf(front);
  return {
    kind: 'divert',
    host,
    id: front.id,
    name: front.name,
    ports: doors.map(({ port }) => port),
    containerPorts: doors.map(({ containerPort }) => containerPort),
    drainTimeoutMs: longestDrain(input),
  };
}

function leaveOf(
  input: PlanInput,
  host: string,
  { id, name, isRunning, helpers }: ForeignContainer,
): RetireStep {
  return {
    kind: 'retire',
    service: 'nginx',
    host,
    id,
    name,
    containerPort: undefined,
    release: 0,
    helpers,
    drainTimeoutMs: isRunning ? longestDrain(input) : undefined,
    graceMs: NGINX_GRACE_MS,
  };
}

/** What serves all services has as long as the one that may take longest; 0 is without limit. */
function longestDrain({ services }: PlanInput): number {
  const limits = services.map(({ spec }) => spec.policy.drainTimeoutMs);
  return limits.includes(0) ? 0 : Math.max(0, ...limits);
}

function unique(containers: readonly ForeignContainer[]): ForeignContainer[] {
  return [...new Map(containers.map((one) => [one.id, one])).values()];
}
