import type { Placement, Route } from '../nginx/routes.ts';
import { routesOf } from '../nginx/tree.ts';
import type { SwitchStep } from './plan.ts';
import type { PlanInput } from './plan-input.ts';
import { hostsWithSidecar, observedAt, servedBy } from './spots.ts';

/**
 * planSettle returns the switch that comes before everything else where edges and sidecars do not agree which
 * sides have the traffic: a run was cut off while it switched. Both sides serve somebody then, and neither may be
 * touched. The newest side that runs gets all: it was healthy before anything was sent to it, and the older one
 * can be drained. Undefined when all agree. Pure.
 */
export function planSettle(input: PlanInput, routesNow: readonly Route[]): SwitchStep | undefined {
  const contested = new Map(
    routesNow.flatMap((route) => {
      const served = servedIn(input, route.service);
      return isContested(served) ? [[route.service, served] as const] : [];
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

function isContested(served: readonly Served[]): boolean {
  const placements = served.flatMap((one) => one.placements);
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
  if (newest === undefined) return now;
  const byZone = [...served].sort((a, b) => age(input, a.placements, a) - age(input, b.placements, b));
  const ofZones = [...new Map(byZone.map((one) => [one.zone, one])).values()];
  const isWhole = age(input, newest.route.placements, newest) > 0;
  const moved = isWhole ? newest.route.placements : ofZones.flatMap((one) => one.placements);
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

/** The highest release among copies that are looked at; negative where one of them does not run. */
function age(input: PlanInput, placements: readonly Placement[], { route }: Served): number {
  const standing = placements
    .filter(({ host }) => input.hosts.includes(host))
    .map(({ host, side }) =>
      observedAt(input, host).containers.find(
        (container) => container.service === route.service && container.side === side,
      ),
    );
  const release = Math.max(0, ...standing.map((container) => container?.release ?? 0));
  return standing.every((container) => container?.isRunning) ? release : release - Number.MAX_SAFE_INTEGER;
}
