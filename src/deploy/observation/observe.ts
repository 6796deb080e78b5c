import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import type { Clock } from '../../model/clock.ts';
import { isSlot } from '../../model/copy.ts';
import { LABEL } from '../../model/labels.ts';
import {
  containerName,
  EDGE_BRIDGE_NAME,
  EDGE_NETWORK,
  type HookName,
  networkName,
  type Scope,
  scopeName,
  sidecarName,
  sidecarSuccessorName,
} from '../../model/names.ts';
import { parseExtraPorts } from '../../model/ports.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import { isVersionedName } from '../../model/version-name.ts';
import { NginxInstance, readTree } from '../../nginx/instance.ts';
import type { NginxKind } from '../../nginx/routes.ts';
import { adoptedCopies } from '../planning/adopted.ts';
import type { ObservedCopy, ObservedHook, ObservedNginx, ObservedServer } from '../planning/observed.ts';
import { settingsFound } from './container-settings.ts';
import { findImage, findNginxImage } from './images.ts';
import { findLeftovers, helpersOf, isOwned } from './leftovers.ts';
import { findMade } from './made.ts';
import { observeForeign } from './observe-foreign.ts';

/**
 * observe looks at what runs on a server of an environment: one call lists the containers; then edge, sidecar,
 * images, how each container of a service is made, and what is left over are read side by side.
 */
export async function observe(
  server: Server,
  scope: Scope,
  wanted: Pick<EnvironmentSpec, 'services' | 'nginx'>,
  clock: Clock,
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
  const own = all.filter(({ Labels }) => isOwned(Labels, scope));
  const copies = withRole(own, 'service');
  const among = nginxAmong(scope, all, own);

  const [
    standing,
    foreign,
    hooks,
    sidecar,
    edge,
    madeEdge,
    madeSidecar,
    otherSidecars,
    nginxImage,
    leftovers,
  ] = await Promise.all([
    Promise.all(copies.map((summary) => observeCopy(server, summary, own, network))),
    observeForeign(server, everything, scope, wanted),
    Promise.all(withRole(own, 'hook').map((summary) => observeHook(server, summary))),
    observeNginx('sidecar', server, among.sidecar, scope, clock),
    observeNginx('edge', server, among.edge, scope, clock),
    findMade(server, among.madeEdge, own),
    findMade(server, among.sidecar, own),
    Promise.all(among.otherSidecars.map((summary) => findMade(server, summary, own))),
    findNginxImage(server, nginx.image, withRole(all, 'edge', 'edge-bridge', 'sidecar')),
    findLeftovers(server, scope, everything),
  ]);
  return {
    name: server.name,
    owner: ownerOf(scope, [sidecar, edge], own),
    copies: [
      ...standing.filter((copy) => isNamedByUs(scope, copy)),
      ...adoptedCopies(scope, services, foreign),
    ],
    handMade: standing.filter((copy) => !isNamedByUs(scope, copy)),
    hooks,
    sidecar,
    edge,
    ...(madeEdge && { madeEdge }),
    ...(madeSidecar && { madeSidecar }),
    ...(otherSidecars.length > 0 && { otherSidecars: otherSidecars.filter((one) => one !== undefined) }),
    bridge: among.bridge?.Id,
    isDiverted: isDivertedBy(all),
    foreign,
    hasNetwork: sidecar !== undefined || (await engine.findNetwork(network)) !== undefined,
    foreignHostPorts: all
      .filter(({ Labels }) => !isOwned(Labels, scope))
      .flatMap(({ Labels }) => hostPortsOf(Labels)),
    leftovers,
    images: new Map(
      [[nginx.image, nginxImage] as const, ...images].flatMap(([name, found]) =>
        found === undefined ? [] : [[name, found]],
      ),
    ),
  };
}

/** observeOwner looks only for the repository that an environment belongs to on a server. */
export async function observeOwner(
  server: Server,
  scope: Scope,
  clock: Clock,
): Promise<Pick<ObservedServer, 'name' | 'owner'>> {
  const all = await server.engine.listContainers();
  const own = all.filter(({ Labels }) => isOwned(Labels, scope));
  const { sidecar, edge } = nginxAmong(scope, all, own);
  const instances = await Promise.all([
    observeNginx('sidecar', server, sidecar, scope, clock),
    observeNginx('edge', server, edge, scope, clock),
  ]);
  return { name: server.name, owner: ownerOf(scope, instances, own) };
}

/** observeEdge looks only for the edge of a server, and to whom the environment belongs there. */
export async function observeEdge(
  server: Server,
  scope: Scope,
  clock: Clock,
): Promise<Pick<ObservedServer, 'name' | 'owner' | 'edge'>> {
  const all = await server.engine.listContainers();
  const own = all.filter(({ Labels }) => isOwned(Labels, scope));
  const edge = await observeNginx('edge', server, nginxAmong(scope, all, own).edge, scope, clock);
  return { name: server.name, owner: ownerOf(scope, [edge], own), edge };
}

function withRole(containers: readonly ContainerSummary[], ...roles: string[]): ContainerSummary[] {
  return containers.filter(({ Labels }) => roles.includes(Labels?.[LABEL.role] ?? ''));
}

