import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../fleet/server.ts';
import { LABEL } from '../model/labels.ts';
import { EDGE_BRIDGE_NAME, EDGE_NETWORK, networkName, type Scope, scopeName } from '../model/names.ts';
import type { NginxSpec, ServiceSpec } from '../model/spec.ts';
import { NginxInstance, readTree } from '../nginx/instance.ts';
import type { NginxKind } from '../nginx/render.ts';
import { adoptedContainers } from './adopted.ts';
import { observeForeign } from './observe-foreign.ts';
import type { ObservedContainer, ObservedNginx, ObservedServer } from './observed.ts';

/**
 * observe looks at what runs on a server of an environment: one call lists the containers; then edge, sidecar,
 * images and the environments of containers with secrets are read side by side.
 */
export async function observe(
  server: Server,
  scope: Scope,
  services: readonly ServiceSpec[],
  nginx: Pick<NginxSpec, 'adopt'>,
): Promise<ObservedServer> {
  const { engine } = server;
  const network = networkName(scope);
  const withSecrets = new Set(
    services.filter((spec) => spec.container.secrets.length > 0).map(({ name }) => name),
  );
  const imagesWanted = [...new Set(services.map((spec) => spec.container.image))];

  const [everything, images] = await Promise.all([
    engine.listContainers(),
    Promise.all(imagesWanted.map(async (name) => [name, await findImage(server, name)] as const)),
  ]);
  const all = everything.filter(({ Labels }) => Labels?.[LABEL.role] !== undefined);
  const role = (name: string) => all.filter((summary) => summary.Labels?.[LABEL.role] === name);
  const own = all.filter((summary) => belongsTo(summary, scope));
  const services_ = own.filter((summary) => summary.Labels?.[LABEL.role] === 'service');

  const bridge = role('edge-bridge').find(
    (summary) => summary.State === 'running' && nameOf(summary) === EDGE_BRIDGE_NAME,
  );
  const edges = role('edge');
  const running = edges.find(({ State }) => State === 'running');

  const [containers, foreign, sidecar, edge] = await Promise.all([
    Promise.all(services_.map((summary) => observeContainer(server, summary, own, network, withSecrets))),
    observeForeign(server, everything, scope, services, nginx),
    observeNginx(
      'sidecar',
      server,
      own.find((summary) => summary.Labels?.[LABEL.role] === 'sidecar'),
      scope,
    ),
    observeNginx('edge', server, running ?? bridge ?? edges[0], scope),
  ]);
  return {
    host: server.host,
    containers: [...containers, ...adoptedContainers(scope, services, foreign)],
    sidecar,
    edge,
    bridge: bridge?.Id,
    foreign,
    hasNetwork: sidecar !== undefined || (await engine.findNetwork(network)) !== undefined,
    foreignHostPorts: all
      .filter((summary) => !belongsTo(summary, scope) && summary.Labels?.[LABEL.hostPort])
      .map((summary) => Number(summary.Labels?.[LABEL.hostPort])),
    leftHelpers: leftHelpers(own),
    images: new Map(images.flatMap(([name, found]) => (found === undefined ? [] : [[name, found]]))),
  };
}

/**
 * A helper lives in the network of the container it watches; without that container it is a leftover. So is a lock
 * of the edge: only who holds the environment's lease takes one, and removes leftovers.
 */
function leftHelpers(own: readonly ContainerSummary[]): string[] {
  const running = own.filter(({ State }) => State === 'running').map(({ Id }) => watched(Id!));
  const left = own.filter(({ HostConfig, Labels }) => {
    const role = Labels?.[LABEL.role];
    return role === 'edge-lock' || (role === 'helper' && !running.includes(HostConfig?.NetworkMode ?? ''));
  });
  return left.map(({ Id }) => Id!);
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
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return { id: image.Id!, digest: digestOf(image.RepoDigests ?? [], repository) };
}

/** The engine writes Docker Hub's names short; `redis`, `library/redis` and `docker.io/library/redis` are one. */
function digestOf(digests: readonly string[], repository: string): string | undefined {
  const short = (name: string) => name.replace(/^docker\.io\//, '').replace(/^library\//, '');
  return digests.find((digest) => short(digest.split('@')[0] ?? '') === short(repository));
}

function nameOf({ Names }: ContainerSummary): string {
  return Names?.[0]?.replace(/^\//, '') ?? '';
}

function belongsTo({ Labels }: ContainerSummary, scope: Scope): boolean {
  return Labels?.[LABEL.project] === scope.project && Labels?.[LABEL.environment] === scope.environment;
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
