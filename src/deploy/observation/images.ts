import type { ContainerSummary, ImageInspect } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import { repositoryOf, shortName } from '../../model/image-name.ts';
import { transferredDigest } from '../../model/transferred-image.ts';
import type { ObservedImage } from '../planning/observed.ts';
import { defaultsOf } from './container-settings.ts';

/** findImage returns an image as it lies on a server, undefined when it does not. */
export async function findImage(server: Server, name: string): Promise<ObservedImage | undefined> {
  const image = await server.engine.findImage(name);
  if (image === undefined) return undefined;
  const digest = digestOf(image.RepoDigests ?? [], repositoryOf(name)) ?? transferredDigest(name);
  const platform = platformOf(image);
  return {
    id: image.Id!,
    digest,
    ...(platform !== undefined && { platform }),
    defaults: defaultsOf(image.Config ?? {}),
  };
}

function platformOf({ Os, Architecture, Variant }: ImageInspect): string | undefined {
  return Os && Architecture ? [Os, Architecture, ...(Variant ? [Variant] : [])].join('/') : undefined;
}

/**
 * findNginxImage is findImage for the image of edge and sidecar. The list of containers names an image by its id once its
 * name is gone; so where one that runs is named, nobody is asked.
 */
export async function findNginxImage(
  server: Server,
  name: string,
  running: readonly ContainerSummary[],
): Promise<ObservedImage | undefined> {
  const named = running.find(({ Image }) => Image === name);
  return named === undefined ? await findImage(server, name) : { id: named.ImageID!, digest: undefined };
}

/** The engine writes Docker Hub's names short; `redis`, `library/redis` and `docker.io/library/redis` are one. */
function digestOf(digests: readonly string[], repository: string): string | undefined {
  return digests.find((digest) => shortName(repositoryOf(digest)) === shortName(repository));
}
