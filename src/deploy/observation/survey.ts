import type { Fleet } from '../../fleet/fleet.ts';
import type { EnvironmentState } from '../../model/release.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { Facts, KnownByService } from '../planning/assemble.ts';
import type { Narrowing } from '../planning/narrowing.ts';
import type { ObservedServer } from '../planning/observed.ts';
import { observe } from './observe.ts';
import { readRetainedImages } from './retained-images.ts';

/** survey asks the servers and the record for everything that planning needs. */
export async function survey(
  fleet: Fleet,
  snapshot: Snapshot,
  wanted: EnvironmentSpec,
  secrets: Facts['secrets'],
  narrowing: Narrowing,
): Promise<Facts> {
  const scope = { project: wanted.project, environment: wanted.environment };
  const [observed, known] = await Promise.all([
    fleet.onAll((server) => observe(server, scope, wanted)),
    readKnown(snapshot),
  ]);
  const drainedElsewhere = drainedByLivingRun(snapshot.state, observed);
  const isAnyUnused = observed.some(({ leftovers }) => leftovers.images.some(({ isUsed }) => !isUsed));
  const retainedImages = isAnyUnused ? await readRetainedImages(snapshot) : undefined;
  return {
    wanted,
    secrets,
    narrowing,
    observed,
    state: snapshot.state,
    known,
    drainedElsewhere,
    now: new Date(),
    retainedImages,
  };
}

/** readKnown reads the releases that the record names: the current one of every service, and a begun one. */
async function readKnown(snapshot: Snapshot): Promise<KnownByService> {
  const services = Object.entries(snapshot.state.services);
  const known = await Promise.all(
    services.map(async ([name, { release, pending }]) => {
      const [current, begun] = await Promise.all([
        release > 0 ? snapshot.release(name, release) : undefined,
        pending === undefined ? undefined : snapshot.release(name, pending.release),
      ]);
      return [name, { current, pending: begun }] as const;
    }),
  );
  return new Map(known);
}

/**
 * A run that drains beyond its lease has said so in the record. Its containers are left to it until it has been
 * silent for too long: then the next run finishes the drain.
 */
function drainedByLivingRun(
  state: EnvironmentState,
  observed: readonly ObservedServer[],
): ReadonlySet<string> {
  const now = Date.now();
  const living = Object.values(state.services)
    .flatMap(({ draining }) => draining ?? [])
    .filter(({ until }) => Date.parse(until) > now)
    .map(({ host, container }) => `${host} ${container}`);
  return new Set(
    observed.flatMap(({ host, containers }) =>
      containers.filter(({ name }) => living.includes(`${host} ${name}`)).map(({ id }) => id),
    ),
  );
}
