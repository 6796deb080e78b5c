import type {
  ContainerInspectResponse,
  ContainerSummary,
  ImageInspect,
  ImageSummary,
  NetworkInspect,
  NetworkSummary,
  Volume as VolumeAnswer,
} from '@docker/node-sdk';
import type { Container, Mounted } from './container.ts';
import type { Image, ImageStore } from './image.ts';
import type { Endpoint, Network } from './network.ts';
import { portSpoken } from './udp.ts';
import type { Volume } from './volume.ts';

/** A time that never was. */
const NEVER = '0001-01-01T00:00:00Z';

/** How the engine tells a time, by the clock of its server. */
export type Tell = (at: number) => string;

/** inspectAnswer returns what the engine says of one container, as far as anybody reads it. */
export function inspectAnswer(container: Container, tell: Tell): ContainerInspectResponse {
  const { request, restart } = container;
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: tell(container.createdAt),
    Image: container.image.id,
    RestartCount: container.restarts,
    State: stateAnswer(container, tell),
    Mounts: container.mounts.map(mountAnswer),
    Config: {
      Image: request.Image,
      Env: request.Env,
      Cmd: orNone(request.Cmd),
      Entrypoint: orNone(request.Entrypoint),
      Labels: container.labels,
      User: request.User ?? '',
      WorkingDir: request.WorkingDir ?? '',
      StopSignal: request.StopSignal,
      Hostname: request.Hostname ?? container.id.slice(0, 12),
      Domainname: request.Domainname ?? '',
      Tty: request.Tty ?? false,
      OpenStdin: request.OpenStdin ?? false,
      ExposedPorts: request.ExposedPorts,
      Healthcheck: request.Healthcheck,
    } as ContainerInspectResponse['Config'],
    HostConfig: {
      ...request.HostConfig,
      NetworkMode: container.networkMode,
      RestartPolicy: {
        Name: restart.name as 'no',
        MaximumRetryCount: restart.maximumRetryCount,
      },
      PortBindings: request.HostConfig?.PortBindings,
    },
    NetworkSettings: { Networks: networksAnswer(container) },
  };
}

function stateAnswer(container: Container, tell: Tell): ContainerInspectResponse['State'] {
  const { status, isPaused, exitCode, startedAt, finishedAt } = container;
  const isRunning = status === 'running';
  return {
    Status: isPaused ? 'paused' : status,
    // One that is about to be started again counts as running.
    Running: isRunning || status === 'restarting',
    Paused: isPaused,
    Restarting: status === 'restarting',
    OOMKilled: false,
    Dead: false,
    Pid: container.pid,
    ExitCode: isRunning ? 0 : exitCode,
    Error: container.error,
    StartedAt: startedAt === undefined ? NEVER : tell(startedAt),
    FinishedAt: finishedAt === undefined ? NEVER : tell(finishedAt),
    ...healthAnswer(container),
  } as ContainerInspectResponse['State'];
}

/** The engine runs the HEALTHCHECK of an image by itself. */
function healthAnswer({ request, status, program, image }: Container) {
  if (request.Healthcheck === undefined || status !== 'running') return {};
  const isUp = (program?.ports().length ?? 0) > 0;
  const { behaviour } = image;
  const isIll = behaviour.runs === 'app' && (behaviour.app.status ?? 200) >= 400;
  return {
    Health: { Status: isIll ? 'unhealthy' : isUp ? 'healthy' : 'starting', FailingStreak: 0, Log: [] },
  };
}

function networksAnswer({ endpoints }: Container) {
  return Object.fromEntries([...endpoints.values()].map((one) => [networkWord(one), endpointAnswer(one)]));
}

/** Older engines call it `default` where nobody has named it. */
function networkWord({ network }: Endpoint): string {
  return network === 'default' ? 'bridge' : network;
}

function endpointAnswer({ aliases, links, address }: Endpoint) {
  return {
    Aliases: aliases.length > 0 ? [...aliases] : null,
    Links: links.size > 0 ? [...links].map(([name, target]) => `${target}:${name}`) : null,
    IPAddress: address,
  } as unknown as NonNullable<NonNullable<ContainerInspectResponse['NetworkSettings']>['Networks']>[string];
}

