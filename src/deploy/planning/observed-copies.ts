import type { ServerSpec } from '../../model/spec.ts';
import type { PlanInput } from './input.ts';
import type { ObservedCopy, ObservedHook, ObservedServer } from './observed.ts';
import type { WantedService } from './wanted.ts';

/** observedOn returns what was found on one server. */
export function observedOn({ observed }: Pick<PlanInput, 'observed'>, server: string): ObservedServer {
  const found = observed.find(({ name }) => name === server);
  if (found === undefined) throw new Error(`${server} was not observed`);
  return found;
}

/** copiesOn returns a service's copies on one server, those first that serve by the record. */
export function copiesOn(input: PlanInput, service: string, server: string): ObservedCopy[] {
  const found = observedOn(input, server).copies.filter((copy) => copy.service === service);
  if (found.length < 2) return found;
  const recorded = recordedOn(input, service, server).map(({ container }) => container);
  return found.sort((a, b) => Number(recorded.includes(b.name)) - Number(recorded.includes(a.name)));
}

/** recordedOn returns the copies of a service that serve on a server by the record. */
export function recordedOn({ state }: Pick<PlanInput, 'state'>, service: string, server: string) {
  const copies = state.services[service]?.copies ?? [];
  return copies.filter((copy) => copy.server === server && copy.state === 'serving');
}

/** handMadeOn returns what has the labels of a service on one server and was made by hand. */
export function handMadeOn(input: PlanInput, service: string, server: string): ObservedCopy[] {
  return observedOn(input, server).handMade.filter((copy) => copy.service === service);
}

/** serversWithAdopted returns the servers on which something runs that a service takes over. */
export function serversWithAdopted(input: PlanInput, service: string): string[] {
  return input.reached.filter((server) =>
    copiesOn(input, service, server).some(({ isAdopted }) => isAdopted),
  );
}

/** serversWithSidecar returns the servers that can be given routes as they stand. */
export function serversWithSidecar(input: PlanInput): string[] {
  return input.reached.filter((server) => observedOn(input, server).sidecar !== undefined);
}

/** serversWithRoutes returns the servers that get routes, which have a sidecar by then: those of an environment that leaves get none. */
export function serversWithRoutes(input: PlanInput): string[] {
  return input.removesAll ? serversWithSidecar(input) : [...input.reached];
}

/** hooksOf returns the containers of a service's hooks, with their servers. */
export function hooksOf(input: PlanInput, service: string): (ObservedHook & { server: string })[] {
  return input.observed.flatMap(({ name, hooks }) =>
    hooks.filter((hook) => hook.service === service).map((hook) => ({ ...hook, server: name })),
  );
}

/** isImageMoved tells whether a service's image name means another image on a server than when its copies were made. */
export function isImageMoved(input: PlanInput, { name, spec }: WantedService, server: string): boolean {
  const named = copiesOn(input, name, server).filter(({ image }) => image === spec.container.image);
  const found = observedOn(input, server).images.get(spec.container.image);
  return found !== undefined && named.length > 0 && named.every(({ imageId }) => imageId !== found.id);
}

/** standingCopies returns the containers of a service on all servers that the run looks at, with those that somebody made. Pure. */
export function standingCopies(input: PlanInput, service: string): { on: ServerSpec; copy: ObservedCopy }[] {
  return input.servers
    .filter(({ name }) => input.reached.includes(name))
    .flatMap((on) =>
      [...copiesOn(input, service, on.name), ...handMadeOn(input, service, on.name)]
        .filter(({ isAdopted }) => !isAdopted)
        .map((copy) => ({ on, copy })),
    );
}
