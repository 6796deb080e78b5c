import { acrossFrom, laneOf, type Slot, slotIndex } from '../model/copy.ts';
import { type Scope, scopeName } from '../model/names.ts';
import { hostPort } from '../model/ports.ts';
import { isOverHttp, specHash } from '../model/spec.ts';
import {
  backendsOf,
  type NginxKind,
  type Route,
  type RoutedCopy,
  type RouteServer,
  reachedCopies,
  routesFrom,
  servedPorts,
} from './routes.ts';

/**
 * A route whose copies stand on one side each: every copy has two of its own. Both ways to share its traffic are written in the configuration, and a
 * flag, a file that is there or not, says by which of them it goes (docs/architecture.md, "The switch"). Both are the same
 * whichever is the way now: so traffic moves from side to side without a change to the configuration.
 */
export interface Sides {
  /** The name of the flag: it says which addresses it is about, so that none is taken for that of others. */
  flag: string;
  /** The route without the flag, and with it. */
  plain: Route;
  flagged: Route;
  /** By which of the two the traffic goes. */
  isFlagged: boolean;
  /** The slots of the one copy on the server itself, on either way: each server may stand on another side. */
  own: OwnSlots | undefined;
}

/** Where the copy on the server itself stands without the flag and with it. */
export interface OwnSlots {
  plain: Slot;
  flagged: Slot;
}

/**
 * sidesOf returns the two ways of a route as one server has them. Undefined where there are none: copies with shares of
 * their own, in slots that are not the first ones, or at ports of their version, lead elsewhere the next time. Pure.
 */
export function sidesOf(
  scope: Scope,
  route: Route,
  on: RouteServer,
  servers: readonly RouteServer[],
): Sides | undefined {
  const reached = reachedCopies(route, on, servers);
  const first = [...reached].sort(byPlace)[0];
  if (first === undefined || !isOneSideEach(route, reached, on)) return undefined;
  const isFlagged = slotIndex(first.slot) > slotIndex(acrossFrom(first.slot));
  const across = routeAcross(route);
  const [plain, flagged] = isFlagged ? [across, route] : [route, across];
  const slotsOf = ({ copies }: Route) => copies.filter(({ server }) => server === on.name);
  const [plainCopy, ...others] = slotsOf(plain);
  const [flaggedCopy] = slotsOf(flagged);
  // Of several no one is sent all the traffic, be it for a second.
  const own =
    plainCopy && flaggedCopy && others.length === 0
      ? { plain: plainCopy.slot, flagged: flaggedCopy.slot }
      : undefined;
  return { flag: flagName(scope, plain, on, servers), plain, flagged, isFlagged, own };
}

/**
 * directFlag returns the name of a second flag beside the flag of a service: while it is there, requests go to the copy on
 * the server itself by its name, which nginx asks for with each request. What a name in an upstream means it learns a
 * second later; by that a new copy would have to wait for its traffic. It is there for as long as that takes.
 */
export function directFlag(flag: string): string {
  return `${flag}${DIRECT}`;
}

/** isDirectFlag tells such a second flag from others. */
export function isDirectFlag(flag: string): boolean {
  return flag.endsWith(DIRECT);
}

const DIRECT = '.direct';

/** The flag of one service in an nginx. */
export interface RouteFlag {
  name: string;
  isSet: boolean;
  /** What goes to a copy on the server itself can go there directly for a moment, see `directFlag`. */
  own: OwnSlots | undefined;
  /** The copies that have the traffic without it and with it, as `routesFrom` has them. */
  plain: RoutedCopy[];
  flagged: RoutedCopy[];
}

/**
 * flagsOf returns the flags of the services that an nginx of one server moves by them, by service: all that have a port of
 * http there, and workers. A tcp port moves by a reload, which no connection of it notices. Pure.
 */
export function flagsOf(
  kind: NginxKind,
  scope: Scope,
  routes: readonly Route[],
  on: RouteServer,
  servers: readonly RouteServer[],
): Map<string, RouteFlag> {
  const copiesOf = (route: Route) => routesFrom([route], on, servers)[0]!.copies;
  const found = routes.flatMap((route) => {
    const isWorker = kind === 'sidecar' && route.ports.length === 0;
    if (!isWorker && servedPorts(kind, route).every(({ protocol }) => !isOverHttp(protocol))) return [];
    const sides = sidesOf(scope, route, on, servers);
    if (sides === undefined) return [];
    const { flag: name, isFlagged: isSet, plain, flagged } = sides;
    const own = isWorker ? undefined : sides.own;
    return [
      [route.service, { name, isSet, own, plain: copiesOf(plain), flagged: copiesOf(flagged) }] as const,
    ];
  });
  return new Map(found);
}

function isOneSideEach(route: Route, reached: readonly RoutedCopy[], on: Pick<RouteServer, 'name'>): boolean {
  const isAlike = reached.every(({ weight }) => weight > 0 && weight === reached[0]!.weight);
  const [main] = route.ports;
  const isKnown = ({ server, slot, port }: RoutedCopy) =>
    server === on.name || port === undefined || main === undefined || port === hostPort(main.hostPort, slot);
  return isAlike && reached.every(isKnown) && reached.every(({ server }) => areFirst(server, reached));
}

/** On each server as many copies stand in the first lanes, one in each: there the next ones stand on the other sides. */
function areFirst(server: string, reached: readonly RoutedCopy[]): boolean {
  const lanes = reached.filter((copy) => copy.server === server).map(({ slot }) => laneOf(slot));
  return new Set(lanes).size === lanes.length && lanes.every((lane) => lane < lanes.length);
}

function byPlace(a: RoutedCopy, b: RoutedCopy): number {
  if (a.server !== b.server) return a.server < b.server ? -1 : 1;
  return slotIndex(a.slot) - slotIndex(b.slot);
}

/** The same route when each copy's traffic has gone to the other side of its server. */
function routeAcross(route: Route): Route {
  const [main] = route.ports;
  const copies = route.copies.map((copy): RoutedCopy => {
    const slot = acrossFrom(copy.slot);
    const { port: _, ...rest } = copy;
    return { ...rest, slot, ...(main && { port: hostPort(main.hostPort, slot) }) };
  });
  return { ...route, copies };
}

function flagName(scope: Scope, plain: Route, on: RouteServer, servers: readonly RouteServer[]): string {
  const addresses =
    plain.ports.length === 0
      ? plain.copies.map(({ server, slot }) => [server, slot])
      : plain.ports.map((port) => backendsOf(scope, plain, port, on, servers));
  return `${scopeName(scope)}.${plain.service}.${specHash(addresses)}`;
}
