import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../fleet/server.ts';
import { LABEL } from '../model/labels.ts';
import { containerName, EDGE_NETWORK, networkName, type Scope, scopeName } from '../model/names.ts';
import type { ServiceSpec } from '../model/spec.ts';
import { isVersionedName } from '../model/version-name.ts';
import { NginxInstance, readTree } from '../nginx/instance.ts';
import type { NginxKind } from '../nginx/render.ts';
import { repositoryOf, shortName } from './image-name.ts';
import { findLeftovers } from './leftovers.ts';
import type { ObservedContainer, ObservedNginx, ObservedServer } from './observed.ts';

/**
 * observe looks at what runs on a server of an environment: one call lists the containers; then edge, sidecar,
 * images, the environments of containers with secrets, and what is left over are read side by side.
 */
export async function observe(
  server: Server,
  scope: Scope,
  services: readonly ServiceSpec[],
): Promise<ObservedServer> {
  const { engine } = server;
  const network = networkName(scope);
  const withSecrets = new Set(
    services.filter((spec) => spec.container.secrets.length > 0).map(({ name }) => name),
  );
  const imagesWanted = [...new Set(services.map((spec) => spec.container.image))];

  const [all, images] = await Promise.all([
    engine.listContainers({ label: [LABEL.role] }),
    Promise.all(imagesWanted.map(async (name) => [name, await findImage(server, name)] as const)),
  ]);
  const role = (name: string) => all.filter((summary) => summary.Labels?.[LABEL.role] === name);
  const own = all.filter((summary) => belongsTo(summary, scope));
  const services_ = own.filter((summary) => summary.Labels?.[LABEL.role] === 'service');

  const [standing, sidecar, edge, leftovers] = await Promise.all([
    Promise.all(services_.map((summary) => observeContainer(server, summary, own, network, withSecrets))),
    observeNginx(
      'sidecar',
      server,
      own.find((summary) => summary.Labels?.[LABEL.role] === 'sidecar'),
      scope,
    ),
    observeNginx('edge', server, role('edge')[0], scope),
    findLeftovers(server, scope, all),
  ]);
  return {
    host: server.host,
    containers: standing.filter((container) => isNamedByUs(scope, container)),
    copies: standing.filter((container) => !isNamedByUs(scope, container)),
    sidecar,
    edge,
    hasNetwork: sidecar !== undefined || (await engine.findNetwork(network)) !== undefined,
    foreignHostPorts: all
      .filter((summary) => !belongsTo(summary, scope))
      .flatMap(({ Labels }) => [Labels?.[LABEL.hostPort], Labels?.[LABEL.versionPort]])
      .filter((port) => port !== undefined)
      .map(Number),
    leftovers,
    images: new Map(images.flatMap(([name, found]) => (found === undefined ? [] : [[name, found]]))),
  };
}

/** The network of a helper that watches a container. */
function watched(id: string): string {
  return `container:${id}`;
}

/** findImage returns the local id of an image and the digest its registry knows it by. */
export async function findImage(
  server: Server,
  name: string,
): Promise<{ id: string; digest: string | undefined } | undefined> {
  const image = await server.engine.findImage(name);
  if (image === undefined) return undefined;
  return { id: image.Id!, digest: digestOf(image.RepoDigests ?? [], repositoryOf(name)) };
}

/** The engine writes Docker Hub's names short; `redis`, `library/redis` and `docker.io/library/redis` are one. */
function digestOf(digests: readonly string[], repository: string): string | undefined {
  return digests.find((digest) => shortName(repositoryOf(digest)) === shortName(repository));
}

function nameOf({ Names }: ContainerSummary): string {
  return Names?.[0]?.replace(/^\//, '') ?? '';
}

function belongsTo({ Labels }: ContainerSummary, scope: Scope): boolean {
  return Labels?.[LABEL.project] === scope.project && Labels?.[LABEL.environment] === scope.environment;
}

function isNamedByUs(scope: Scope, { service, side, name }: ObservedContainer): boolean {
  return name === containerName(scope, service, side) || isVersionedName(scope, service, name);
}

async function observeContainer(
  server: Server,
  summary: ContainerSummary,
  own: readonly ContainerSummary[],
  network: string,
  withSecrets: ReadonlySet<string>,
): Promise<ObservedContainer> {
  const labels = summary.Labels ?? {};
  const service = labels[LABEL.service] ?? '';
  const environment = withSecrets.has(service) ? await readEnvironment(server, summary.Id!) : undefined;
  return {
    id: summary.Id!,
    name: nameOf(summary),
    service,
    side: labels[LABEL.side] === 'secondary' ? 'secondary' : 'base',
    release: Number(labels[LABEL.release]),
    hash: labels[LABEL.containerHash] ?? '',
    secretsVersion: Number(labels[LABEL.secretsVersion] ?? 0),
    image: labels[LABEL.version] ?? summary.Image ?? '',
    imageId: summary.ImageID ?? '',
    isRunning: summary.State === 'running',
    hostPort: Number(labels[LABEL.hostPort]),
    versionPort: labels[LABEL.versionPort] === undefined ? undefined : Number(labels[LABEL.versionPort]),
    internalPort: Number(labels[LABEL.internalPort]),
    address: summary.NetworkSettings?.Networks?.[network]?.IPAddress || undefined,
    helpers: own
      .filter(({ HostConfig }) => HostConfig?.NetworkMode === watched(summary.Id!))
      .map(({ Id }) => Id!),
    ...(environment && { environment }),
  };
}

async function readEnvironment(server: Server, id: string): Promise<Record<string, string>> {
  const container = await server.engine.findContainer(id);
  const pairs = (container?.Config?.Env ?? []).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

async function observeNginx(
  kind: NginxKind,
  server: Server,
  summary: ContainerSummary | undefined,
  scope: Scope,
): Promise<ObservedNginx | undefined> {
  if (summary === undefined) return undefined;
  const networks = summary.NetworkSettings?.Networks ?? {};
  const address = networks[kind === 'edge' ? EDGE_NETWORK : networkName(scope)]?.IPAddress || undefined;
  const id = summary.Id!;
  const name = nameOf(summary);
  const isUp = summary.State === 'running' && address !== undefined;
  // One that is started over and over is up at times, and answers never.
  const served = isUp
    ? await new NginxInstance(kind, server, { id, name, address })
        .look(scopeName(scope))
        .catch(() => undefined)
    : undefined;
  const tree = served?.tree ?? (await readTree(server, id));
  return {
    id,
    name,
    isRunning: served !== undefined,
    address,
    tree,
    slot: served?.slot ?? tree.live,
    generation: served?.generation,
    isInNetwork: networks[networkName(scope)] !== undefined,
  };
}
