import type { Release, SecretSet } from '../../model/release.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { WantedService } from '../planning/wanted.ts';
import { previousNumber } from './choose-release.ts';
import { restoredBy } from './record.ts';

/** What a service keeps no longer. */
export interface Expired {
  releases: Pick<Release, 'service' | 'number'>[];
  /** Secret sets that only these releases name. */
  sets: SecretSet[];
  /** Images by digest that only these releases have. */
  images: string[];
}

/** The record, as far as it is asked here. */
type Kept = Pick<Snapshot, 'state' | 'releaseNumbers' | 'releases'>;

/**
 * findExpired returns what services keep no longer when their new releases are recorded. It throws a UserError when
 * the record holds a release that cannot be read.
 */
export async function findExpired(
  snapshot: Kept,
  services: readonly WantedService[],
  retained: number,
): Promise<Expired> {
  const found = await Promise.all(services.map((service) => expiredOf(snapshot, service, retained)));
  return {
    releases: found.flatMap(({ releases }) => releases),
    sets: found.flatMap(({ sets }) => sets),
    images: found.flatMap(({ images }) => images),
  };
}

async function expiredOf(snapshot: Kept, service: WantedService, retained: number): Promise<Expired> {
  const { name, release, spec } = service;
  const numbers = await snapshot.releaseNumbers(name);
  const recorded = snapshot.state.services[name];
  const base = restoredBy(service) ?? release.number;
  const after = { history: recorded?.history ?? [], previous: recorded?.release ?? 0 };
  const needed = [release.number, after.previous, previousNumber(after, base)];
  const old = expiredNumbers([...numbers, release.number], retained, needed);
  if (old.length === 0) return { releases: [], sets: [], images: [] };
  const all = await snapshot.releases(name);
  const isOld = ({ number }: Release) => old.includes(number);
  const named = new Set([
    release.secretsVersion,
    ...all.filter((one) => !isOld(one)).map((one) => one.secrets_version),
  ]);
  const kept = new Set([
    spec.container.image,
    ...all.filter((one) => !isOld(one)).map((one) => one.image_digest),
  ]);
  const images = new Set(all.filter(isOld).flatMap(({ image_digest: image }) => image ?? []));
  const versions = new Set(all.filter(isOld).map((one) => one.secrets_version));
  return {
    releases: all.filter(isOld).map(({ service: owner, number }) => ({ service: owner, number })),
    sets: [...versions]
      .filter((version) => version > 0 && !named.has(version))
      .map((version) => ({ service: name, version })),
    images: [...images].filter((image) => !kept.has(image)),
  };
}

/** expiredNumbers returns those of the release numbers that are neither among the newest `retained` nor needed. Pure. */
export function expiredNumbers(
  numbers: readonly number[],
  retained: number,
  needed: readonly (number | undefined)[],
): number[] {
  const newestFirst = [...new Set(numbers)].sort((a, b) => b - a);
  return newestFirst.slice(retained).filter((number) => !needed.includes(number));
}
