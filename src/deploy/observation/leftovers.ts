import type { ContainerSummary, ImageSummary } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import { shortName } from '../../model/image-name.ts';
import { LABEL } from '../../model/labels.ts';
import { networkName, type Scope } from '../../model/names.ts';
import { isNameInTransfer } from '../../model/transferred-image.ts';
import type { Leftover, Leftovers } from '../planning/observed.ts';

/**
 * findLeftovers looks for what carries the labels of an environment on a server and is no service, sidecar or edge:
 * `containers` are all that there are, whoever made them. What others own is never in the result, used or not.
 */
export async function findLeftovers(
  server: Pick<Server, 'engine'>,
  scope: Scope,
  containers: readonly ContainerSummary[],
): Promise<Leftovers> {
  const own = containers.filter(({ Labels }) => isOwned(Labels, scope));
  const [networks, volumes, found] = await Promise.all([
    findNetworks(server, scope),
    findVolumes(server, scope),
    findImages(server, scope, containers),
  ]);
  return { helpers: leftHelpers(own, containers), networks, volumes, ...found };
}

/** isOwned tells whether labels are those of an environment. */
export function isOwned(labels: Record<string, string> | undefined, scope: Scope): boolean {
  return labels?.[LABEL.project] === scope.project && labels[LABEL.environment] === scope.environment;
}

/** The network of a helper that watches a container. */
function watched(id: string): string {
  return `container:${id}`;
}

/** helpersOf returns the ids of the containers among an environment's `own` that watch the connections of a container. */
export function helpersOf(own: readonly ContainerSummary[], id: string): string[] {
  return own.filter(({ HostConfig }) => HostConfig?.NetworkMode === watched(id)).map(({ Id }) => Id!);
}

/**
 * A helper lives in the network of the container it watches, whoever made that one; without it it is a leftover. So is a lock
 * of the edge: only who holds the environment's lease takes one, and removes leftovers. What has diverted connections is
 * nobody's, and whoever finds it ended, after a reboot, takes it away.
 */
function leftHelpers(own: readonly ContainerSummary[], containers: readonly ContainerSummary[]): Leftover[] {
  const running = containers.filter(({ State }) => State === 'running').map(({ Id }) => watched(Id!));
  const left = own.filter(({ HostConfig, Labels }) => {
    const role = Labels?.[LABEL.role];
    return role === 'edge-lock' || (role === 'helper' && !running.includes(HostConfig?.NetworkMode ?? ''));
  });
  const ended = containers.filter(
    ({ Labels, State }) => Labels?.[LABEL.role] === 'edge-divert' && State === 'exited',
  );
  return [...left, ...ended].map(({ Id, Names }) => ({
    id: Id!,
    name: Names?.[0]?.replace(/^\//, '') ?? '',
  }));
}

/** Networks with the environment's labels, but for its own, in which no container runs. */
async function findNetworks({ engine }: Pick<Server, 'engine'>, scope: Scope): Promise<Leftover[]> {
  const found = await engine.listNetworks(labelsOf(scope));
  const others = found.filter(({ Name }) => Name !== networkName(scope));
  const looked = await Promise.all(others.map(({ Id }) => engine.findNetwork(Id!)));
  return looked.flatMap((network) =>
    network === undefined || Object.keys(network.Containers ?? {}).length > 0
      ? []
      : [{ id: network.Id!, name: network.Name! }],
  );
}

/**
 * Volumes with a sidecar's configuration, or with files of a container, that no container mounts. Those of services carry
 * no label, and stay.
 */
async function findVolumes({ engine }: Pick<Server, 'engine'>, scope: Scope): Promise<Leftover[]> {
  const found = await engine.listUnusedVolumes(labelsOf(scope));
  const isOfContainer = (role: string | undefined) => role === 'sidecar' || role === 'files';
  const left = found.filter(({ Labels }) => isOfContainer(Labels?.[LABEL.role]));
  return left.map(({ Name }) => ({ id: Name!, name: Name! }));
}

function labelsOf({ project, environment }: Scope): string[] {
  return [`${LABEL.project}=${project}`, `${LABEL.environment}=${environment}`];
}

/**
 * The images of the project. Where another environment of it stands on the server they are nobody's business here:
 * its releases may need them, and only its own record names those. Names of transfers that were cut off are apart.
 */
async function findImages(
  { engine }: Pick<Server, 'engine'>,
  { project, environment }: Scope,
  containers: readonly ContainerSummary[],
): Promise<Pick<Leftovers, 'images' | 'transfers'>> {
  const isShared = containers.some(
    ({ Labels }) => Labels?.[LABEL.project] === project && Labels[LABEL.environment] !== environment,
  );
  if (isShared) return { images: [], transfers: [] };
  const images = await engine.listImages([`${LABEL.project}=${project}`]);
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  const others = images.filter(({ Id }) => !used.has(Id)).map(({ Id }) => Id);
  // Somebody may have started a container of it by hand, or have built another image on it.
  const users = others.length === 0 ? [] : await engine.listContainers({ ancestor: others });
  for (const { ImageID } of users) used.add(ImageID);
  const transfers = images.flatMap(knownNames).filter(isNameInTransfer);
  return {
    images: images.map((image) => ({
      id: image.Id,
      names: knownNames(image).filter((name) => !isNameInTransfer(name)),
      createdAt: image.Created,
      isUsed: used.has(image.Id),
    })),
    transfers: transfers.map((name) => ({ id: name, name })),
  };
}

/** Engines before 25 write `<none>:<none>` where an image has no name. */
function knownNames({ RepoTags, RepoDigests }: ImageSummary): string[] {
  return [...(RepoTags ?? []), ...(RepoDigests ?? [])]
    .filter((name) => !name.startsWith('<none>'))
    .map(shortName);
}
