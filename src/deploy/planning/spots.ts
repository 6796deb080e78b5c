import { containerName, type Scope, scopeName } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { ServerSpec } from '../../model/spec.ts';
import type { Placement, Route } from '../../nginx/routes.ts';
import { activeSides, type ManifestScope, routesOf } from '../../nginx/tree.ts';
import type { ObservedContainer, ObservedHook, ObservedNginx, ObservedServer } from './observed.ts';
import type { Standing } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { portOf, recordedPort } from './version-ports.ts';

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
 * other side is the backup that serves. The record is asked only where there is no route. `others` are neither: on
 * a side stands one container, unless somebody made more by hand.
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
  const rest = containers.filter((container) => container !== active);
  const ours = rest.filter(({ isAdopted }) => !isAdopted);
  const idle = ours.find(({ side }) => side !== active?.side) ?? ours[0] ?? rest[0];
  return { active, idle, others: rest.filter((container) => container !== idle) };
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

function recordedAt(input: PlanInput, service: string, host: string) {
  return input.state.services[service]?.servers.find((server) => server.host === host);
}

function recordedSide(input: PlanInput, service: string, host: string) {
  return recordedAt(input, service, host)?.side;
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
    .map(({ isBackup, zone, ...placement }) => placement);
}

function placementOn(input: PlanInput, service: string, { host, zone }: ServerSpec) {
  if (input.excluded.has(host)) return [];
  if (!input.hosts.includes(host)) {
    // A server that the run does not look at: the record is all there is.
    const recorded = recordedAt(input, service, host);
    if (recorded === undefined) return [];
    const port = recordedPort(input.scope, service, recorded);
    return [{ host, zone, side: recorded.side, port, isBackup: false }];
  }
  const routed = routedSide(input, service, host);
  const { active } = spotOf(input, service, host);
  if (routed === undefined || active === undefined) return [];
  const isBackup = active.side !== routed;
  // Going back is not to a container that the failed run has started where another one was gone.
  if (isBackup && input.keepsActive) return [];
  return [{ host, zone, side: active.side, port: portOf(active.side, active.versionPort), isBackup }];
}

/** currentStanding returns the copies of a service that had the traffic when the servers were looked at. */
export function currentStanding(input: PlanInput, service: string): Standing[] {
  const recorded = input.state.services[service]?.release ?? 0;
  return currentPlacements(input, service).map((placement) => {
    const found = standingAt(input, service, placement);
    return { ...placement, name: found.name, release: found.release ?? recorded };
  });
}

/** standingAt returns name and release of the copy at a placement, as observed, else as recorded. */
export function standingAt(
  input: PlanInput,
  service: string,
  { host, side }: Placement,
): { name: string; release: number | undefined } {
  if (input.observed.some((server) => server.host === host)) {
    const found = containersAt(input, service, host).find((container) => container.side === side);
    if (found !== undefined) return found;
  }
  const recorded = recordedAt(input, service, host);
  const name = recorded?.side === side ? recorded.container : containerName(input.scope, service, side);
  return { name, release: recorded?.release };
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

/** containersAt returns a service's containers on one server: two at most, unless somebody made more; the recorded one first. */
export function containersAt(input: PlanInput, service: string, host: string): ObservedContainer[] {
  const found = observedAt(input, host).containers.filter((container) => container.service === service);
  if (found.length < 2) return found;
  const recorded = recordedAt(input, service, host)?.container;
  return found.sort((a, b) => Number(b.name === recorded) - Number(a.name === recorded));
}

/** copiesAt returns the copies of a service's containers that somebody made by hand on one server. */
export function copiesAt(input: PlanInput, service: string, host: string): ObservedContainer[] {
  return observedAt(input, host).copies.filter((container) => container.service === service);
}

/** hooksOf returns the containers of a service's hooks, with their servers. */
export function hooksOf(input: PlanInput, service: string): (ObservedHook & { host: string })[] {
  return input.observed.flatMap(({ host, hooks }) =>
    hooks.filter((hook) => hook.service === service).map((hook) => ({ ...hook, host })),
  );
}

/** isImageMoved tells whether a service's image name means another image on a server than when its containers were made. */
export function isImageMoved(input: PlanInput, { name, spec }: WantedService, host: string): boolean {
  const named = containersAt(input, name, host).filter(({ image }) => image === spec.container.image);
  const found = observedAt(input, host).images.get(spec.container.image);
  return found !== undefined && named.length > 0 && named.every(({ imageId }) => imageId !== found.id);
}
