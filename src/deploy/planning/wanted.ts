import { numbersOf, type ServicePorts } from '../../model/ports.ts';
import type { EnvironmentState, Release } from '../../model/release.ts';
import {
  type ContainerSpec,
  type PolicySpec,
  type PortsSpec,
  portsOf,
  type RouteSpec,
  specHash,
} from '../../model/spec.ts';
import type { ObservedServer } from './observed.ts';

/** The part of a service that a release holds. */
export interface ReleaseSpec extends PortsSpec {
  container: ContainerSpec;
  route: RouteSpec;
  policy: PolicySpec;
}

/** partHashes returns the hash of each part of a spec; what differs decides what a change does (container: new copies; route: a reload; policy: neither). */
export function partHashes(spec: ReleaseSpec): { container: string; route: string; policy: string } {
  const { container, route, policy } = spec;
  return {
    container: specHash([portsOf(spec), container]),
    route: specHash(route),
    policy: specHash(policy),
  };
}

/** What was known of a service's releases before the run. */
export interface KnownReleases {
  /** What the record says runs. */
  current: Release | undefined;
  /** What an earlier run began to roll out and did not finish. */
  rollout: Release | undefined;
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
 * numberRelease decides which release a spec is: the current one or the one being rolled out when nothing of it differs,
 * else the next number. Traffic only ever goes to a higher number: by that it is known who had some.
 */
export function numberRelease(spec: ReleaseSpec, secretsVersion: number, known: KnownReleases): Numbered {
  for (const release of [known.rollout, known.current]) {
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
  const labels = observed.flatMap(({ copies, hooks }) =>
    [...copies, ...hooks].filter((one) => one.service === service).map(({ release }) => release),
  );
  return Math.max(
    0,
    recorded?.release ?? 0,
    recorded?.rollout?.release ?? 0,
    state.release_numbers?.[service] ?? 0,
    ...labels.filter(Number.isFinite),
  );
}

/** Values of secrets that servers keep, by `secretSetKey`. */
export type KeptSecrets = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** secretSetKey names the values of a service's secrets under one number. */
export function secretSetKey(service: string, version: number): string {
  return `${service}/${version}`;
}

/**
 * secretsVersionOf returns the version of a service's secret set: that of a kept set whose names and values are all as
 * wanted, 0 where there is none, else the next one. `given` is the highest one that was ever given: after a rollback
 * nothing that runs may know it. Pure.
 */
export function secretsVersionOf(
  service: string,
  secrets: Readonly<Record<string, string>>,
  kept: KeptSecrets,
  known: KnownReleases,
  versions: { given: number; labelled: readonly number[] },
): number {
  if (Object.keys(secrets).length === 0) return 0;
  const { given, labelled } = versions;
  const named = [known.rollout?.secrets_version, known.current?.secrets_version, ...labelled];
  const candidates = named.filter((version) => version !== undefined && version > 0) as number[];
  const same = candidates.find((version) => {
    const values = kept.get(secretSetKey(service, version));
    return values !== undefined && specHash(values) === specHash(secrets);
  });
  return same ?? Math.max(given, 0, ...candidates) + 1;
}

/** What to do with a hook of which nobody knows how it ended: run it again, or take it for done. */
export type UnfinishedHookAnswer = 'run' | 'done';

/** ownPorts returns the numbers of the ports that a service has; undefined of a worker. Pure. */
export function ownPorts({ ports, spec }: Pick<WantedService, 'ports' | 'spec'>): ServicePorts | undefined {
  const [main, ...others] = portsOf(spec);
  if (ports === undefined || main === undefined) return undefined;
  const { host, internal } = ports;
  const extra = others.map(({ name }) => [name!, numbersOf(ports, name)] as const);
  return { host, internal, ...(extra.length > 0 && { extra: Object.fromEntries(extra) }) };
}

/** A service that shall stand in the environment after the run. */
export interface WantedService {
  name: string;
  spec: ReleaseSpec;
  dependsOn: string[];
  placement: { servers: number; zones: string[]; replicas: number };
  /**
   * Host and internal numbers of its ports: of those that the file gives it, and of those that the release that runs has and
   * the file no longer does, since its copies are drained by them. Undefined for a worker that has always been one.
   */
  ports: ServicePorts | undefined;
  /** The host port of its next container, as the slot `base` would have it, where ports carry the version. */
  versionPort?: number | undefined;
  release: Numbered;
  known: KnownReleases;
  /** The engine's id of its image, where servers have it and agree. */
  imageId?: string;
  /** The release that a rollback brings back in it. */
  restored?: Release;
  /** False keeps it as it is: the run was narrowed to other services. */
  isSelected: boolean;
}
