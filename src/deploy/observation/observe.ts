import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import { LABEL } from '../../model/labels.ts';
import {
  containerName,
  EDGE_BRIDGE_NAME,
  EDGE_NETWORK,
  type HookName,
  networkName,
  type Scope,
  scopeName,
} from '../../model/names.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import { isVersionedName } from '../../model/version-name.ts';
import { NginxInstance, readTree } from '../../nginx/instance.ts';
import type { NginxKind } from '../../nginx/render.ts';
import { adoptedContainers } from '../planning/adopted.ts';
import { repositoryOf, shortName } from '../planning/image-name.ts';
import type {
  ObservedContainer,
  ObservedHook,
  ObservedImage,
  ObservedNginx,
  ObservedServer,
} from '../planning/observed.ts';
import { defaultsOf, settingsOf } from '../planning/settings.ts';
import { findLeftovers, helpersOf, isOwned } from './leftovers.ts';
import { observeForeign } from './observe-foreign.ts';

/**
 * observe looks at what runs on a server of an environment: one call lists the containers; then edge, sidecar,
 * images, how each container of a service is made, and what is left over are read side by side.
 */
export async function observe(
  server: Server,
  scope: Scope,
  wanted: Pick<EnvironmentSpec, 'services' | 'nginx'>,
): Promise<ObservedServer> {
  const { engine } = server;
  const { services, nginx } = wanted;
  const network = networkName(scope);
  const imagesWanted = [...new Set(services.map((spec) => spec.container.image))];

  const [everything, images] = await Promise.all([
    engine.listContainers(),
    Promise.all(imagesWanted.map(async (name) => [name, await findImage(server, name)] as const)),
  ]);
  const all = everything.filter(({ Labels }) => Labels?.[LABEL.role] !== undefined);
  const role = (name: string) => all.filter((summary) => summary.Labels?.[LABEL.role] === name);
  const own = all.filter(({ Labels }) => isOwned(Labels, scope));
  const services_ = own.filter((summary) => summary.Labels?.[LABEL.role] === 'service');

  const bridge = role('edge-bridge').find(
    (summary) => summary.State === 'running' && nameOf(summary) === EDGE_BRIDGE_NAME,
  );
  const edges = role('edge');
  const running = edges.find(({ State }) => State === 'running');

  const [standing, foreign, hooks, sidecar, edge, nginxImage, leftovers] = await Promise.all([
    Promise.all(services_.map((summary) => observeContainer(server, summary, own, network))),
    observeForeign(server, everything, scope, wanted),
    Promise.all(
      own
        .filter(({ Labels }) => Labels?.[LABEL.role] === 'hook')
        .map((summary) => observeHook(server, summary)),
    ),
    observeNginx(
      'sidecar',
      server,
      own.find((summary) => summary.Labels?.[LABEL.role] === 'sidecar'),
      scope,
    ),
    observeNginx('edge', server, running ?? bridge ?? edges[0], scope),
    findNginxImage(server, nginx.image, [...edges, ...role('edge-bridge'), ...role('sidecar')]),
    findLeftovers(server, scope, everything),
  ]);
  return {
    host: server.host,
    containers: [
      ...standing.filter((container) => isNamedByUs(scope, container)),
      ...adoptedContainers(scope, services, foreign),
    ],
    copies: standing.filter((container) => !isNamedByUs(scope, container)),
    hooks,
    sidecar,
    edge,
    bridge: bridge?.Id,
    isDiverted: role('edge-divert').some(({ State }) => State === 'running'),
    foreign,
    hasNetwork: sidecar !== undefined || (await engine.findNetwork(network)) !== undefined,
    foreignHostPorts: all
      .filter(({ Labels }) => !isOwned(Labels, scope))
      .flatMap(({ Labels }) => [Labels?.[LABEL.hostPort], Labels?.[LABEL.versionPort]])
      .filter((port) => port !== undefined)
      .map(Number),
    leftovers,
    images: new Map(
      [[nginx.image, nginxImage] as const, ...images].flatMap(([name, found]) =>
        found === undefined ? [] : [[name, found]],
      ),
    ),
  };
}

/** The list of containers names an image by its id once its name is gone; so where one is named, nobody is asked. */
async function findNginxImage(server: Server, name: string, running: readonly ContainerSummary[]) {
  const named = running.find(({ Image }) => Image === name);
  return named === undefined ? await findImage(server, name) : { id: named.ImageID!, digest: undefined };
}

/** findImage returns an image as it lies on a server, undefined when it does not. */
export async function findImage(server: Server, name: string): Promise<ObservedImage | undefined> {
  const image = await server.engine.findImage(name);
  if (image === undefined) return undefined;
  const digest = digestOf(image.RepoDigests ?? [], repositoryOf(name));
  return { id: image.Id!, digest, defaults: defaultsOf(image.Config ?? {}) };
}

/** The engine writes Docker Hub's names short; `redis`, `library/redis` and `docker.io/library/redis` are one. */
function digestOf(digests: readonly string[], repository: string): string | undefined {
  return digests.find((digest) => shortName(repositoryOf(digest)) === shortName(repository));
}

function nameOf({ Names }: ContainerSummary): string {
  return Names?.[0]?.replace(/^\//, '') ?? '';
}

function isNamedByUs(scope: Scope, { service, side, name }: ObservedContainer): boolean {
  return name === containerName(scope, service, side) || isVersionedName(scope, service, name);
}

async function observeContainer(
  server: Server,
  summary: ContainerSummary,
  own: readonly ContainerSummary[],
  network: string,
): Promise<ObservedContainer> {
  const labels = summary.Labels ?? {};
  // It may have gone since it was listed.
  const found = await server.engine.findContainer(summary.Id!);
  const settings = found && settingsOf(found);
  return {
    id: summary.Id!,
    name: nameOf(summary),
    service: labels[LABEL.service] ?? '',
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
    helpers: helpersOf(own, summary.Id!),
    condition: {
      state: summary.State ?? '',
      restarts: found?.RestartCount ?? 0,
      health: found?.State?.Health?.Status,
    },
    ...(settings && { settings, environment: settings.environment }),
  };
}

/** The list of containers says when one has ended, and not how. */
async function observeHook(server: Server, summary: ContainerSummary): Promise<ObservedHook> {
  const labels = summary.Labels ?? {};
  const found = summary.State === 'created' ? undefined : await server.engine.findContainer(summary.Id!);
  return {
    id: summary.Id!,
    name: nameOf(summary),
    service: labels[LABEL.service] ?? '',
    hook: labels[LABEL.hook] as HookName,
    release: Number(labels[LABEL.release]),
    status: found === undefined ? 'created' : found.State?.Running ? 'running' : 'ended',
    exitCode: found?.State?.ExitCode ?? 0,
  };
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
