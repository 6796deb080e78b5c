import { SLOTS, type Slot } from '../../model/copy.ts';
import type { CopyPlace, EnvironmentState } from '../../model/release.ts';
import type { ServerSpec } from '../../model/spec.ts';
import type { PlanInput } from './input.ts';
import type { ObservedCopy } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { isPublished } from './routed-copies.ts';

/**
 * leftOutSenders returns the servers that a run leaves out and whose nginx may still send requests to a copy. Nobody can ask
 * them, and they may live: the copy stands by until a run has given them their routes, or they have left the file. The
 * record says where a server sent requests when it was left out; until it does, that is wherever a copy runs. Pure.
 */
export function leftOutSenders(input: PlanInput, on: ServerSpec, copy: ObservedCopy): string[] {
  if (input.removesAll || !isReachedByOthers(input, on, copy)) return [];
  return leftOutIn(input, on.zone).filter((server) => {
    const isUnknown = input.state.stale_servers?.[server]?.sends_to === undefined;
    return isUnknown || recordedSenders(input.state, on.name, copy).includes(server);
  });
}

/**
 * slotsSentTo returns the slots of a service on a server to which servers that are left out send requests, whether a copy
 * stands there or not: a new one would have traffic before it is healthy. Pure.
 */
export function slotsSentTo(input: PlanInput, { name, zone }: ServerSpec, service: string): Slot[] {
  const places = leftOutIn(input, zone).flatMap(
    (server) => input.state.stale_servers?.[server]?.sends_to ?? [],
  );
  return places.filter((place) => place.server === name && place.service === service).map(({ slot }) => slot);
}

/** placesSentTo returns where a server that is left out now may send requests, for the record. Pure. */
export function placesSentTo(input: PlanInput, server: string): CopyPlace[] {
  const zone = input.servers.find(({ name }) => name === server)?.zone;
  return input.servers
    .filter((on) => on.zone === zone && input.reached.includes(on.name))
    .flatMap((on) =>
      observedOn(input, on.name)
        .copies.filter((copy) => isReachedByOthers(input, on, copy))
        .map(({ service, slot }) => ({ service, server: on.name, slot })),
    );
}

/** recordedSenders returns the servers that were left out and sent requests to the place of a copy then, by the record. Pure. */
export function recordedSenders(
  { stale_servers: stale = {} }: Pick<EnvironmentState, 'stale_servers'>,
  server: string,
  copy: Pick<ObservedCopy, 'service' | 'slot'>,
): string[] {
  return Object.entries(stale).flatMap(([name, { sends_to: places = [] }]) =>
    places.some((place) => isAt(place, server, copy)) ? [name] : [],
  );
}

/** isCrowded tells whether a service has too few slots left for so many new copies on a server. Pure. */
export function isCrowded(taken: Iterable<Slot>, count: number): boolean {
  return SLOTS.length - new Set(taken).size < count;
}

function leftOutIn({ servers, excluded }: PlanInput, zone: string): string[] {
  return servers
    .filter((server) => server.zone === zone && excluded.has(server.name))
    .map(({ name }) => name);
}

/** Other servers send requests to the host port of a copy that runs. */
function isReachedByOthers(input: PlanInput, on: ServerSpec, copy: ObservedCopy): boolean {
  const { isAdopted, isRunning, hostPort } = copy;
  const hasPort = !isAdopted && hostPort > 0 && on.privateIp !== undefined;
  return isRunning && hasPort && isPublished(input, on, copy);
}

function isAt(
  place: CopyPlace,
  server: string,
  { service, slot }: Pick<ObservedCopy, 'service' | 'slot'>,
): boolean {
  return place.server === server && place.service === service && place.slot === slot;
}