/** Tells whether new connections to the ports of a server go to its bridge. */
function isDivertedBy(all: readonly ContainerSummary[]): boolean {
  return withRole(all, 'edge-divert').some(({ State }) => State === 'running');
}

/** The sidecar among an environment's `own` containers, and the edge of the server, for which a bridge may stand in. */
function nginxAmong(
  scope: Scope,
  all: readonly ContainerSummary[],
  own: readonly ContainerSummary[],
): Record<'sidecar' | 'edge' | 'madeEdge' | 'bridge', ContainerSummary | undefined> & {
  otherSidecars: ContainerSummary[];
} {
  const bridge = withRole(all, 'edge-bridge').find(
    (summary) => summary.State === 'running' && nameOf(summary) === EDGE_BRIDGE_NAME,
  );
  const edges = withRole(all, 'edge');
  const running = edges.find(({ State }) => State === 'running');
  // Where new connections go is where traffic moves.
  const edge = isDivertedBy(all) && bridge !== undefined ? bridge : (running ?? bridge ?? edges[0]);
  const [sidecar, ...otherSidecars] = sidecarsAmong(scope, own);
  return { sidecar, otherSidecars, edge, madeEdge: running ?? edges[0], bridge };
}

/** The sidecar first: who has its name; a run that was cut off may have left that to nobody, but to the successor in a moment. */
function sidecarsAmong(scope: Scope, own: readonly ContainerSummary[]): ContainerSummary[] {
  const names = [sidecarName(scope), sidecarSuccessorName(scope)];
  const place = (summary: ContainerSummary) =>
    names.includes(nameOf(summary)) ? names.indexOf(nameOf(summary)) : names.length;
  return withRole(own, 'sidecar').sort((a, b) => place(a) - place(b));
}

/**
 * What is handed over keeps its containers, and labels never change: the manifests say to whom it belongs now. Before the
 * first switch there are only labels.
 */
function ownerOf(
  scope: Scope,
  instances: readonly (ObservedNginx | undefined)[],
  own: readonly ContainerSummary[],
): string | undefined {
  const written = instances.map(
    (nginx) => nginx?.tree.folders[nginx.folder].manifest?.scopes[scopeName(scope)]?.repository,
  );
  const labelled = own.map(({ Labels }) => Labels?.[LABEL.repository]);
  return [...written, ...labelled].find((repository) => repository !== undefined);
}

/** All host ports of the slot `base` that a container's labels tell of. */
function hostPortsOf(labels: ContainerSummary['Labels'] = {}): number[] {
  const extra = Object.values(parseExtraPorts(labels[LABEL.extraPorts]));
  const own = [labels[LABEL.hostPort], labels[LABEL.versionPort]].filter((port) => port !== undefined);
  return [...own.map(Number), ...extra.map(({ host }) => host)];
}

function nameOf({ Names }: ContainerSummary): string {
  return Names?.[0]?.replace(/^\//, '') ?? '';
}

function isNamedByUs(scope: Scope, { service, slot, name }: ObservedCopy): boolean {
  return name === containerName(scope, service, slot) || isVersionedName(scope, service, name);
}

async function observeCopy(
  server: Server,
  summary: ContainerSummary,
  own: readonly ContainerSummary[],
  network: string,
): Promise<ObservedCopy> {
  const labels = summary.Labels ?? {};
  // It may have gone since it was listed.
  const found = await server.engine.findContainer(summary.Id!);
  const slot = labels[LABEL.slot];
  return {
    id: summary.Id!,
    name: nameOf(summary),
    service: labels[LABEL.service] ?? '',
    slot: isSlot(slot) ? slot : 'base',
    release: Number(labels[LABEL.release]),
    hash: labels[LABEL.containerHash] ?? '',
    secretsVersion: Number(labels[LABEL.secretsVersion] ?? 0),
    image: labels[LABEL.version] ?? summary.Image ?? '',
    imageId: summary.ImageID ?? '',
    isRunning: summary.State === 'running',
    hostPort: Number(labels[LABEL.hostPort]),
    versionPort: labels[LABEL.versionPort] === undefined ? undefined : Number(labels[LABEL.versionPort]),
    internalPort: Number(labels[LABEL.internalPort]),
    extraPorts: parseExtraPorts(labels[LABEL.extraPorts]),
    address: summary.NetworkSettings?.Networks?.[network]?.IPAddress || undefined,
    helpers: helpersOf(own, summary.Id!),
    condition: {
      state: summary.State ?? '',
      restarts: found?.RestartCount ?? 0,
      health: found?.State?.Health?.Status,
    },
    ...(found && { settings: settingsFound(found) }),
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
  clock: Clock,
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
        .look(scopeName(scope), clock)
        .catch(() => undefined)
    : undefined;
  const tree = served?.tree ?? (await readTree(server, id));
  return {
    id,
    name,
    isRunning: served !== undefined,
    address,
    tree,
    folder: served?.folder ?? tree.live,
    generation: served?.generation,
    reloadedMsAgo: served?.reloadedMsAgo ?? Number.POSITIVE_INFINITY,
    isInNetwork: networks[networkName(scope)] !== undefined,
  };
}
