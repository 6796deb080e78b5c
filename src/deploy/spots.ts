import { type Scope, scopeName } from '../model/names.ts';
import type { Side } from '../model/side.ts';
import type { ServerSpec } from '../model/spec.ts';
import type { Placement, Route } from '../nginx/routes.ts';
import { activeSides, type ManifestScope, routesOf } from '../nginx/tree.ts';
import type { ObservedContainer, ObservedNginx, ObservedServer } from './observed.ts';
import type { Standing } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/** An input never changes, and the planner asks the same of it for every service and level: it is looked at once. */
function once<T>(look: (input: PlanInput) => T): (input: PlanInput) => T {
  const seen = new WeakMap<PlanInput, { found: T }>();
  return (input) => {
    const known = seen.get(input) ?? { found: look(input) };
    seen.set(input, known);
    return known.found;
  };
}

/**
 * spotOf returns the container that the live routes point to, and the other side's. Where that one is gone, the
 * other side is the backup that serves. The record is asked only where there is no route.
 */
export function spotOf(input: PlanInput, service: string, host: string) {
  const containers = containersAt(input, service, host);
  const routed = routedSide(input, service, host);
  const active =
    routed === undefined
      ? (containers.find(({ isAdopted, isRunning }) => isAdopted && isRunning) ??
        containers.find(({ side }) => side === recordedSide(input, service, host)) ??
        containers.find(({ isRunning }) => isRunning) ??
        containers[0])
      : (containers.find(({ side }) => side === routed) ?? containers.find(({ isRunning }) => isRunning));
  const others = containers.filter((container) => container !== active);
  return { active, idle: others.find(({ isAdopted }) => !isAdopted) ?? others[0] };
}

/**
 * servedBy returns what an edge or sidecar serves of an environment: what the running nginx has read, which is
 * not what the pointer names where a run was cut off before its reload; else what it will read when it starts.
 */
export function servedBy(scope: Scope, nginx: ObservedNginx | undefined): ManifestScope | undefined {
  if (nginx === undefined) return undefined;
  const { tree, slot, generation, isRunning } = nginx;
  if (isRunning && generation === undefined) return undefined;
  return tree.slots[slot].manifest?.scopes[scopeName(scope)];
}

/** servingRelease returns the highest release of a service's containers that any edge or sidecar sends traffic to. */
export function servingRelease(scope: Scope, observed: readonly ObservedServer[], service: string): number {
  const placements = observed
    .flatMap(({ sidecar, edge }) => [servedBy(scope, sidecar), servedBy(scope, edge)])
    .flatMap((served) => served?.routes[service]?.placements ?? []);
  const containers = observed.flatMap(({ host, containers: all }) =>
    all.filter(
      (container) =>
        container.service === service &&
        placements.some((placement) => placement.host === host && placement.side === container.side),
    ),
  );
  return Math.max(0, ...containers.map(({ release }) => release));
}

/** routedSide returns the side that the live routes point to. The server's own sidecar says it; where a run was cut off during a first switch, only others may know yet. */
export function routedSide(input: PlanInput, service: string, host: string): Side | undefined {
  return routedSides(input).get(host)?.get(service);
}

/** The sides that the live routes point to, by host and service. */
const routedSides = once((input) => {
  const zones = new Map(input.servers.map(({ host, zone }) => [host, zone]));
  const sides = input.observed.map(({ host, sidecar, edge }) => {
    const neighbours = input.observed.filter((server) => zones.get(server.host) === zones.get(host));
    const all = [sidecar, edge, ...neighbours.flatMap((server) => [server.sidecar, server.edge])];
    const found = new Map<string, Side>();
    for (const nginx of all) {
      for (const [service, side] of activeSides(servedBy(input.scope, nginx), host)) {
        if (!found.has(service)) found.set(service, side);
      }
    }
    return [host, found] as const;
  });
  return new Map(sides);
});

/**
 * liveRoutes returns the routes that edges and sidecars serve, with the placements as they are now. Where some of
 * them were not reached by a change of domains, the old ones and the new ones count.
 */
export const liveRoutes = once((input): ReadonlyMap<string, Route> => {
  const live = new Map<string, Route>();
  for (const { edge, sidecar } of input.observed) {
    for (const route of [edge, sidecar].flatMap((nginx) => routesOf(servedBy(input.scope, nginx)))) {
      const domains = new Set([...(live.get(route.service)?.domains ?? []), ...route.domains]);
      live.set(route.service, { ...route, domains: [...domains] });
    }
  }
  const placed = [...live.values()].map((route) => ({
    ...route,
    placements: currentPlacements(input, route.service),
  }));
  return new Map(
    placed.filter(({ placements }) => placements.length > 0).map((route) => [route.service, route]),
  );
});

function recordedSide(input: PlanInput, service: string, host: string) {
  return input.state.services[service]?.servers.find((server) => server.host === host)?.side;
}

/**
 * currentPlacements returns where a service's traffic goes now. A copy that is gone does not count where others of
 * its zone serve; where none does, the other side serves as its backup.
 */
export function currentPlacements(input: PlanInput, service: string): Placement[] {
  const found = input.servers.flatMap((server) => placementOn(input, service, server));
  return found
    .filter(
      ({ zone, isBackup }) => !isBackup || !found.some((other) => other.zone === zone && !other.isBackup),
    )
    .map(({ host, side }) => ({ host, side }));
}

function placementOn(input: PlanInput, service: string, { host, zone }: ServerSpec) {
  if (input.excluded.has(host)) return [];
  if (!input.hosts.includes(host)) {
    // A server that the run does not look at: the record is all there is.
    const side = recordedSide(input, service, host);
    return side === undefined ? [] : [{ host, zone, side, isBackup: false }];
  }
  const routed = routedSide(input, service, host);
  const { active } = spotOf(input, service, host);
  if (routed === undefined || active === undefined) return [];
  const isBackup = active.side !== routed;
  // Going back is not to a container that the failed run has started where another one was gone.
  return isBackup && input.keepsActive ? [] : [{ host, zone, side: active.side, isBackup }];
}

/** currentStanding returns the copies of a service that had the traffic when the servers were looked at. */
export function currentStanding(input: PlanInput, service: string): Standing[] {
  const recorded = input.state.services[service]?.release ?? 0;
  return currentPlacements(input, service).map(({ host, side }) => {
    const found = input.observed.find((server) => server.host === host)?.containers ?? [];
    const container = found.find((candidate) => candidate.service === service && candidate.side === side);
    return { host, side, release: container?.release ?? recorded };
  });
}

/** hostsWithAdopted returns the servers on which something runs that a service takes over. */
export function hostsWithAdopted(input: PlanInput, service: string): string[] {
  return input.hosts.filter((host) => containersAt(input, service, host).some(({ isAdopted }) => isAdopted));
}

/** hostsWithSidecar returns the servers that can be given routes. */
export function hostsWithSidecar(input: PlanInput): string[] {
  return input.hosts.filter((host) => observedAt(input, host).sidecar !== undefined);
}

/** observedAt returns what was found on one server. */
export function observedAt(input: PlanInput, host: string): ObservedServer {
  const found = input.observed.find((server) => server.host === host);
  if (found === undefined) throw new Error(`${host} was not observed`);
  return found;
}

/** containersAt returns a service's containers on one server: two at most. */
export function containersAt(input: PlanInput, service: string, host: string): ObservedContainer[] {
  return observedAt(input, host).containers.filter((container) => container.service === service);
}
