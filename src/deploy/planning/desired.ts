import type { EnvironmentState, Release } from '../../model/release.ts';
import {
  type ContainerSpec,
  type PolicySpec,
  type Protocol,
  type RouteSpec,
  specHash,
} from '../../model/spec.ts';
import type { ObservedServer } from './observed.ts';

/** The part of a service that a release holds. */
export interface ReleaseSpec {
  protocol: Protocol;
  port: number;
  container: ContainerSpec;
  route: RouteSpec;
  policy: PolicySpec;
}

/** partHashes returns the hash of each part of a spec; what differs decides what a change does (DESIGN §8). */
export function partHashes(spec: ReleaseSpec): { container: string; route: string; policy: string } {
  const { protocol, port, container, route, policy } = spec;
  return {
    container: specHash([protocol, port, container]),
    route: specHash(route),
    policy: specHash(policy),
  };
}

/** What was known of a service's releases before the run. */
export interface KnownReleases {
  /** What the record says runs. */
  current: Release | undefined;
  /** What an earlier run began and did not finish. */
  pending: Release | undefined;
  /** The highest number that was ever given, by record or label. */
  highest: number;
  /** The highest number that has traffic; a run may have been cut off before it was recorded. */
  serving: number;
}

/** What shall run: a release that exists already, or the next one. */
export interface Numbered {
  number: number;
  isNew: boolean;
  secretsVersion: number;
}

/**
 * numberRelease decides which release a spec is: the current or the pending one when nothing of it differs,
 * else the next number. Traffic only ever goes to a higher number: by that it is known who had some.
 */
export function numberRelease(spec: ReleaseSpec, secretsVersion: number, known: KnownReleases): Numbered {
  for (const release of [known.pending, known.current]) {
    if (release === undefined || release.number < known.serving) continue;
    if (isSameRelease(release, spec, secretsVersion)) {
      return { number: release.number, isNew: false, secretsVersion };
    }
  }
  return { number: known.highest + 1, isNew: true, secretsVersion };
}

function isSameRelease(release: Release, spec: ReleaseSpec, secretsVersion: number): boolean {
  return (
    release.secrets_version === secretsVersion && specHash(partHashes(release)) === specHash(partHashes(spec))
  );
}

/** highestRelease returns the highest number that the record or any container's label gives for a service. */
export function highestRelease(
  service: string,
  state: EnvironmentState,
  observed: readonly ObservedServer[],
): number {
  const recorded = state.services[service];
  const labels = observed.flatMap(({ containers, hooks }) =>
    [...containers, ...hooks].filter((one) => one.service === service).map(({ release }) => release),
  );
  return Math.max(
    0,
    recorded?.release ?? 0,
    recorded?.pending?.release ?? 0,
    state.release_numbers?.[service] ?? 0,
    ...labels.filter(Number.isFinite),
  );
}

/**
 * secretsVersionOf returns the version of a service's secret set. The running containers are asked: one that
 * has all the wanted values tells its version, and when none has, the next version begins. `given` is the highest
 * one that was ever given: after a rollback nothing that runs may know it.
 */
export function secretsVersionOf(
  service: string,
  secrets: Record<string, string>,
  observed: readonly ObservedServer[],
  known: KnownReleases,
  given: number,
): number {
  const names = Object.keys(secrets);
  if (names.length === 0) return 0;
  const containers = observed
    .flatMap((server) => server.containers.filter((container) => container.service === service))
    .sort((a, b) => b.release - a.release);
  const holder = containers.find(({ environment }) =>
    names.every((name) => environment?.[name] === secrets[name]),
  );
  const isSameSet = holder !== undefined && hasSameNames(holder.secretsVersion, names, known);
  if (isSameSet && holder.secretsVersion > 0) return holder.secretsVersion;
  const versions = [
    given,
    known.current?.secrets_version ?? 0,
    known.pending?.secrets_version ?? 0,
    ...containers.map(({ secretsVersion }) => secretsVersion),
  ];
  return Math.max(...versions) + 1;
}

/** A set is kept under its number: one with fewer names is another one, though all its values are known. */
function hasSameNames(
  version: number,
  names: readonly string[],
  { current, pending }: KnownReleases,
): boolean {
  const wanted = specHash([...names].sort());
  return [current, pending].every(
    (release) =>
      release?.secrets_version !== version || specHash([...release.container.secrets].sort()) === wanted,
  );
}
