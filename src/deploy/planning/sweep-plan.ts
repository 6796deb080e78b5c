import { namesOf, repositoryOf } from '../../model/image-name.ts';
import type { SweepStep } from '../steps/sweep.ts';
import type { PlanInput } from './input.ts';
import type { LabelledImage, ObservedServer } from './observed.ts';
import type { Retirement } from './retirement.ts';

/**
 * planSweep returns the steps that remove what nothing refers to any more: helpers and locks of killed runs, networks
 * and volumes of a sidecar that is gone, names that images have while they are transferred, images that no release on record names. `retired` are the containers that
 * the plan removes; their helpers go with them. Pure.
 */
export function planSweep(input: PlanInput, retired: readonly Retirement[]): SweepStep[] {
  if (!input.isSweeping) return [];
  const going = new Set(retired.map(({ id }) => id));
  const wanted = input.services.flatMap(({ spec }) => namesOf(spec.container.image));
  const retained = input.retainedImages && new Set([...input.retainedImages, ...wanted]);
  return input.observed.flatMap((server) => {
    const { helpers, networks, volumes, images, transfers } = server.leftovers;
    const step =
      (what: SweepStep['what']) =>
      ({ id, name }: { id: string; name: string }): SweepStep => ({
        kind: 'sweep',
        server: server.name,
        what,
        id,
        name,
      });
    return [
      ...[...helpers, ...idleHelpers(input, server, going)].map(step('container')),
      ...networks.map(step('network')),
      ...volumes.map(step('volume')),
      ...transfers.map(step('image')),
      ...orphanedImages(images, retained).map(step('image')),
    ];
  });
}

/** Helpers of killed runs that watch a container which has the traffic again: nobody drains it. */
function idleHelpers(input: PlanInput, { copies }: ObservedServer, going: ReadonlySet<string>) {
  return copies
    .filter(({ id }) => !going.has(id) && !input.drainedElsewhere.has(id))
    .flatMap(({ helpers, name }) => helpers.map((id) => ({ id, name: `${name}_drain_…` })));
}

/**
 * orphanedImages returns the images that no container uses and no release on record names; none where the record does
 * not tell. One that is newer than all that run may be about to be deployed, and one with several names is somebody
 * else's too: both stay. Pure.
 */
export function orphanedImages(
  images: readonly LabelledImage[],
  retained: ReadonlySet<string> | undefined,
): { id: string; name: string }[] {
  if (retained === undefined) return [];
  const newest = Math.max(0, ...images.filter(({ isUsed }) => isUsed).map(({ createdAt }) => createdAt));
  return images
    .filter(({ isUsed, createdAt }) => !isUsed && createdAt < newest)
    .filter(({ names }) => hasOneName(names) && !names.some((name) => retained.has(name)))
    .map(({ id, names }) => ({ id, name: names[0] ?? id.replace(/^sha256:/, '').slice(0, 12) }));
}

/** One tag at most, and one repository: then the engine removes it without being forced. */
function hasOneName(names: readonly string[]): boolean {
  const tags = names.filter((name) => !name.includes('@'));
  return tags.length <= 1 && new Set(names.map(repositoryOf)).size <= 1;
}
