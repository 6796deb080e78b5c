import { builtRepository, type RegistrySpec } from '../model/build.ts';
import { repositoryOf } from '../model/image-name.ts';
import type { Scope } from '../model/names.ts';
import { transferredName } from '../model/transferred-image.ts';
import type { Report } from './check-service.ts';
import type { BuildInput } from './schema/build.ts';
import type { ServiceInput } from './schema/service.ts';

/** How a service is built as the file has it, and what its image is called. */
export interface ServiceBuild {
  input: BuildInput;
  repository: string;
  /** The file says itself what the image is called. */
  isNamed: boolean;
  /** It goes from the runner to the servers, through no registry. */
  isTransferred: boolean;
  /** The tag that the file gives the image beside its name. */
  tag: string | undefined;
  /** The `platform` of its container. */
  platform: string | undefined;
}

/** The places and names that a build follows from. */
export interface BuildSurroundings extends Scope {
  registry: RegistrySpec | 'none' | undefined;
  /** The engine is that of this machine: an image need not be pushed. */
  isLocal: boolean;
}

/**
 * serviceBuildOf returns how a service is built, or undefined for one that is not. It reports a build whose image would
 * have no name, and two Dockerfiles.
 */
export function serviceBuildOf(
  service: string,
  { build: input, image, platform }: ServiceInput,
  surroundings: BuildSurroundings,
  report: Report,
): ServiceBuild | undefined {
  if (input === undefined) return undefined;
  const { registry, isLocal } = surroundings;
  if (input.dockerfile !== undefined && input.dockerfile_inline !== undefined) {
    report(['build', 'dockerfile_inline'], 'excludes dockerfile', 'Keep one of the two.');
  }
  for (const key of ['dockerfile', 'dockerfile_inline', 'target'] as const) {
    if (input.template === undefined || input[key] === undefined) continue;
    const hint = 'A template makes the Dockerfile: keep one of the two.';
    report(['build', key], 'excludes template', hint);
  }
  if (image === undefined && registry === undefined && !isLocal) {
    report(
      ['build'],
      'has no place where its image is kept',
      'Write registry: ghcr.io/<account> at the top of the file, registry: none where there is no registry, or the name of the image as image.',
    );
  }
  if (registry === 'none' && image !== undefined && hasRegistry(image)) {
    report(
      ['image'],
      'names a registry, and the file says registry: none',
      'Leave image out, or write the registry at the top of the file in place of none.',
    );
  }
  const repository =
    image === undefined ? builtRepository(registry, surroundings, service) : repositoryOf(image);
  const tag = image?.includes('@') ? undefined : image?.slice(repository.length + 1) || undefined;
  const isTransferred = registry === 'none' && !isLocal;
  return { input, repository, isNamed: image !== undefined, isTransferred, tag, platform };
}

/**
 * imageOnServers returns what an image that a run was given for a service is called on servers: one that is built for no
 * registry is not known there by its digest. Pure.
 */
export function imageOnServers(
  build: ServiceBuild | undefined,
  given: string | undefined,
): string | undefined {
  if (given === undefined || !build?.isTransferred || repositoryOf(given) !== build.repository) return given;
  return transferredName(given) ?? given;
}

/** By the rule of distribution/reference. */
function hasRegistry(image: string): boolean {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
}
