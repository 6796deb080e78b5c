import type { ResolvedEnvironment } from '../config/resolve.ts';
import type { Inputs } from './inputs.ts';

/** The services of an environment that are built. */
type Builds = Pick<ResolvedEnvironment, 'builds'>;

/** isGivenBuilt tells whether a run was given the image of any service that is built: it builds none then. Pure. */
export function isGivenBuilt({ builds }: Builds, images: Inputs['images']): boolean {
  return Object.keys(builds).some((name) => Object.hasOwn(images, name));
}

/**
 * keptImages returns the services whose image stays the one that serves: those that are built, and of which this run has
 * none. `images` is undefined for a run that brings no new versions, `service` for one that works on all. Pure.
 */
export function keptImages(
  { builds }: Builds,
  { images, service }: Partial<Pick<Inputs, 'images' | 'service'>>,
): string[] {
  if (images === undefined) return [];
  return Object.keys(builds)
    .filter((name) => service?.includes(name) ?? true)
    .filter((name) => !Object.hasOwn(images, name));
}
