import { failTogether, UserError } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { ChangeRequest } from './request.ts';
import { sameContent } from './same-content.ts';

/** What the record says of the images that serve. */
interface RecordedImages {
  state: { services: Readonly<Record<string, { release: number }>> };
  release(service: string, number: number): Promise<{ container: { image: string } } | undefined>;
}

/**
 * keptOf returns the services whose image stays the one that serves: those that the request names, and those of which it
 * brings the same content. A rollback says itself what it brings back.
 */
export async function keptOf(
  { keptImages = [], rollback, layouts }: Pick<ChangeRequest, 'keptImages' | 'rollback' | 'layouts'>,
  known: Parameters<typeof sameContent>[0],
): Promise<string[]> {
  if (rollback !== undefined) return [...keptImages];
  return [...new Set([...keptImages, ...(await sameContent(known, layouts))])];
}

/**
 * withKeptImages returns what is wanted, with the images that serve for services of which this run has none. It throws a
 * UserError for those of which none serves yet.
 */
export async function withKeptImages(
  wanted: EnvironmentSpec,
  kept: readonly string[],
  snapshot: RecordedImages,
): Promise<EnvironmentSpec> {
  if (kept.length === 0) return wanted;
  const images = new Map(
    await Promise.all(
      kept.map(async (service) => {
        const number = snapshot.state.services[service]?.release ?? 0;
        const release = number > 0 ? await snapshot.release(service, number) : undefined;
        return [service, release?.container.image] as const;
      }),
    ),
  );
  failTogether(
    kept.flatMap((service) =>
      images.get(service) === undefined
        ? [
            new UserError(`${service}: this run has no image of it, and none serves yet`, {
              hint: 'Build it as well: its name belongs into the input service of build-push, or leave that input out; and hand all images on by the input images.',
            }),
          ]
        : [],
    ),
  );
  return {
    ...wanted,
    services: wanted.services.map((spec) => {
      const image = images.get(spec.name);
      return image === undefined ? spec : { ...spec, container: { ...spec.container, image } };
    }),
  };
}
