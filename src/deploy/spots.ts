import { scopeName } from '../model/names.ts';
import type { Placement, Route } from '../nginx/routes.ts';
import { activeSides, routesOf } from '../nginx/tree.ts';
import type { ObservedContainer, ObservedServer } from './observed.ts';
import type { Standing } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/** spotOf returns the container that the live routes point to, and the other side's. The record is asked only where there is no route. */
export function spotOf(input: PlanInput, service: string, host: string) {
  const containers = containersAt(input, service, host);
  const routed = routedSide(input, service, host);
  const active =
    routed === undefined
      ? (containers.find(({ side }) => side === recordedSide(input, service, host)) ??
        containers.find(({ isRunning }) => isRunning) ??
        containers[0])
      : containers.find(({ side }) => side === routed);
  return { active, idle: containers.find((container) => container !== active) };
}

function routedSide(input: PlanInput, service: string, host: string) {
  return activeSides(servedOn(input, observedAt(input, host)), host).get(service);
}

function servedOn(input: PlanInput, { sidecar }: ObservedServer) {
  return sidecar?.tree.slots[sidecar.tree.live].manifest?.scopes[scopeName(input.scope)];
}

/** liveRoutes returns the routes that the sidecars serve, with the placements as they are now. */
export function liveRoutes(input: PlanInput): Map<string, Route> {
  const served = input.observed.flatMap((server) => routesOf(servedOn(input, server)));
  return new Map(
    served
      .map((route) => ({ ...route, placements: currentPlacements(input, route.service) }))
      .filter(({ placements }) => placements.length > 0)
      .map((route) => [route.service, route]),
  );
}

function recordedSide(input: PlanInput, service: string, host: string) {
  return input.state.services[service]?.servers.find((server) => server.host === host)?.side;
}

/** currentPlacements returns where a service's traffic goes now. */
export function currentPlacements(input: PlanInput, service: string): Placement[] {
  return input.servers.flatMap(({ host }) => {
    if (!input.hosts.includes(host)) {
      // A server that the run does not look at: the record is all there is.
      const side = recordedSide(input, service, host);
      return side === undefined ? [] : [{ host, side }];
    }
    const { active } = spotOf(input, service, host);
    const isServed = active !== undefined && routedSide(input, service, host) === active.side;
    return isServed ? [{ host, side: active.side }] : [];
  });
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
