import { Fleet } from '../fleet/fleet.ts';
import { checkNarrowing, serversOf } from './planning/narrowing.ts';
import { Journal } from './recording/journal.ts';
import type { DeployReport, DeployRequest } from './request.ts';
import { restore } from './restoring/restore.ts';
import { Deployment } from './running/deployment.ts';
import { describeSpan, Timeline } from './running/timeline.ts';

/**
 * deploy brings an environment to what is wanted: it looks at the servers and the record, plans, runs the plan
 * and records. It throws before the first change for whatever can be known before; a failure after that is in
 * the report, beside what was done.
 *
 * A toggle of one service takes 33 Engine calls on each server (`npm run bench` counts them):
 *
 * | calls | for |
 * | --- | --- |
 * | 7 | what there is: a ping, how the server does, the containers, how the old one is made, the image, and the volumes of edge and sidecar |
 * | 3 | what nothing refers to any more: networks, volumes and images with the project's labels |
 * | 3 | the new container: create, start, and its address |
 * | 2 | the lock of the edge, which projects share: taken and given back |
 * | 4 | edge and sidecar: each is written to in one archive, and told to read it |
 * | 12 | the drain: a helper in the old container's network comes and goes (3), and looks three times; a look is an exec of three calls, since a table that could not be read must not pass for an empty one |
 * | 2 | the old container: stop, remove |
 *
 * Secrets that are kept cost four more, side by side with the record of the intent. Health, generations and proofs are
 * asked of the app and of nginx, not of the engine.
 */
export async function deploy(request: DeployRequest): Promise<DeployReport> {
  checkNarrowing(request.wanted, request.narrowing);
  const timeline = new Timeline((span) => request.log.info(describeSpan(span)));
  const opening = timeline.measure({ phase: 'lease' }, () =>
    Journal.open(request.openStore(), {
      scope: { project: request.wanted.project, environment: request.wanted.environment },
      author: request.author,
      isReadOnly: request.dryRun,
      leaseWaitMs: request.leaseWaitMs,
      signal: request.signal,
    }),
  );
  const servers = serversOf(request.wanted, request.narrowing);
  const connecting = timeline.measure({ phase: 'connect' }, () => Fleet.connect(request.provider, servers));
  const title = `Connect to ${servers.map(({ host }) => host).join(', ')} and read the record`;
  const [journal, fleet] = await request.log.group(title, () => Promise.allSettled([opening, connecting]));
  try {
    if (fleet.status === 'rejected') throw fleet.reason;
    if (journal.status === 'rejected') throw journal.reason;
    const asked = await restore(request, journal.value.snapshot, fleet.value);
    return await new Deployment(asked, timeline, fleet.value, journal.value).run();
  } finally {
    await Promise.all([
      journal.status === 'fulfilled' && journal.value.close(),
      fleet.status === 'fulfilled' && fleet.value.close(),
    ]);
  }
}
