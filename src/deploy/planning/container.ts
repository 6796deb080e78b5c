import type { ContainerCreateRequest } from '@docker/node-sdk';
import { LABEL } from '../../model/labels.ts';
import {
  containerName,
  type HookName,
  networkName,
  type Scope,
  SIDECAR_ALIAS,
  sidecarName,
  variableName,
  volumeName,
} from '../../model/names.ts';
import { hostPort, type ServicePorts } from '../../model/ports.ts';
import type { Side } from '../../model/side.ts';
import { type ContainerSpec, specHash, type VolumeMount } from '../../model/spec.ts';
import { versionedName } from '../../model/version-name.ts';

/** Everything one service container is made from, but for its side, its name and the values of its secrets. */
export interface Blueprint {
  scope: Scope;
  service: string;
  container: ContainerSpec;
  containerPort: number;
  ports: ServicePorts;
  /** The container's own host port, as the base side would have it, where names and ports carry the version. */
  versionPort?: number | undefined;
  /** The address to publish the host port on; undefined publishes nothing. */
  publishOn: string | undefined;
  /** Internal ports of the services it depends on, by name. */
  dependencies: Record<string, number>;
  secretsVersion: number;
}

/**
 * blueprintHash returns the hash that decides whether a container is what is wanted. It holds no secret: the
 * version of the secret set stands for the values, which could be guessed from a hash. Nor does it hold a port that
 * carries the version: each container of a version has another one.
 */
export function blueprintHash(blueprint: Blueprint): string {
  const { ports, publishOn, versionPort, ...rest } = blueprint;
  return specHash({ ...rest, published: publishOn === undefined ? null : `${publishOn}:${ports.host}` });
}

/** What tells two containers of one blueprint apart. */
export interface ContainerIdentity {
  side: Side;
  release: number;
  /** Values by name, for the names the spec lists. */
  secrets: Record<string, string>;
}

/** containerRequest returns what the Engine API is asked to create. */
export function containerRequest(blueprint: Blueprint, identity: ContainerIdentity): ContainerCreateRequest {
  const { scope, container, containerPort, publishOn } = blueprint;
  const port = `${containerPort}/tcp`;
  return {
    Image: container.image,
    ...(container.command && { Cmd: container.command }),
    ...(container.entrypoint && { Entrypoint: container.entrypoint }),
    ...(container.user && { User: container.user }),
    ...(container.workingDir && { WorkingDir: container.workingDir }),
    ...(container.stopSignal && { StopSignal: container.stopSignal }),
    Env: Object.entries(environmentOf(blueprint, identity.secrets)).map(
      ([name, value]) => `${name}=${value}`,
    ),
    ExposedPorts: { [port]: {} },
    Labels: { ...container.labels, ...ownLabels(blueprint, identity) },
    HostConfig: {
      // PID 1 must pass signals on and reap children; most images' commands do neither.
      Init: true,
      NetworkMode: networkName(scope),
      Mounts: container.volumes.map((volume) => mountOf(scope, volume)),
      RestartPolicy: { Name: container.restart.name, MaximumRetryCount: container.restart.maximumRetryCount },
      LogConfig: { Type: container.logging.driver as 'json-file', Config: container.logging.options },
      ...(publishOn !== undefined && {
        PortBindings: {
          [port]: hostPortsOf(blueprint, identity.side).map((own) => ({
            HostIp: publishOn,
            HostPort: String(own),
          })),
        },
      }),
      ...limitsOf(container),
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [networkName(scope)]: { Aliases: aliasesOf(blueprint, identity.side), Links: ownSidecar(scope) },
      },
    },
  };
}

/**
 * A container with a port of its own has its side's too: that one is known before the container is, and is where old
 * workers of other servers' nginx send what they still hold when the old container has gone.
 */
function hostPortsOf({ ports, versionPort }: Blueprint, side: Side): number[] {
  const bases = versionPort === undefined ? [ports.host] : [ports.host, versionPort];
  return bases.map((base) => hostPort(base, side));
}

/** nginx finds a side by its name: a container that is called by its version has it as an alias. */
function aliasesOf({ scope, service, container }: Blueprint, side: Side): string[] {
  return container.naming === 'version' ? [service, containerName(scope, service, side)] : [service];
}

/** While an older nginx has the same alias on the network, a container's own word for it is ours. */
function ownSidecar(scope: Scope): string[] {
  return [`${sidecarName(scope)}:${SIDECAR_ALIAS}`];
}

