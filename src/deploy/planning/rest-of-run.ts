import { currentNumber } from './assemble.ts';
import type { ObservedServer } from './observed.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { currentPlacements, hostsWithAdopted } from './spots.ts';

/** What an undo has to know of the run that failed. */
interface Undone extends Pick<PlanInput, 'unused'> {
  /** Services of the level that failed, and of those that are done. */
  failed: readonly string[];
  done: readonly string[];
}

/**
 * assembleUndo returns the input that brings the services of a failed level back to what had the traffic before:
 * undoing is a plan like any other. The levels that are done stay as they are. Pure.
 */
export function assembleUndo(
  input: PlanInput,
  { failed, done, unused }: Undone,
  observed: readonly ObservedServer[],
): PlanInput {
  // The others go back without a server that cannot be asked any more; what nginx knows of it stays as it was.
  const hosts = input.hosts.filter((host) => observed.some((server) => server.host === host));
  const seen = { ...input, observed, hosts };
  const services = input.services.flatMap((service): WantedService[] => {
    const { current } = service.known;
    if (done.includes(service.name)) return [{ ...service, isSelected: false }];
    const isSelected = failed.includes(service.name);
    if (current !== undefined) {
      return [{ ...service, spec: current, release: currentNumber(current), isSelected }];
    }
    // The record may have been lost: what has the traffic keeps it.
    const isServed = isSelected && currentPlacements(seen, service.name).length > 0;
    const isAdopting = isSelected && hostsWithAdopted(seen, service.name).length > 0;
    return isServed || isAdopting ? [{ ...service, isSelected }] : [];
  });
  const names = new Set(services.map(({ name }) => name));
  return {
    ...seen,
    services,
    removes: failed.filter((name) => !names.has(name)),
    isLeaving: false,
    keepsActive: true,
    isSweeping: false,
    unused,
  };
}

/** What the rest of a run has to know that leaves servers out in its middle. */
interface Rest extends Pick<PlanInput, 'observed' | 'state'> {
  /** Hosts that it leaves out. */
  left: readonly string[];
  /** Where services stand as it was planned. */
  standing: Readonly<Record<string, readonly { host: string }[]>>;
  /** Ids of containers that the run itself drains. */
  draining: readonly string[];
}

/**
 * assembleWithout returns the input for the rest of a run that leaves servers out in its middle. Releases keep the
 * numbers they were given; what stands on those servers moves to no other, since it has its data there and they come
 * back; and what left the file stays for the next run, since their nginx may send requests to it. Pure.
 */
export function assembleWithout(input: PlanInput, rest: Rest): PlanInput {
  const isLeft = (host: string) => rest.left.includes(host);
  return {
    ...input,
    services: input.services.map((service) => {
      const planned = rest.standing[service.name];
      if (planned === undefined) return service;
      const servers = planned.filter(({ host }) => !isLeft(host)).length;
      return { ...service, placement: { ...service.placement, servers } };
    }),
    observed: rest.observed.filter(({ host }) => !isLeft(host)),
    state: rest.state,
    hosts: input.hosts.filter((host) => !isLeft(host)),
    removes: [],
    isLeaving: false,
    excluded: new Set([...input.excluded, ...rest.left]),
    drainedElsewhere: new Set([...input.drainedElsewhere, ...rest.draining]),
  };
}