function mountAnswer({ type, volume, source, target, isReadOnly }: Mounted) {
  return {
    Type: type,
    ...(volume !== undefined && { Name: volume.name, Driver: 'local' }),
    Source: source,
    Destination: target,
    RW: !isReadOnly,
  } as NonNullable<ContainerInspectResponse['Mounts']>[number];
}

function orNone(words: string[] | null | undefined): string[] | null {
  return words !== undefined && words !== null && words.length > 0 ? words : null;
}

/** summaryAnswer returns what the list of containers says of one. */
export function summaryAnswer(container: Container, images: ImageStore): ContainerSummary {
  const { request, image, status, isPaused } = container;
  const name = request.Image ?? '';
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    // Once its name means something else, an image is called by its id.
    Image: images.find(name) === image ? name : image.id,
    ImageID: image.id,
    Labels: container.labels,
    Created: Math.floor(container.createdAt / 1000),
    State: isPaused ? 'paused' : status,
    Status: status,
    HostConfig: { NetworkMode: container.networkMode },
    Mounts: container.mounts.map(mountAnswer) as ContainerSummary['Mounts'],
    Ports: portsAnswer(container),
    NetworkSettings: { Networks: networksAnswer(container) } as ContainerSummary['NetworkSettings'],
  };
}

function portsAnswer(container: Container): ContainerSummary['Ports'] {
  if (!container.isRunning) return [];
  const { bindings } = container;
  const inside = container.exposedPorts.filter((port) => bindings.every((one) => one.containerPort !== port));
  return [
    ...inside.map((port) => ({ PrivatePort: portSpoken(port).port, Type: portSpoken(port).protocol })),
    ...bindings.map(({ ip, port, containerPort }) => ({
      IP: ip,
      PrivatePort: portSpoken(containerPort).port,
      PublicPort: portSpoken(port).port,
      Type: portSpoken(port).protocol,
    })),
  ];
}

/** networkAnswer returns what the engine says of one network. */
export function networkAnswer(network: Network, tell: Tell): NetworkInspect {
  const members = [...network.members].map(([address, { id, name }]) => [
    id,
    { Name: name, IPv4Address: `${address}/24` },
  ]);
  return { ...networkSummary(network, tell), Containers: Object.fromEntries(members) } as NetworkInspect;
}

/** networkSummary returns what the list of networks says of one. */
export function networkSummary(network: Network, tell: Tell): NetworkSummary {
  return {
    Id: network.id,
    Name: network.name,
    Created: tell(network.createdAt),
    Driver: 'bridge',
    Scope: 'local',
    Labels: { ...network.labels },
    IPAM: { Driver: 'default', Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
  } as NetworkSummary;
}

/** volumeAnswer returns what the engine says of one volume. */
export function volumeAnswer(volume: Volume, tell: Tell): VolumeAnswer {
  return {
    Name: volume.name,
    Driver: 'local',
    Labels: { ...volume.labels },
    CreatedAt: tell(volume.createdAt),
    Mountpoint: volume.mountpoint,
    Scope: 'local',
    Options: {},
  } as VolumeAnswer;
}

/** imageAnswer returns what the engine says of one image. */
export function imageAnswer(image: Image, images: ImageStore, tell: Tell): ImageInspect {
  const { behaviour, labels } = image;
  const app = behaviour.runs === 'app' ? behaviour.app : undefined;
  return {
    Id: image.id,
    RepoTags: images.namesOf(image),
    RepoDigests: images.digestsOf(image),
    Created: tell(image.createdAt),
    Config: {
      Labels: labels,
      Env: Object.entries(app?.environment ?? {}).map(([name, value]) => `${name}=${value}`),
      Cmd: app === undefined ? ['nginx', '-g', 'daemon off;'] : null,
      Entrypoint: null,
      ...(app?.healthcheck && { Healthcheck: { Test: app.healthcheck, ...app.healthTimes } }),
    },
  } as unknown as ImageInspect;
}

/** imageSummary returns what the list of images says of one. */
export function imageSummary(image: Image, images: ImageStore): ImageSummary {
  return {
    Id: image.id,
    RepoTags: images.namesOf(image),
    RepoDigests: images.digestsOf(image),
    Created: Math.floor(image.createdAt / 1000),
    Labels: image.labels,
  } as ImageSummary;
}
