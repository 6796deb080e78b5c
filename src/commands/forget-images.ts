import { messageOf, UserError } from '../model/errors.ts';
import { repositoryOf } from '../model/image-name.ts';
import { RegistryClient } from '../registry/client.ts';
import type { Project } from './project.ts';
import { loginsOf } from './registry-access.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * forgetImages removes the images of releases that are no longer kept from the registry, where that lets us. Only those under a
 * name that follows from project, environment and service: what is named otherwise may be somebody else's too. It never fails,
 * since what stays costs space and nothing else. A run beside it that found such an image and has not released it yet fails
 * before its first change, and the next one builds it again.
 */
export async function forgetImages(
  { builds, access }: Pick<Project, 'builds' | 'access'>,
  images: readonly string[],
  { log, signal }: Surroundings,
): Promise<void> {
  const own = Object.values(builds)
    .filter(({ isNamed, isTransferred }) => !isNamed && !isTransferred)
    .map(({ repository }) => repository);
  const forgotten = images.filter((image) => own.includes(repositoryOf(image)));
  if (forgotten.length === 0) return;
  const registry = new RegistryClient(loginsOf(access), signal);
  for (const image of forgotten) {
    try {
      await removeWhole(registry, image);
      log.info(`${image} has left the registry: no release that is kept has it`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.info(`images of old releases stay in the registry: ${messageOf(error)}`);
      return;
    }
  }
}

/** An image may lie in a list with its provenance, which the tag of its commit names. */
async function removeWhole(registry: RegistryClient, image: string): Promise<void> {
  const repository = repositoryOf(image);
  const revision = (await registry.labelsOf(image))?.['org.opencontainers.image.revision'];
  const [, digest = ''] = image.split('@');
  const list =
    revision === undefined ? undefined : await registry.listWith(`${repository}:${revision}`, digest);
  if (list !== undefined) await registry.remove(`${repository}@${list}`);
  await registry.remove(image);
}
