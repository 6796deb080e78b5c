import { scopeName } from '../../model/names.ts';
import { type Route, type RoutedCopy, withDomainsOf } from '../../nginx/routes.ts';
import { routesOf } from '../../nginx/tree.ts';
import type { PlanInput } from './input.ts';
import type { ObservedNginx } from './observed.ts';
import { copiesOn, serversWithRoutes } from './observed-copies.ts';
import type { TrafficMove } from './rollout.ts';
import { isPublished, servedBy } from './routed-copies.ts';

/**
 * planReconcile returns the move that comes before everything else where edges and sidecars do not agree which copies have
 * the traffic: a run was cut off while it switched. All of these serve somebody then, and none may be touched. The newest
 * that run get all: they were healthy before anything was sent to them, and the older ones can be drained. It comes too
 * where a copy that has the traffic is gone while others or its backup serve, and where an nginx may be in the middle of a
 * reload: what it serves next is not what was seen. Undefined when all agree. Pure.
 */
export function planReconcile(input: PlanInput, routesNow: readonly Route[]): TrafficMove | undefined {
  const contested = new Map(
    routesNow.flatMap((route) => {
      const served = servedIn(input, route.service);
      const isLeft = served.some(({ copies }) => copies.some(({ server }) => !isThere(route, server)));
      return isLeft || isContested(served, route) ? [[route.service, served] as const] : [];
    }),
  );
  if (contested.size === 0 && !mayBeReloading(input)) return undefined;
  const routes = routesNow.map((route) => {
    const served = contested.get(route.service);
    return served === undefined ? route : reconciled(input, route, served);
  });
  return { name: 'reconcile', routes, before: [...routesNow], moved: [], servers: serversWithRoutes(input) };
}

/** One that was told to read what it does not serve yet; whether it was told at all, only the run knows that was cut off. */
function mayBeReloading({ scope, observed }: PlanInput): boolean {
  const told = ({ tree }: ObservedNginx) =>
    tree.folders[tree.live].manifest?.scopes[scopeName(scope)]?.generation;
  return observed
    .flatMap(({ sidecar, edge }) => [sidecar, edge])
    .some((nginx) => nginx?.isRunning && nginx.generation !== told(nginx));
}

/** A route as an edge or sidecar has it, and the copies that it sends traffic to: those of its zone. */
interface Served {
  zone: string;
  route: Route;
  copies: RoutedCopy[];
}

function servedIn(input: PlanInput, service: string): Served[] {
  return input.observed.flatMap(({ name, sidecar, edge }) => {
    const zone = zoneOf(input, name);
    return [sidecar, edge]
      .flatMap((nginx) => routesOf(servedBy(input.scope, nginx)))
      .filter((route) => route.service === service)
      .map((route) => {
        const copies = route.copies.filter(({ server }) => zoneOf(input, server) === zone);
        return { zone, route, copies };
      });
  });
}

function zoneOf({ servers }: PlanInput, server: string): string {
  return servers.find(({ name }) => name === server)?.zone ?? '';
}

function isThere({ copies }: Route, server: string): boolean {
  return copies.some((copy) => copy.server === server);
}

/** One nginx sends a server's traffic to slots to which another one does not. */
function isContested(served: readonly Served[], now: Pick<Route, 'copies'>): boolean {
  const slots = new Map<string, string>();
  return [...served, now].some(({ copies }) =>
    [...new Set(copies.map(({ server }) => server))].some((server) => {
      const here = copies.filter((copy) => copy.server === server).map(({ slot }) => slot);
      const text = here.sort().join();
      const other = slots.get(server) ?? text;
      slots.set(server, text);
      return other !== text;
    }),
  );
}

/** The newest route of all whose copies run; where they do not all run any more, the newest of each zone. */
function reconciled(input: PlanInput, now: Route, served: readonly Served[]): Route {
  const all = [...served].sort((a, b) => age(input, b.route.copies, b) - age(input, a.route.copies, a));
  const newest = all.find((one) => isReachedFrom(input, now.service, one, all[0]!)) ?? all[0];
  if (newest === undefined || !isContested(served, { copies: [] })) return now;
  const byZone = [...served].sort((a, b) => age(input, a.copies, a) - age(input, b.copies, b));
  const ofZones = [...new Map(byZone.map((one) => [one.zone, one])).values()];
  const isWhole = age(input, newest.route.copies, newest) > 0;
  const moved = (isWhole ? newest.route.copies : ofZones.flatMap((one) => one.copies)).flatMap((copy) =>
    asObserved(input, now.service, copy),
  );
  const copies = input.servers.flatMap(({ name }) => {
    const there = (copy: RoutedCopy) => copy.server === name;
    const isSeen = input.reached.includes(name);
    // The newest route has left a server where it names others of the zone that are reached from there.
    const isLeft =
      isWhole &&
      isSeen &&
      moved.some((copy) => zoneOf(input, copy.server) === zoneOf(input, name) && !copy.isUnpublished);
    const here = isSeen ? moved.filter(there) : [];
    const standing = now.copies.filter(there);
    // What other servers do not reach is in no route of theirs.
    const isOwn = standing.some(({ isUnpublished }) => isUnpublished);
    return here.length > 0 || (isLeft && !isOwn) ? here : standing;
  });
  // Who was promised a domain keeps it until the plan that follows says otherwise.
  const whole = withDomainsOf(
    newest.route,
    all.map(({ route }) => route),
  );
  return { ...whole, copies };
}

/**
 * Whether a route may have the traffic in the place of the newest one: where that leads to a copy that other servers do not
 * reach, this one leads to another of the same server that they do, and all of its copies run.
 */
function isReachedFrom(input: PlanInput, service: string, one: Served, newest: Served): boolean {
  const observed = ({ route }: Served) => route.copies.flatMap((copy) => asObserved(input, service, copy));
  const unreached = observed(newest).filter(({ isUnpublished }) => isUnpublished);
  if (unreached.length === 0) return one === newest;
  const reached = new Set(observed(one).flatMap((copy) => (copy.isUnpublished ? [] : copy.server)));
  return age(input, one.route.copies, one) > 0 && unreached.every(({ server }) => reached.has(server));
}

/** The highest release among the copies that are there; negative where there is none or one does not run. */
function age(input: PlanInput, copies: readonly RoutedCopy[], { route }: Served): number {
  const standing = copies
    .filter(({ server }) => input.reached.includes(server))
    .flatMap((copy) => observedCopy(input, route.service, copy) ?? []);
  const release = Math.max(0, ...standing.map((copy) => copy.release));
  const isAlive = standing.length > 0 && standing.every(({ isRunning }) => isRunning);
  return isAlive ? release : release - Number.MAX_SAFE_INTEGER;
}

/** A copy with what no nginx knows of it: whether other servers reach it. None where it is not there. */
function asObserved(input: PlanInput, service: string, copy: RoutedCopy): RoutedCopy[] {
  const found = observedCopy(input, service, copy);
  const server = input.servers.find(({ name }) => name === copy.server);
  if (found === undefined || server === undefined) return [];
  return [{ ...copy, ...(!isPublished(input, server, found) && { isUnpublished: true as const }) }];
}

function observedCopy(input: PlanInput, service: string, { server, slot }: RoutedCopy) {
  if (!input.reached.includes(server)) return undefined;
  return copiesOn(input, service, server).find((copy) => copy.slot === slot);
}
