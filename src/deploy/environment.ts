import { Fleet } from '../fleet/fleet.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { Facts } from './planning/build-input.ts';
import { checkNarrowing, type Narrowing, serversOf } from './planning/narrowing.ts';
import { Journal, type JournalOptions } from './record/journal.ts';
import type { Reach } from './request.ts';
import type { Timeline } from './timeline.ts';

/** An environment whose servers are connected and whose record is open. */
export interface OpenEnvironment {
  /** With the servers that there are. */
  wanted: EnvironmentSpec;
  fleet: Fleet;
  journal: Journal;
  /** The repository that the run is of. */
  repository: string;
  /** What was seen while the lease was being taken: it holds until the run changes something. */
  seenAhead?: Promise<Facts>;
}

/** What a look at the servers needs that does not wait for the lease. */
export interface LookAhead extends Pick<OpenEnvironment, 'wanted' | 'fleet' | 'repository'> {
  snapshot: Snapshot;
}

/** What of an environment is opened, and how. */
export interface Opening {
  wanted: EnvironmentSpec;
  narrowing: Narrowing;
  /** To read only, no lease is taken; else what it needs. */
  access: 'read' | Omit<JournalOptions, 'scope' | 'clock' | 'isReadOnly'>;
  timeline: Timeline;
  /** Looks at the servers while the lease is being taken, which takes a round trip to the remote. */
  lookAhead?: (ahead: LookAhead) => Promise<Facts>;
}

/**
 * withEnvironment asks the provider for the servers, connects to those that a run is narrowed to and opens the record, side
 * by side; it hands both to `work` and closes all when that is done. A run that changes something makes sure that the
 * servers are there. It throws what keeps it from any of the servers, all together, or from the record; and a UserError for
 * a narrowing that names what is not there.
 */
export async function withEnvironment<T>(
  reach: Reach,
  { wanted: file, narrowing, access, timeline, lookAhead }: Opening,
  work: (environment: OpenEnvironment) => Promise<T>,
): Promise<T> {
  const { provider, log, clock } = reach;
  const wanted = { ...file, servers: await (access === 'read' ? provider.servers() : provider.ensure()) };
  checkNarrowing(wanted, narrowing);
  const servers = serversOf(wanted, narrowing);
  const scope = { project: wanted.project, environment: wanted.environment };
  const options =
    access === 'read'
      ? { ...READ_ONLY, scope, clock, isReadOnly: true }
      : { ...access, scope, clock, isReadOnly: false };
  const connecting = timeline.measure({ phase: 'connect' }, () => Fleet.connect(provider, servers));
  const finding = reach.findRepository();
  const meanwhile =
    lookAhead &&
    ((snapshot: Snapshot) => {
      const looking = Promise.all([connecting, finding]).then(([fleet, repository]) =>
        lookAhead({ wanted, fleet, repository, snapshot }),
      );
      // Whoever waits for it is told. Where the lease went to another run nobody does.
      looking.catch(() => undefined);
      // In an object, for a promise would be waited for.
      return { looking };
    });
  const opening = timeline.measure({ phase: 'lease' }, () =>
    Journal.open(reach.openStore(), options, meanwhile),
  );
  const title = `Connect to ${servers.map(({ name }) => name).join(', ')} and read the record`;
  const [opened, fleet, repository] = await log.group(title, () =>
    Promise.allSettled([opening, connecting, finding]),
  );
  try {
    if (fleet.status === 'rejected') throw fleet.reason;
    if (opened.status === 'rejected') throw opened.reason;
    if (repository.status === 'rejected') throw repository.reason;
    const { journal, seen } = opened.value;
    const seenAhead = seen && { seenAhead: seen.looking };
    return await work({ wanted, fleet: fleet.value, journal, repository: repository.value, ...seenAhead });
  } finally {
    await Promise.all([
      opened.status === 'fulfilled' && opened.value.journal.close(),
      fleet.status === 'fulfilled' && fleet.value.close(),
    ]);
  }
}

const READ_ONLY = {
  author: { run: 'local', actor: '', commit: undefined },
  leaseWaitMs: 0,
  signal: new AbortController().signal,
};
