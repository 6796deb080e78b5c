import { type Copy, inSlotOrder, type Slot } from '../../model/copy.ts';
import { containerName, type Scope, scopeName } from '../../model/names.ts';
import type { ServerSpec } from '../../model/spec.ts';
import { type Route, type RoutedCopy, withDomainsOf } from '../../nginx/routes.ts';
import { type ManifestScope, routesOf, servedScope, servingSlots } from '../../nginx/tree.ts';
import type { PlanInput } from './input.ts';
import type { ObservedCopy, ObservedNginx, ObservedServer } from './observed.ts';
import { copiesOn, recordedOn } from './observed-copies.ts';
import { portOf, recordedPort } from './version-ports.ts';

/** An input never changes, and the planner asks the same of it for every service and rollout: it is looked at once. */
function once<T>(look: (input: PlanInput) => T): (input: PlanInput) => T {
  const seen = new WeakMap<PlanInput, { found: T }>();
  return (input) => {
    const known = seen.get(input) ?? { found: look(input) };
    seen.set(input, known);
    return known.found;
  };
}

/** The copies of a service on one server, by what they do. */
export interface CopiesOnServer {
  /** Those that have the traffic, or that will have it when their server's nginx is there, in the order of their slots. */
  active: ObservedCopy[];
  /** The others: what drains, and what a run has left, or somebody has made by hand. */
  beside: ObservedCopy[];
}

/**
 * copiesByRole returns the copies that the live routes point to, and those beside them. Where the former are gone, one
 * beside them is the backup that serves. The record is asked only where there is no route. Pure.
 */
export function copiesByRole(input: PlanInput, service: string, server: string): CopiesOnServer {
  const copies = copiesOn(input, service, server);
  const active = activeOf(copies, {
    routed: slotsRouted(input, service, server),
    recorded: recordedOn(input, service, server).map(({ slot }) => slot),
  });
  return { active, beside: copies.filter((copy) => !active.includes(copy)) };
}

function activeOf(
  copies: readonly ObservedCopy[],
  { routed, recorded }: Record<'routed' | 'recorded', readonly Slot[]>,
): ObservedCopy[] {
  const running = copies.find(({ isRunning }) => isRunning);
  const adopted = copies.find(({ isAdopted, isRunning }) => isAdopted && isRunning);
  if (routed.length === 0 && adopted !== undefined) return [adopted];
  const found = [...new Set(routed.length > 0 ? routed : recorded)].flatMap(
    (slot) => copies.find((copy) => copy.slot === slot) ?? [],
  );
  if (found.length > 0) return inSlotOrder(found);
  const instead = running ?? (routed.length > 0 ? undefined : copies[0]);
  return instead === undefined ? [] : [instead];
}

/**
 * servedBy returns what an edge or sidecar serves of an environment: what the running nginx has read, which is
 * not what the pointer names where a run was cut off before its reload; else what it will read when it starts. Pure.
 */
export function servedBy(scope: Scope, nginx: ObservedNginx | undefined): ManifestScope | undefined {
  if (nginx === undefined) return undefined;
  const { tree, folder, generation, isRunning } = nginx;
  if (isRunning && generation === undefined) return undefined;
  return servedScope(tree, folder, scopeName(scope));
}

/** servingRelease returns the highest release among the copies that any edge or sidecar sends traffic to; 0 for none. */
export function servingRelease(scope: Scope, observed: readonly ObservedServer[], service: string): number {
  const routed = observed
    .flatMap(({ sidecar, edge }) => [servedBy(scope, sidecar), servedBy(scope, edge)])
    .flatMap((served) => served?.routes[service]?.copies ?? []);
  const serving = observed.flatMap(({ name, copies }) =>
    copies.filter(
      (copy) =>
        copy.service === service && routed.some(({ server, slot }) => server === name && slot === copy.slot),
    ),
  );
  return Math.max(0, ...serving.map(({ release }) => release));
}

/**
 * slotsRouted returns the slots that the live routes point to on a server. The server's own sidecar says it; where a run
 * was cut off during a first switch, only others may know yet.
 */
export function slotsRouted(input: PlanInput, service: string, server: string): readonly Slot[] {
  return routedSlots(input).get(server)?.get(service) ?? [];
}

/** The slots that the live routes point to, by server and service. */
const routedSlots = once((input) => {
  const zones = new Map(input.servers.map(({ name, zone }) => [name, zone]));
  const slots = input.observed.map(({ name, sidecar, edge }) => {
    const neighbours = input.observed.filter((server) => zones.get(server.name) === zones.get(name));
    const all = [sidecar, edge, ...neighbours.flatMap((server) => [server.sidecar, server.edge])];
    const found = new Map<string, readonly Slot[]>();
    for (const nginx of all) {
      for (const [service, there] of servingSlots(servedBy(input.scope, nginx), name)) {
        if (!found.has(service)) found.set(service, there);
      }
    }
    return [name, found] as const;
  });
  return new Map(slots);
});

