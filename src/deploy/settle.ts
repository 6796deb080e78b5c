import type { Route } from '../nginx/routes.ts';
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

/** A route as an edge or sidecar has it, with the placements that it sends traffic to: those of its zone. */
interface Served {
  zone: string;
  route: Route;
}

function servedIn(input: PlanInput, service: string): Served[] {
  const zoneOf = (host: string) => input.servers.find((server) => server.host === host)?.zone ?? '';
  return input.observed.flatMap(({ host, sidecar, edge }) => {
    const zone = zoneOf(host);
    return [sidecar, edge]
      .flatMap((nginx) => routesOf(servedBy(input.scope, nginx)))
      .filter((route) => route.service === service)
      .map((route) => {
        const placements = route.placements.filter((placement) => zoneOf(placement.host) === zone);
        return { zone, route: { ...route, placements } };
      });
  });
}

function isContested(served: readonly Served[]): boolean {
  const placements = served.flatMap(({ route }) => route.placements);
  return placements.some(({ host, side }) =>
    placements.some((other) => other.host === host && other.side !== side),
  );
}

/** The newest route, with the newest placements of each zone. */
function settled(input: PlanInput, now: Route, served: readonly Served[]): Route {
  const byAge = [...served].sort((a, b) => ageOf(input, b.route) - ageOf(input, a.route));
  const zones = [...new Map([...byAge].reverse().map((one) => [one.zone, one])).values()];
  const newest = zones.flatMap(({ route }) => route.placements);
  const placements = [
    ...now.placements.filter(({ host }) => !newest.some((placement) => placement.host === host)),
    ...newest,
  ];
  const inOrder = input.servers.flatMap(({ host }) =>
    placements.filter((placement) => placement.host === host),
  );
  // Who was promised a domain keeps it until the plan that follows says otherwise.
  const domains = [...new Set(byAge.flatMap(({ route }) => route.domains))];
  return { ...(byAge[0]?.route ?? now), domains, placements: inOrder };
}

/** The highest release behind a route; below all others where a container of it does not run. */
function ageOf(input: PlanInput, route: Route): number {
  const standing = route.placements.map(({ host, side }) =>
    observedAt(input, host).containers.find(
      (container) => container.service === route.service && container.side === side,
    ),
  );
  const release = Math.max(0, ...standing.map((container) => container?.release ?? 0));
  return standing.every((container) => container?.isRunning) ? release : release - Number.MAX_SAFE_INTEGER;
}
