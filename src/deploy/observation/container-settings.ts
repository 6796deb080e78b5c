import type { ContainerCreateRequest, ContainerInspectResponse } from '@docker/node-sdk';
import { type EngineFields, optionNames, optionRow } from '../../model/container-options.ts';
import { cleanPath } from '../../model/container-path.ts';
import type { ContainerSettings, ImageDefaults } from '../planning/container-settings.ts';

/** settingsFound returns how a container is made, by what the engine says of it. */
export function settingsFound({
  Config: config = {},
  HostConfig: host = {},
  Mounts,
  NetworkSettings,
}: ContainerInspectResponse): ContainerSettings {
  const { Name = '', MaximumRetryCount = 0 } = host.RestartPolicy ?? {};
  return {
    ...defaultsOf(config),
    image: config.Image ?? '',
    user: config.User ?? '',
    workingDir: config.WorkingDir ? cleanPath(config.WorkingDir) : '',
    stopSignal: config.StopSignal ?? '',
    labels: config.Labels ?? {},
    volumes: (Mounts ?? []).map(({ Type, Name: name, Source, Destination, RW }) => ({
      type: Type ?? '',
      source: (Type === 'volume' ? name : cleanPath(Source ?? '')) ?? '',
      target: cleanPath(Destination ?? ''),
      readOnly: !RW,
    })),
    ports: Object.entries(host.PortBindings ?? {})
      .flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => ({
          address: HostIp,
          hostPort: Number(HostPort),
          containerPort: Number.parseInt(port, 10),
          ...(port.endsWith('/udp') && { protocol: 'udp' as const }),
        })),
      )
      .sort((a, b) => a.hostPort - b.hostPort),
    restart: { name: Name || 'no', maximumRetryCount: Name === 'on-failure' ? MaximumRetryCount : 0 },
    logging: { driver: host.LogConfig?.Type ?? '', options: host.LogConfig?.Config ?? {} },
    resources: {
      cpus: host.NanoCpus ?? 0,
      memoryBytes: host.Memory ?? 0,
      reservedMemoryBytes: host.MemoryReservation ?? 0,
      pids: host.PidsLimit ?? 0,
    },
    networks: Object.keys(NetworkSettings?.Networks ?? {}),
    fields: fieldsFound({ Config: config, HostConfig: host }),
  };
}

/** The fields that options can become, as the engine has them. */
function fieldsFound(parts: Readonly<Record<string, object>>): EngineFields {
  const paths = optionNames().flatMap((name) => optionRow(name).fields);
  return Object.fromEntries(
    paths.map((path) => {
      const [part = '', field = ''] = path.split('.');
      return [path, (parts[part] as EngineFields | undefined)?.[field]];
    }),
  );
}

/** defaultsOf returns what an image gives to its containers, by the part `Config` of what the engine says of it. */
export function defaultsOf(config: Partial<ContainerCreateRequest>): ImageDefaults {
  return {
    environment: Object.fromEntries(
      (config.Env ?? []).map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      }),
    ),
    command: config.Cmd ?? [],
    entrypoint: config.Entrypoint ?? [],
  };
}
