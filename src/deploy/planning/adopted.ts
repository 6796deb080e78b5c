import { adoptedSidecarName, containerName, type Scope, sidecarName } from '../../model/names.ts';
import type { AdoptSpec, NginxSpec, ServiceSpec } from '../../model/spec.ts';
import type { ForeignContainer, ObservedCopy, ObservedServer } from './observed.ts';

/** Who holds this port of a server is its front: the edge needs it, whatever it serves. */
const DOOR_PORT = 80;
const TLS_DOOR_PORT = 443;

/** doorPorts returns the ports of a server that an edge takes over from a front: that of HTTPS where it serves HTTPS. */
export function doorPorts({ ports = [] }: Pick<NginxSpec, 'ports'>): number[] {
  return ports.includes(`${TLS_DOOR_PORT}/tcp`) ? [DOOR_PORT, TLS_DOOR_PORT] : [DOOR_PORT];
}

/** Who may be taken over: the names in the file and those of the grammar. */
type Wanted = readonly Pick<ServiceSpec, 'name' | 'adopt'>[];

/** isOfInterest tells whether an environment has to know of a container that it did not make. Pure. */
export function isOfInterest(
  container: ForeignContainer,
  scope: Scope,
  { services, nginx }: { services: Wanted; nginx: Pick<NginxSpec, 'adopt'> },
): boolean {
  return (
    container.name === nginx.adopt?.container ||
    isOldSidecar(scope, container) ||
    holdsDoor(container) ||
    holdsTlsDoor(container) ||
    services.some((service) => namesOf(scope, service).includes(container.name))
  );
}

/** namesOf returns the names by which a service finds what it takes over. */
function namesOf(scope: Scope, { name, adopt }: Wanted[number]): string[] {
  const byGrammar = [containerName(scope, name, 'base'), containerName(scope, name, 'secondary')];
  return adopt === undefined ? byGrammar : [adopt.container, ...byGrammar];
}

/** candidatesOf returns the containers that a service would take over on a server. */
export function candidatesOf(
  scope: Scope,
  service: Wanted[number],
  foreign: readonly ForeignContainer[],
): ForeignContainer[] {
  const names = namesOf(scope, service);
  return foreign.filter(({ name }) => names.includes(name));
}

/**
 * adoptedCopies returns those of the foreign containers that services take over, as copies of theirs: of
 * release 0, and like nothing that is wanted. Pure.
 */
export function adoptedCopies(
  scope: Scope,
  services: Wanted,
  foreign: readonly ForeignContainer[],
): ObservedCopy[] {
  return services.flatMap((service) =>
    candidatesOf(scope, service, foreign).map(({ id, name, image, imageId, isRunning, helpers }) => ({
      id,
      name,
      service: service.name,
      // One with a name of its own is in nobody's way: the new one gets the name of the slot `base`.
      slot: name === containerName(scope, service.name, 'base') ? 'base' : 'secondary',
      release: 0,
      hash: '',
      secretsVersion: 0,
      image,
      imageId,
      isRunning,
      hostPort: 0,
      versionPort: undefined,
      internalPort: 0,
      // No route leads to it, and nothing is proven by it.
      address: undefined,
      helpers,
      isAdopted: true,
    })),
  );
}

/** isOldSidecar tells whether a container has the sidecar's name, or had it before it was renamed. */
export function isOldSidecar(scope: Scope, { name }: Pick<ForeignContainer, 'name'>): boolean {
  return name === sidecarName(scope) || name === adoptedSidecarName(scope);
}

/** oldSidecarOf returns the nginx of the older naming on a server. */
export function oldSidecarOf(
  scope: Scope,
  { foreign }: Pick<ObservedServer, 'foreign'>,
): ForeignContainer | undefined {
  return foreign.find((container) => isOldSidecar(scope, container));
}

/** frontOf returns the container that holds the ports of a server which the edge needs. */
export function frontOf({ foreign }: Pick<ObservedServer, 'foreign'>): ForeignContainer | undefined {
  return foreign.find(holdsDoor);
}

/** doorsOf returns the ports that an edge takes over from a container, in a fixed order, and where in it they lead to. */
export function doorsOf(
  { published }: Pick<ForeignContainer, 'published'>,
  edge: Pick<NginxSpec, 'ports'>,
): ForeignContainer['published'] {
  return doorPorts(edge).flatMap((door) => published.filter(({ port }) => port === door));
}

/** holdsDoor tells whether a container is a server's front. */
export function holdsDoor({ isRunning, published }: Omit<ForeignContainer, 'helpers'>): boolean {
  return isRunning && published.some(({ port }) => port === DOOR_PORT);
}

/** holdsTlsDoor tells whether a container has the port of a server on which an edge serves HTTPS. */
export function holdsTlsDoor({ isRunning, published }: Omit<ForeignContainer, 'helpers'>): boolean {
  return isRunning && published.some(({ port }) => port === TLS_DOOR_PORT);
}

/** isNamed tells whether the file says that a front shall go: by its name, or as a container of a service. */
export function isNamed(
  scope: Scope,
  front: ForeignContainer,
  adopt: AdoptSpec | undefined,
  copies: readonly ObservedCopy[],
): boolean {
  return (
    front.name === adopt?.container ||
    (isOldSidecar(scope, front) && front.composeProject === undefined) ||
    copies.some(({ id }) => id === front.id)
  );
}
