import type { Release } from '../../model/release.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import { namesOf } from '../planning/image-name.ts';

/**
 * readRetainedImages returns the names of the images of all releases on record: what runs, what ran before, and all
 * that can be rolled back to, of services that have left too. Undefined when there is no release, or one cannot be
 * read: then nobody knows what is needed.
 */
export async function readRetainedImages(snapshot: Snapshot): Promise<ReadonlySet<string> | undefined> {
  const { services, release_numbers = {} } = snapshot.state;
  const names = new Set([...Object.keys(services), ...Object.keys(release_numbers)]);
  const asked = [...names].flatMap((name) => {
    const highest = Math.max(services[name]?.release ?? 0, release_numbers[name] ?? 0);
    return Array.from({ length: highest }, (_, index) => snapshot.release(name, index + 1));
  });
  const answers: (Release | undefined)[] = await Promise.all(asked).catch(() => []);
  const releases = answers.filter((release) => release !== undefined);
  if (releases.length === 0) return undefined;
  return new Set(
    releases.flatMap(({ container, image_digest }) =>
      [container.image, image_digest].filter((image) => image !== undefined).flatMap(namesOf),
    ),
  );
}
