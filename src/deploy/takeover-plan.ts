import { networkName } from '../model/names.ts';
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

/**
 * planTakeover returns the steps by which what ran before Switchyard leaves the servers. A front goes when the edge
 * serves all that it serves, and until then nothing goes that it may pass requests to. Pure.
 */
export function planTakeover(input: PlanInput, outcomes: ReadonlyMap<string, Outcome>): Takeover {
  const none: Takeover = { divert: [], leave: [], nginx: [], open: [] };
  if (input.keepsActive || input.isLeaving) return none;
  const domains = routesAfter(input, outcomes, new Set(outcomes.keys()), []).flatMap(
    (route) => route.domains,
  );
  return input.hosts
    .map((host) => takeoverAt(input, outcomes, host, domains))
    .reduce(
      (all, one) => ({
        divert: [...all.divert, ...one.divert],
        leave: [...all.leave, ...one.leave],
        nginx: [...all.nginx, ...one.nginx],
        open: [...all.open, ...one.open],
      }),
      none,
    );
}

function takeoverAt(
  input: PlanInput,
  outcomes: ReadonlyMap<string, Outcome>,
  host: string,
  domains: readonly string[],
): Takeover {
  const none: Takeover = { divert: [], leave: [], nginx: [], open: [] };
  const server = observedAt(input, host);
  const leave = [...outcomes.values()]
    .flatMap((outcome) => outcome.leave)
    .filter((step) => step.host === host);
  const adopted = server.containers.filter(({ isAdopted }) => isAdopted);
  // A living run is at it.
  if (adopted.some(({ id }) => input.drainedElsewhere.has(id))) return none;
  const front = frontToGo(input, host, domains);
  const drop = input.nginx.adopt?.drop ?? [];
  const served = [...domains, ...drop, ...servedForOthers(input.scope, server)];
  const isStaying = ({ id }: { id: string }) => !leave.some((step) => step.id === id);
  const isNeeded =
    front !== undefined &&
    (lostNames(front, served).length > 0 || (isAdopted(front, adopted) && isStaying(front)));
  if (isNeeded) return none;
  const sidecar = oldSidecarOf(input.scope, server);
  const hasClients = adopted.some((container) => container.isRunning && isStaying(container));
  const nginx = [front, hasClients ? undefined : sidecar].filter((one) => one !== undefined);
  return {
    divert: front === undefined ? [] : [divertOf(input, host, front)],
    leave,
    nginx: unique(nginx)
      .filter(isStaying)
      .map((one) => leaveOf(input, host, one)),
    open: front === undefined ? [] : [{ kind: 'prepare', host, sidecar: undefined, edge: 'open' }],
  };
}

/** The front of a server, where the file says that it goes and there is something to come in its place. */
function frontToGo(input: PlanInput, host: string, domains: readonly string[]): ForeignContainer | undefined {
  const server = observedAt(input, host);
  const front = frontOf(server);
  if (front === undefined || domains.length === 0) return undefined;
  return isNamed(input.scope, front, input.nginx.adopt, server.containers) ? front : undefined;
}

function isAdopted(front: ForeignContainer, adopted: readonly { id: string }[]): boolean {
  return adopted.some(({ id }) => id === front.id);
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

function leaveOf(input: PlanInput, host: string, { id, name, isRunning }: ForeignContainer): RetireStep {
  return {
    kind: 'retire',
    service: 'nginx',
    host,
    id,
    name,
    containerPort: undefined,
    release: 0,
    helpers: [],
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
