import type { Placement, Route } from '../../nginx/routes.ts';
import { routesOf } from '../../nginx/tree.ts';
import type { SwitchStep } from './plan.ts';
import type { PlanInput } from './plan-input.ts';
import { containersAt, hostsWithSidecar, servedBy } from './spots.ts';

/**
 * planSettle returns the switch that comes before everything else where edges and sidecars do not agree which
 * sides have the traffic: a run was cut off while it switched. Both sides serve somebody then, and neither may be
 * touched. The newest side that runs gets all: it was healthy before anything was sent to it, and the older one
 * can be drained. It comes too where a copy that has the traffic is gone while others or its backup serve.
 * Undefined when all agree. Pure.
 */
export function planSettle(input: PlanInput, routesNow: readonly Route[]): SwitchStep | undefined {
  const contested = new Map(
    routesNow.flatMap((route) => {
      const served = servedIn(input, route.service);
      const isLeft = served.some(({ placements }) => placements.some(({ host }) => !isThere(route, host)));
      return isLeft || isContested(served, route) ? [[route.service, served] as const] : [];
    }),
  );
  if (contested.size === 0) return undefined;
  const routes = routesNow.map((route) => {
    const served = contested.get(route.service);
    return served === undefined ? route : settled(input, route, served);
  });
  return { kind: 'switch', routes, moved: [], hosts: hostsWithSidecar(input) };
}

/** A route as an edge or sidecar has it, and the placements that it sends traffic to: those of its zone. */
interface Served {
  zone: string;
  route: Route;
  placements: Placement[];
}

function servedIn(input: PlanInput, service: string): Served[] {
  return input.observed.flatMap(({ host, sidecar, edge }) => {
    const zone = zoneOf(input, host);
    return [sidecar, edge]
      .flatMap((nginx) => routesOf(servedBy(input.scope, nginx)))
      .filter((route) => route.service === service)
      .map((route) => {
        const placements = route.placements.filter((placement) => zoneOf(input, placement.host) === zone);
        return { zone, route, placements };
      });
  });
}

function zoneOf(input: PlanInput, host: string): string {
  return input.servers.find((server) => server.host === host)?.zone ?? '';
}

function isThere({ placements }: Route, host: string): boolean {
  return placements.some((placement) => placement.host === host);
}

function isContested(served: readonly Served[], now: Route): boolean {
  const placements = [...served.flatMap((one) => one.placements), ...now.placements];
  return placements.some(({ host, side }) =>
    placements.some((other) => other.host === host && other.side !== side),
  );
}

/** The newest route of all whose copies run; where they do not all run any more, the newest of each zone. */
function settled(input: PlanInput, now: Route, served: readonly Served[]): Route {
  const all = [...served].sort(
    (a, b) => age(input, b.route.placements, b) - age(input, a.route.placements, a),
  );
  const newest = all[0];
  if (newest === undefined || !isContested(served, { ...now, placements: [] })) return now;
  const byZone = [...served].sort((a, b) => age(input, a.placements, a) - age(input, b.placements, b));
  const ofZones = [...new Map(byZone.map((one) => [one.zone, one])).values()];
  const isWhole = age(input, newest.route.placements, newest) > 0;
  const moved = (isWhole ? newest.route.placements : ofZones.flatMap((one) => one.placements)).filter(
    (placement) => copyAt(input, now.service, placement) !== undefined,
  );
  const placements = input.servers.flatMap(({ host }) => {
    const there = (placement: Placement) => placement.host === host;
    const isSeen = input.hosts.includes(host);
    // The newest route has left a server where it names others of the zone.
    const isLeft =
      isWhole && isSeen && moved.some((other) => zoneOf(input, other.host) === zoneOf(input, host));
    return (isSeen ? moved.find(there) : undefined) ?? (isLeft ? [] : (now.placements.find(there) ?? []));
  });
  // Who was promised a domain keeps it until the plan that follows says otherwise.
  const domains = [...new Set(all.flatMap(({ route }) => route.domains))];
  return { ...newest.route, domains, placements };
}

/** The highest release among the copies that are there; negative where there is none or one does not run. */
function age(input: PlanInput, placements: readonly Placement[], { route }: Served): number {
  const standing = placements
    .filter(({ host }) => input.hosts.includes(host))
    .flatMap((placement) => copyAt(input, route.service, placement) ?? []);
  const release = Math.max(0, ...standing.map((container) => container.release));
  const isAlive = standing.length > 0 && standing.every(({ isRunning }) => isRunning);
  return isAlive ? release : release - Number.MAX_SAFE_INTEGER;
}

function copyAt(input: PlanInput, service: string, { host, side }: Placement) {
  if (!input.hosts.includes(host)) return undefined;
  return containersAt(input, service, host).find((container) => container.side === side);
}
