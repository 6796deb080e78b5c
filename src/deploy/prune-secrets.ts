import { type KeptSet, SecretSets } from '../fleet/secret-sets.ts';
import type { Author, SecretSet } from '../model/release.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { Snapshot } from '../state/snapshot.ts';
import { withEnvironment } from './environment.ts';
import { observe } from './observation/observe.ts';
import { checkOwner } from './planning/ownership.ts';
import { secretSetKey } from './planning/wanted.ts';
import type { Reach } from './request.ts';
import { Timeline } from './timeline.ts';

/** What is given up is older than this: whoever has just let a release go may want its values still. */
const KEPT_MS = 30 * 24 * 60 * 60_000;

/** Which environment is tidied, and by whom. */
export interface PruneRequest extends Reach {
  wanted: EnvironmentSpec;
  excludedServers: readonly string[] | undefined;
  /** Says what would be given up, and gives up nothing. */
  isDryRun: boolean;
  author: Author;
  /** How long to wait while another run changes the environment, in milliseconds. */
  leaseWaitMs: number;
  signal: AbortSignal;
}

/** Sets that a server gives up. */
export interface PrunedSets {
  server: string;
  sets: SecretSet[];
}

/**
 * pruneSecrets gives up the sets of secrets that no release on record and no container needs, and that are older than 30 days.
 * What releases leave behind that expire goes with them: this is for what was left since a server was away, or a run was cut
 * off. Generated secrets stay. It throws what keeps it from a server, the record or the lease.
 */
export async function pruneSecrets(request: PruneRequest): Promise<PrunedSets[]> {
  const { wanted: file, excludedServers, isDryRun, clock, log } = request;
  const { author, leaseWaitMs, signal } = request;
  const opening = {
    wanted: file,
    narrowing: { services: undefined, zones: undefined, excludedServers },
    access: isDryRun ? ('read' as const) : { author, leaseWaitMs, signal },
    timeline: new Timeline(clock),
  };
  return await withEnvironment(request, opening, async ({ wanted, repository, fleet, journal }) => {
    const scope = { project: wanted.project, environment: wanted.environment };
    const observed = await fleet.onAll((server) => observe(server, scope, wanted, clock));
    checkOwner(wanted, { repository, takeOverFrom: undefined }, observed);
    const needed = await neededSets(journal.snapshot);
    for (const { service, secretsVersion } of observed.flatMap(({ copies }) => copies))
      needed.add(secretSetKey(service, secretsVersion));
    const pruned = await log.group('Look for values that nobody needs', () =>
      fleet.onAll(async (server) => {
        const kept = new SecretSets(server, scope, wanted.nginx.image);
        const sets = unneeded(await kept.list(), needed, clock.now());
        if (sets.length > 0 && !isDryRun) {
          await journal.lease?.confirm();
          await kept.forget(sets);
        }
        return { server: server.name, sets };
      }),
    );
    return pruned.filter(({ sets }) => sets.length > 0);
  });
}

/** All releases that the record keeps, also of services that have left. */
async function neededSets(snapshot: Snapshot): Promise<Set<string>> {
  const { services, release_numbers = {} } = snapshot.state;
  const names = [...new Set([...Object.keys(services), ...Object.keys(release_numbers)])];
  const releases = await Promise.all(names.map((name) => snapshot.releases(name)));
  return new Set(releases.flat().map((one) => secretSetKey(one.service, one.secrets_version)));
}

/** unneeded returns the sets that may go: old ones that nobody needs. Pure. */
export function unneeded(kept: readonly KeptSet[], needed: ReadonlySet<string>, now: number): SecretSet[] {
  return kept
    .filter(({ service, version }) => !needed.has(secretSetKey(service, version)))
    .filter(({ keptAt }) => now - keptAt.getTime() > KEPT_MS)
    .map(({ service, version }) => ({ service, version }))
    .sort((a, b) => (a.service === b.service ? a.version - b.version : a.service < b.service ? -1 : 1));
}
