import type { Fleet } from '../fleet/fleet.ts';
import { LABEL } from '../model/labels.ts';
import type { EnvironmentSpec, ServiceSpec } from '../model/spec.ts';
import { isTransferred } from '../model/transferred-image.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { Layouts } from './steps/context.ts';
import { findLayout } from './steps/transfer.ts';

/** What is wanted, of whom, and what is known of it. */
interface Wanted {
  wanted: EnvironmentSpec;
  fleet: Fleet;
  snapshot: Pick<Snapshot, 'state' | 'release'>;
}

/**
 * sameContent returns the services whose image serves already, in all but its digest. Without a registry nobody has told
 * the builder that there is an image of the same content: another job has built it again, with another commit on its labels.
 * Servers are asked about services alone whose image comes from this machine.
 */
export async function sameContent({ wanted, ...known }: Wanted, layouts: Layouts): Promise<string[]> {
  const found = await Promise.all(
    wanted.services.map(async (spec) => ((await isSame(spec, known, layouts)) ? [spec.name] : [])),
  );
  return found.flat();
}

async function isSame(
  { name, container: { image }, placement }: ServiceSpec,
  { fleet, snapshot }: Omit<Wanted, 'wanted'>,
  layouts: Layouts,
): Promise<boolean> {
  const recorded = snapshot.state.services[name];
  const content = (await findLayout(layouts, image))?.platforms[0]?.labels[LABEL.content];
  if (content === undefined || recorded === undefined || recorded.release === 0) return false;
  const serving = (await snapshot.release(name, recorded.release))?.container.image;
  if (serving === undefined || serving === image || !isTransferred(serving)) return false;
  const homes = fleet.servers.filter((server) => recorded.copies.some((copy) => copy.server === server.name));
  // A server that it comes to anew has to get the image, and this machine has the new one alone.
  if (homes.length < Math.min(placement.servers, fleet.servers.length)) return false;
  const images = await fleet.onAll(({ engine }) => engine.findImage(serving), homes);
  return images.every((one) => one?.Config?.Labels?.[LABEL.content] === content);
}
