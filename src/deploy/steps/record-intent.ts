import { UserError } from '../../model/errors.ts';
import type { RecordedHooks } from '../../model/release.ts';
import { findImage } from '../observation/images.ts';
import type { ObservedImage } from '../planning/observed.ts';
import type { WantedService } from '../planning/wanted.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** A service whose new release is about to start, and what is known of its image on servers that have it already. */
export interface BegunService {
  service: WantedService;
  /** The release before, 0 for none. */
  from: number;
  images: Readonly<Record<string, ObservedImage | undefined>>;
  hooks: RecordedHooks | undefined;
}

/** Noting on the record which releases are about to start, before anything of them does. */
export interface RecordIntentStep {
  kind: 'record intent';
  begun: BegunService[];
}

/** Records the releases with the digests of their images, and that their rollouts have begun. */
export const recordIntent: StepKind<RecordIntentStep> = {
  describe: ({ begun }) =>
    `record the intent: ${begun.map(({ service: { name, release } }) => `${name} release ${release.number}`).join(', ')}`,
  async run(step, context) {
    const found = await Promise.all(
      step.begun.map(async (one) => [one.service.name, await findDigest(context, one)] as const),
    );
    for (const [name, digest] of found) if (digest !== undefined) context.known.digests.set(name, digest);
    await context.record.intend(step, context.known.digests);
  },
};

/** All servers must run one image: a tag may have moved between two pulls, and then a UserError names the servers. */
async function findDigest(
  { fleet }: RunContext,
  { service, images }: BegunService,
): Promise<string | undefined> {
  const { image } = service.spec.container;
  const found = await Promise.all(
    fleet.servers.map(async (server) => {
      const seen = images[server.name] ?? (await findImage(server, image));
      return { server: server.name, digest: seen?.digest };
    }),
  );
  const known = found.filter(({ digest }) => digest !== undefined);
  const [first] = known;
  const other = known.find(({ digest }) => digest !== first?.digest);
  if (first !== undefined && other !== undefined) {
    throw new UserError(`${image} is another image on ${other.server} than on ${first.server}`, {
      hint: 'Set "pull_policy: always", or name the image by digest.',
    });
  }
  return first?.digest;
}
