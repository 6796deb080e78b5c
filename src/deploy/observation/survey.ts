import type { Fleet } from '../../fleet/fleet.ts';
import { SecretSets } from '../../fleet/secret-sets.ts';
import type { Clock } from '../../model/clock.ts';
import { namesOf } from '../../model/image-name.ts';
import type { EnvironmentState, Release } from '../../model/release.ts';
import { type EnvironmentSpec, secretNamesOf } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { Facts, KnownByService } from '../planning/build-input.ts';
import type { SettledSecrets } from '../planning/generated-secrets.ts';
import type { Narrowing } from '../planning/narrowing.ts';
import type { ObservedServer } from '../planning/observed.ts';
import { type KeptSecrets, secretSetKey } from '../planning/wanted.ts';
import { findGenerated, type GeneratedRequest } from './generated-secrets.ts';
import { observe } from './observe.ts';

/** What shall be looked for. */
export interface SurveyRequest {
  wanted: EnvironmentSpec;
  /** The repository that the run is of. */
  repository: string;
  /** Secret values by service and name. */
  secrets: Facts['secrets'];
  /** The generated ones among them, where the run uses some: `secrets` is without what is made from these. */
  generated?: GeneratedRequest | undefined;
  /** Who makes those that there are not yet. */
  run?: string;
  narrowing: Narrowing;
  clock: Clock;
}

/** survey asks the servers and the record for everything that planning needs. */
export async function survey(
  fleet: Fleet,
  snapshot: Snapshot,
  { wanted, repository, secrets: given, generated: asked, run = '', narrowing, clock }: SurveyRequest,
): Promise<Facts> {
  const scope = { project: wanted.project, environment: wanted.environment };
  const reading = readKnown(snapshot);
  const finding = findGenerated(fleet, snapshot, wanted, asked, { run, now: clock.now() });
  const completing = finding.then(({ secrets }) =>
    asked && secrets.size > 0 ? asked.complete(valuesOf(secrets)) : given,
  );
  const [observed, known, generated, secrets, recordedSecrets] = await Promise.all([
    fleet.onAll((server) => observe(server, scope, wanted, clock)),
    reading,
    finding,
    completing,
    Promise.all([reading, completing]).then(([known, secrets]) =>
      readKeptSecrets(fleet, wanted, secrets, recordedVersions(known)),
    ),
  ]);
  const isAnyUnused = observed.some(({ leftovers }) => leftovers.images.some(({ isUsed }) => !isUsed));
  return {
    wanted,
    repository,
    secrets,
    generated,
    keptSecrets:
      recordedSecrets ??
      (await readKeptSecrets(fleet, wanted, secrets, labelledVersions(observed))) ??
      new Map(),
    narrowing,
    observed,
    state: snapshot.state,
    known,
    drainedElsewhere: drainedByLivingRun(snapshot.state, observed, clock.now()),
    now: new Date(clock.now()),
    retainedImages: isAnyUnused ? await readRetainedImages(snapshot) : undefined,
  };
}

function valuesOf(secrets: SettledSecrets['secrets']): Record<string, string> {
  return Object.fromEntries([...secrets].map(([name, { value }]) => [name, value]));
}

/** readKnown reads the releases that the record names: the current one of every service, and one that is rolled out. */
async function readKnown(snapshot: Snapshot): Promise<KnownByService> {
  const services = Object.entries(snapshot.state.services);
  const known = await Promise.all(
    services.map(async ([name, { release, rollout }]) => {
      const [current, begun] = await Promise.all([
        release > 0 ? snapshot.release(name, release) : undefined,
        rollout === undefined ? undefined : snapshot.release(name, rollout.release),
      ]);
      return [name, { current, rollout: begun }] as const;
    }),
  );
  return new Map(known);
}

/** Numbers of secret sets, by service. */
type Versions = ReadonlyMap<string, readonly number[]>;

function recordedVersions(known: KnownByService): Versions {
  return new Map(
    [...known].map(([name, { current, rollout }]) => [
      name,
      [rollout, current].flatMap((release) => release?.secrets_version ?? []),
    ]),
  );
}

/** Where the record was lost, the containers' labels still know them. */
function labelledVersions(observed: readonly ObservedServer[]): Versions {
  const versions = new Map<string, number[]>();
  for (const { service, secretsVersion } of observed.flatMap(({ copies }) => copies)) {
    versions.set(service, [...(versions.get(service) ?? []), secretsVersion]);
  }
  return versions;
}

/**
 * What the servers keep of the secrets that the run brings, to see whether they are the same: any server that has a set
 * will do. Undefined where the versions name none.
 */
async function readKeptSecrets(
  fleet: Fleet,
  { project, environment, nginx, services }: EnvironmentSpec,
  secrets: Facts['secrets'],
  versions: Versions,
): Promise<KeptSecrets | undefined> {
  // An address may be all that a service has: it is made when ports are known.
  const sets = services
    .filter(({ name, container }) => secrets[name] !== undefined && secretNamesOf(container).length > 0)
    .flatMap(({ name: service }) =>
      [...new Set(versions.get(service))]
        .filter((version) => version > 0)
        .map((version) => ({ service, version })),
    );
  if (sets.length === 0) return undefined;
  const scope = { project, environment };
  const kept = await fleet.onAll((server) => new SecretSets(server, scope, nginx.image).read(sets));
  return new Map(
    kept.flatMap((found) =>
      [...found].map(([{ service, version }, values]) => [secretSetKey(service, version), values] as const),
    ),
  );
}

/**
 * A run that drains beyond its lease has said so in the record. Its copies are left to it until it has been silent for
 * too long: then the next run finishes the drain.
 */
function drainedByLivingRun(
  { services }: EnvironmentState,
  observed: readonly ObservedServer[],
  now: number,
): ReadonlySet<string> {
  const living = Object.values(services)
    .flatMap(({ copies }) => copies)
    .filter(({ state, until }) => state === 'draining' && Date.parse(until ?? '') > now);
  return new Set(
    observed.flatMap(({ name, copies }) =>
      copies
        .filter((copy) => living.some(({ server, container }) => server === name && container === copy.name))
        .map(({ id }) => id),
    ),
  );
}

/**
 * The names of the images of all releases on record: what runs, what ran before, and all that can be rolled back to, of
 * services that have left too. Undefined when there is no release, or one cannot be read: then nobody knows what is needed.
 */
async function readRetainedImages(snapshot: Snapshot): Promise<ReadonlySet<string> | undefined> {
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