/**
 * liveRoutes returns the routes that edges and sidecars serve, with the copies as they are now. Where some of
 * them were not reached by a change of domains, the old ones and the new ones count. What serves on servers that have left
 * the file goes on until its service has moved.
 */
export const liveRoutes = once((input): ReadonlyMap<string, Route> => {
  const live = new Map<string, Route>();
  for (const { edge, sidecar } of input.observed) {
    for (const route of [edge, sidecar].flatMap((nginx) => routesOf(servedBy(input.scope, nginx)))) {
      const known = live.get(route.service);
      live.set(route.service, withDomainsOf(route, known === undefined ? [] : [known]));
    }
  }
  const placed = [...live.values()].map((route) => ({
    ...route,
    copies: withCopiesThatLeft(input, route, servingCopies(input, route.service).map(asRouted)),
  }));
  return new Map(placed.filter(({ copies }) => copies.length > 0).map((route) => [route.service, route]));
});

/** The copies that serve, and those on servers that have left the file, in zones in which no others do. */
function withCopiesThatLeft(
  { services, servers }: PlanInput,
  { service, copies }: Route,
  serving: RoutedCopy[],
): RoutedCopy[] {
  if (services.every(({ name }) => name !== service)) return serving;
  const zones = servers
    .filter(({ name }) => serving.some(({ server }) => server === name))
    .map(({ zone }) => zone);
  const hasLeft = (copy: RoutedCopy) => servers.every(({ name }) => name !== copy.server);
  const left = copies.filter((copy) => copy.at && hasLeft(copy) && !zones.includes(copy.at.zone));
  return [...serving, ...left];
}

/**
 * servingCopies returns the copies that have a service's traffic now. One that is gone does not count where others of
 * its zone serve; where none does, the one beside it serves as its backup. Pure.
 */
export function servingCopies(input: PlanInput, service: string): Copy[] {
  const found = input.servers.flatMap((server) => servingOn(input, service, server));
  return found
    .filter(
      ({ zone, isBackup }) => !isBackup || !found.some((other) => other.zone === zone && !other.isBackup),
    )
    .map(({ copy }) => copy);
}

function servingOn(input: PlanInput, service: string, spec: ServerSpec) {
  const { name: server, zone } = spec;
  if (input.excluded.has(server)) return [];
  if (!input.reached.includes(server)) {
    // A server that the run does not look at: the record is all there is.
    return inSlotOrder(recordedOn(input, service, server)).map((recorded) => {
      const { slot, container: name, release } = recorded;
      const port = recordedPort(input.scope, service, recorded);
      return { zone, isBackup: false, copy: serving({ service, server, slot, name, release, port }) };
    });
  }
  const routed = slotsRouted(input, service, server);
  if (routed.length === 0) return [];
  return copiesByRole(input, service, server).active.map((active) => {
    const { slot, name, release } = active;
    const port = portOf(slot, active.versionPort);
    const published = isPublished(input, spec, active) ? {} : { isUnpublished: true as const };
    const copy = serving({ service, server, slot, name, release, port, ...published });
    return { zone, isBackup: !routed.includes(slot), copy };
  });
}

/**
 * isPublished tells whether the other servers of its zone, if there are any, reach a copy as it was made: one that was
 * alone there has no host port. Pure.
 */
export function isPublished(
  { servers }: Pick<PlanInput, 'servers'>,
  { name, zone, privateIp }: ServerSpec,
  { hostPort, settings }: Pick<ObservedCopy, 'hostPort' | 'settings'>,
): boolean {
  const isAsked = servers.some((other) => other.zone === zone && other.name !== name);
  // A worker has no port that anybody could ask, and a server without a private address publishes none.
  if (!isAsked || !(hostPort > 0) || privateIp === undefined) return true;
  return settings === undefined || settings.ports.length > 0;
}

/** asRouted returns a copy as routes know it. */
export function asRouted({ server, slot, weight, port, isUnpublished }: Copy): RoutedCopy {
  return {
    server,
    slot,
    weight,
    ...(port !== undefined && { port }),
    ...(isUnpublished && { isUnpublished }),
  };
}

/** serving returns a copy that has the traffic. */
export function serving(copy: Omit<Copy, 'weight' | 'state'>): Copy {
  return { ...copy, weight: 1, state: 'serving' };
}

/** copyNamed returns name and release of the copy in a slot, as observed, else as recorded, else as it would be called. Pure. */
export function copyNamed(
  input: PlanInput,
  service: string,
  { server, slot }: Pick<Copy, 'server' | 'slot'>,
): { name: string; release: number | undefined } {
  if (input.observed.some(({ name }) => name === server)) {
    const found = copiesOn(input, service, server).find((copy) => copy.slot === slot);
    if (found !== undefined) return found;
  }
  const recorded = recordedOn(input, service, server);
  const there = recorded.find((copy) => copy.slot === slot);
  const name = there?.container ?? containerName(input.scope, service, slot);
  return { name, release: (there ?? recorded[0])?.release };
}
