import type { ContainerCreateRequest } from '@docker/node-sdk';
import type { DeliveredFiles } from '../../fleet/delivered-files.ts';
import type { EngineFields } from '../../model/container-options.ts';
import { edgePort } from '../../model/spec.ts';
import type { WantedSettings } from '../planning/container-settings.ts';
import { mountsOf } from './mounts.ts';

/**
 * createRequest returns what the Engine API is asked to create; `secrets` has the values by the names in the settings,
 * `files` says where those lie that it is given.
 */
export function createRequest(
  settings: WantedSettings,
  secrets: Readonly<Record<string, string>>,
  files?: DeliveredFiles,
): ContainerCreateRequest {
  const { command, entrypoint, containerPorts, networks, aliases, links } = settings;
  const [network = ''] = networks;
  const values = Object.fromEntries(settings.secrets.map((name) => [name, secrets[name] ?? '']));
  const own: ContainerCreateRequest = {
    Image: settings.image,
    ...(command !== undefined && { Cmd: command }),
    ...(entrypoint !== undefined && { Entrypoint: entrypoint }),
    ...(settings.user && { User: settings.user }),
    ...(settings.workingDir && { WorkingDir: settings.workingDir }),
    ...(settings.stopSignal && { StopSignal: settings.stopSignal }),
    Env: Object.entries({ ...settings.environment, ...values }).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(containerPorts.map((port) => [port, {}])),
    Labels: { ...settings.labels, ...settings.ownLabels },
    HostConfig: {
      // PID 1 must pass signals on and reap children; most images' commands do neither.
      Init: true,
      NetworkMode: network,
      ...mountsOf(settings.volumes, files),
      RestartPolicy: {
        Name: settings.restart.name as 'no',
        MaximumRetryCount: settings.restart.maximumRetryCount,
      },
      LogConfig: { Type: settings.logging.driver as 'json-file', Config: settings.logging.options },
      ...portBindings(settings),
      ...limitsOf(settings),
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: aliases, Links: links } } },
  };
  return withFields(own, settings.fields);
}

/** The options of a service are fields of the engine's own request, by their paths; ports come on top of ours. */
function withFields(request: ContainerCreateRequest, fields: EngineFields): ContainerCreateRequest {
  const of = (part: string): EngineFields =>
    Object.fromEntries(
      Object.entries(fields)
        .filter(([path]) => path.startsWith(`${part}.`))
        .map(([path, value]) => [path.slice(part.length + 1), value]),
    );
  const config: Partial<ContainerCreateRequest> = of('Config');
  return {
    ...request,
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...request.ExposedPorts },
    HostConfig: { ...request.HostConfig, ...of('HostConfig') },
  };
}

function portBindings({ ports }: WantedSettings) {
  if (ports.length === 0) return {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { address, hostPort, containerPort, protocol = 'tcp' } of ports) {
    const own = { HostIp: address, HostPort: String(hostPort) };
    const port = edgePort(containerPort, protocol);
    bindings[port] = [...(bindings[port] ?? []), own];
  }
  return { PortBindings: bindings };
}

function limitsOf({ resources: { cpus, memoryBytes, reservedMemoryBytes, pids } }: WantedSettings) {
  return {
    ...(cpus > 0 && { NanoCpus: cpus }),
    ...(memoryBytes > 0 && { Memory: memoryBytes }),
    ...(reservedMemoryBytes > 0 && { MemoryReservation: reservedMemoryBytes }),
    ...(pids > 0 && { PidsLimit: pids }),
  };
}