/** What tells the container of a hook from those of its service. */
export interface HookIdentity {
  hook: HookName;
  command: string[];
  release: number;
  /** Values by name, for the names the spec lists. */
  secrets: Record<string, string>;
}

/**
 * hookRequest returns what the Engine API is asked to create for a hook: a container like those of the service, that
 * takes no traffic, ends, and may write to no volume, since the old container may be writing there.
 */
export function hookRequest(blueprint: Blueprint, identity: HookIdentity): ContainerCreateRequest {
  const { scope, service, container } = blueprint;
  const { hook, command, release, secrets } = identity;
  const request = containerRequest(blueprint, { side: 'base', release, secrets });
  const { PortBindings, ...host } = request.HostConfig ?? {};
  return {
    ...request,
    Cmd: command,
    ExposedPorts: {},
    Labels: {
      ...container.labels,
      [LABEL.role]: 'hook',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
      [LABEL.service]: service,
      [LABEL.hook]: hook,
      [LABEL.release]: String(release),
      [LABEL.version]: container.image,
    },
    HostConfig: {
      ...host,
      RestartPolicy: { Name: 'no' },
      Mounts: (host.Mounts ?? []).map((mount) => ({ ...mount, ReadOnly: mount.Type !== 'tmpfs' })),
    },
    // Not the service's alias: whoever asks the network for the service must not find this.
    NetworkingConfig: { EndpointsConfig: { [networkName(scope)]: { Links: ownSidecar(scope) } } },
  };
}

/** environmentOf returns the container's environment: the file's, the addresses of what it depends on, the secrets. */
export function environmentOf(blueprint: Blueprint, secrets: Record<string, string>): Record<string, string> {
  const addresses = Object.entries(blueprint.dependencies).flatMap(([service, port]) => [
    [`SWITCHYARD_${variableName(service)}_HOST`, SIDECAR_ALIAS],
    [`SWITCHYARD_${variableName(service)}_PORT`, String(port)],
  ]);
  return { ...blueprint.container.environment, ...Object.fromEntries(addresses), ...secrets };
}

function ownLabels(blueprint: Blueprint, identity: ContainerIdentity): Record<string, string> {
  const { scope, service, container, ports, versionPort, secretsVersion } = blueprint;
  return {
    [LABEL.role]: 'service',
    [LABEL.project]: scope.project,
    [LABEL.environment]: scope.environment,
    [LABEL.service]: service,
    [LABEL.release]: String(identity.release),
    [LABEL.version]: container.image,
    [LABEL.side]: identity.side,
    [LABEL.hostPort]: String(ports.host),
    ...(versionPort !== undefined && { [LABEL.versionPort]: String(versionPort) }),
    [LABEL.internalPort]: String(ports.internal),
    [LABEL.containerHash]: blueprintHash(blueprint),
    [LABEL.secretsVersion]: String(secretsVersion),
  };
}

/** sourceOf returns a volume's name on the server, or the path of a directory there; undefined for scratch space. */
export function sourceOf(scope: Scope, { type, source, external }: VolumeMount): string | undefined {
  return type === 'volume' && source && !external ? volumeName(scope, source) : source;
}

function mountOf(scope: Scope, volume: VolumeMount) {
  const source = sourceOf(scope, volume);
  return {
    Type: volume.type,
    Target: volume.target,
    ReadOnly: volume.readOnly,
    ...(source !== undefined && { Source: source }),
  };
}

function limitsOf({ resources }: ContainerSpec) {
  return {
    ...(resources.cpus !== undefined && { NanoCpus: Math.round(resources.cpus * 1e9) }),
    ...(resources.memoryBytes !== undefined && { Memory: resources.memoryBytes }),
    ...(resources.reservedMemoryBytes !== undefined && { MemoryReservation: resources.reservedMemoryBytes }),
    ...(resources.pids !== undefined && { PidsLimit: resources.pids }),
  };
}

/** nameOf returns the name of a new container: by its side, or by its version. `taken` are the names there are. */
export function nameOf(
  { scope, service, container }: Pick<Blueprint, 'scope' | 'service' | 'container'>,
  side: Side,
  taken: ReadonlySet<string>,
  now: Date,
): string {
  if (container.naming !== 'version') return containerName(scope, service, side);
  return versionedName(scope, service, container.image, taken, now);
}
