import { domainsOfRoute, isServedOn, type Route } from '../../nginx/routes.ts';
import type { DivertStep } from '../steps/divert.ts';
import type { PrepareStep } from '../steps/prepare.ts';
import { doorsOf, frontOf, isNamed, oldSidecarOf } from './adopted.ts';
import type { PlanInput } from './input.ts';
import type { ForeignContainer } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { routesAfter } from './planned-routes.ts';
import type { Retirement } from './retirement.ts';
import { lostNames, servedForOthers } from './served-domains.ts';
import type { ServicePlan } from './service-plan.ts';
import { wantedEdge } from './wanted-edge.ts';

/** How long an nginx may take to end its own work when it is asked to; it is asked when nobody is connected any more. */
export const NGINX_GRACE_MS = 10_000;

/**
 * How what ran before Switchyard leaves, when all services have their traffic: the front gets no new connections,
 * then what it passed them to goes, then it goes itself, and the edge has its ports.
 */
export interface Takeover {
  divert: DivertStep[];
  takenOver: Retirement[];
  nginx: Retirement[];
  open: PrepareStep[];
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
export function planTakeover(input: PlanInput, plans: ReadonlyMap<string, ServicePlan>): TakeoverPlan {
  if (input.removesAll) return { takeover: NO_TAKEOVER, staying: [] };
  const routes = routesAfter(input, plans, new Set(plans.keys()), []);
  const found = input.reached.map((server) => takeoverOn(input, plans, server, routes));
  const all = found.map(({ takeover }) => takeover);
  return {
    takeover: {
      divert: all.flatMap(({ divert }) => divert),
      takenOver: all.flatMap(({ takenOver }) => takenOver),
      nginx: all.flatMap(({ nginx }) => nginx),
      open: all.flatMap(({ open }) => open),
    },
    staying: found.flatMap(({ staying }) => staying),
  };
}

/** Nothing leaves. */
const NO_TAKEOVER: Takeover = { divert: [], takenOver: [], nginx: [], open: [] };

function takeoverOn(
  input: PlanInput,
  plans: ReadonlyMap<string, ServicePlan>,
  server: string,
  routes: readonly Route[],
): TakeoverPlan {
  const observed = observedOn(input, server);
  const takenOver = [...plans.values()]
    .flatMap((plan) => plan.takenOver)
    .filter((one) => one.server === server);
  const isStaying = ({ id }: { id: string }) => !takenOver.some((one) => one.id === id);
  const adopted = observed.copies.filter(({ isAdopted }) => isAdopted);
  // A living run is at it.
  if (adopted.some(({ id }) => input.drainedElsewhere.has(id))) return { takeover: NO_TAKEOVER, staying: [] };

  const front = frontToGo(input, server, routes);
  if (front !== undefined) {
    const lost = lostNames(front, input.nginx, servedAt(input, server, routes));
    const isKept = adopted.some(({ id }) => id === front.id) && isStaying(front);
    const sentence = `${front.name} stays on ${server}: the edge there does not serve ${lost.join(', ')}`;
    if (lost.length > 0 || isKept)
      return { takeover: NO_TAKEOVER, staying: lost.length > 0 ? [sentence] : [] };
  }
  const hasClients = adopted.some((copy) => copy.isRunning && isStaying(copy));
  const sidecar = hasClients ? undefined : oldSidecarOf(input.scope, observed);
  const going = [front, sidecar].filter((one) => one !== undefined).filter(isStaying);
  return {
    takeover: {
      divert: front === undefined ? [] : [divertOf(input, server, front)],
      takenOver,
      nginx: unique(going).map((one) => retireNginx(input, server, one)),
      open:
        front === undefined
          ? []
          : [
              {
                kind: 'prepare',
                server,
                sidecar: undefined,
                edge: 'open',
                wanted: wantedEdge(input, observed),
              },
            ],
    },
    staying: [],
  };
}

/** What the edge of a server serves, and what nobody has to serve any more. A service is served in its zones. */
function servedAt(input: PlanInput, server: string, routes: readonly Route[]): string[] {
  const { scope, servers, nginx } = input;
  const on = servers.find(({ name }) => name === server)!;
  const here = routes.filter((route) => isServedOn(route, on, servers));
  return [
    ...here.flatMap(domainsOfRoute),
    ...(nginx.adopt?.drop ?? []),
    ...servedForOthers(scope, observedOn(input, server)),
  ];
}

/** The front of a server, where the file says that it goes, and there is something to come in its place. */
function frontToGo(input: PlanInput, server: string, routes: readonly Route[]): ForeignContainer | undefined {
  const observed = observedOn(input, server);
  const front = frontOf(observed);
  if (front === undefined || routes.flatMap(domainsOfRoute).length === 0) return undefined;
  return isNamed(input.scope, front, input.nginx.adopt, observed.copies) ? front : undefined;
}

function divertOf(input: PlanInput, server: string, front: ForeignContainer): DivertStep {
  const doors = doorsOf(front, wantedEdge(input, observedOn(input, server)));
  return {
    kind: 'divert',
    server,
    id: front.id,
    name: front.name,
    ports: doors.map(({ port }) => port),
    containerPorts: doors.map(({ containerPort }) => containerPort),
    timeoutMs: longestDrain(input),
  };
}

/** retireNginx returns how an nginx goes that passes everything on: when whoever may take longest has ended. Pure. */
export function retireNginx(
  input: PlanInput,
  server: string,
  { id, name, isRunning, helpers }: Pick<ForeignContainer, 'id' | 'name' | 'isRunning' | 'helpers'>,
): Retirement {
  return {
    service: 'nginx',
    server,
    id,
    name,
    ports: undefined,
    release: 0,
    helpers,
    drainTimeoutMs: isRunning ? longestDrain(input) : undefined,
    graceMs: NGINX_GRACE_MS,
  };
}

/** longestDrain returns how long what serves all services may take to end: as long as the one that may take longest; 0 is without limit. Pure. */
export function longestDrain({ services }: Pick<PlanInput, 'services'>): number {
  const limits = services.map(({ spec }) => spec.policy.drainTimeoutMs);
  return limits.includes(0) ? 0 : Math.max(0, ...limits);
}

function unique(containers: readonly ForeignContainer[]): ForeignContainer[] {
  return [...new Map(containers.map((one) => [one.id, one])).values()];
}
