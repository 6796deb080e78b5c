import { type LoadedConfig, originsOf, problemError } from '../config/load.ts';
import type { ResolvedEnvironment } from '../config/resolve.ts';
import { failTogether } from '../model/errors.ts';

/** What a run has been given. */
interface GivenImages {
  /** By service; undefined for a run that brings no new versions. */
  images: Readonly<Record<string, string>> | undefined;
  /** The services that it works on; undefined is all. */
  service: readonly string[] | undefined;
}

/**
 * keptImages returns the services whose image stays the one that serves: those that are built, and of which this run has
 * none. A service that names its image itself has that one, as long as the run brings none of any service that is built.
 * Pure.
 */
export function keptImages({ builds }: ResolvedEnvironment, { images, service }: GivenImages): string[] {
  if (images === undefined) return [];
  const built = Object.keys(builds);
  const isAnyGiven = built.some((name) => Object.hasOwn(images, name));
  return built
    .filter((name) => service?.includes(name) ?? true)
    .filter((name) => !Object.hasOwn(images, name) && (isAnyGiven || !builds[name]!.isNamed));
}

/** checkBuilt throws UserErrors for services that are built when a deploy has the image of none of them. */
export function checkBuilt(
  project: ResolvedEnvironment & { config: LoadedConfig },
  given: GivenImages,
): void {
  const kept = keptImages(project, given);
  const isAnyGiven = Object.keys(project.builds).some((name) => Object.hasOwn(given.images ?? {}, name));
  if (isAnyGiven) return;
  failTogether(
    kept.map((service) => {
      const path = ['services', service, 'build'];
      const message = 'its image is built, and this run was given none';
      const hint =
        'Run the action build-push before this step, and hand its output on: images: ${{ steps.build.outputs.images }}, where "build" is the id of that step.';
      const { environment } = project.wanted;
      return problemError({ path, message, hint }, project.config.locate(...originsOf(environment, path)));
    }),
  );
}
