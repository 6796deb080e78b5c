import type { ContainerCreateRequest } from '@docker/node-sdk';
import { LABEL } from '../model/labels.ts';
import {
  containerName,
  networkName,
  type Scope,
  SIDECAR_ALIAS,
  sidecarName,
  variableName,
  volumeName,
} from '../model/names.ts';
import { hostPort, type ServicePorts } from '../model/ports.ts';
import type { Side } from '../model/side.ts';
import { type ContainerSpec, specHash, type VolumeMount } from '../model/spec.ts';

/** Everything one service container is made from, but for its side and the values of its secrets. */
export interface Blueprint {
  scope: Scope;
  service: string;
  container: ContainerSpec;
  containerPort: number;
  ports: ServicePorts;
  /** The address to publish the host port on; undefined publishes nothing. */
  publishOn: string | undefined;
  /** Internal ports of the services it depends on, by name. */
  dependencies: Record<string, number>;
  secretsVersion: number;
}

/**
 * blueprintHash returns the hash that decides whether a container is what is wanted. It holds no secret: the
 * version of the secret set stands for the values, which could be guessed from a hash.
 */
export function blueprintHash(blueprint: Blueprint): string {
  const { ports, publishOn, ...rest } = blueprint;
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
  const { scope, service, container, containerPort, ports, publishOn } = blueprint;
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
          [port]: [{ HostIp: publishOn, HostPort: String(hostPort(ports.host, identity.side)) }],
        },
      }),
      ...limitsOf(container),
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [networkName(scope)]: {
          Aliases: [service],
          // While an older nginx has the same alias on the network, this container's own word for it is ours.
          Links: [`${sidecarName(scope)}:${SIDECAR_ALIAS}`],
        },
      },
    },
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
  const { scope, service, container, ports, secretsVersion } = blueprint;
  return {
    [LABEL.role]: 'service',
    [LABEL.project]: scope.project,
    [LABEL.environment]: scope.environment,
    [LABEL.service]: service,
    [LABEL.release]: String(identity.release),
    [LABEL.version]: container.image,
    [LABEL.side]: identity.side,
    [LABEL.hostPort]: String(ports.host),
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

/** nameOf returns the container's name. */
export function nameOf(blueprint: Pick<Blueprint, 'scope' | 'service'>, side: Side): string {
  return containerName(blueprint.scope, blueprint.service, side);
}
