import type { HistoryEntry, Release } from '../../model/release.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { Store } from '../../state/store.ts';
import { checkNarrowing } from '../planning/narrowing.ts';

/** A release that a rollback can go to, or that failed. */
export interface PastRelease extends HistoryEntry {
  /** As the file named it. */
  image: string;
  /** It has the traffic. */
  isCurrent: boolean;
}

/** The last releases of services. */
export interface PastReleases {
  /** The release that runs, by service. */
  current: Record<string, number>;
  /** The newest first. */
  services: Record<string, PastRelease[]>;
}

/** pastReleases reads the last releases of services from the record, or those of all services; no server is asked. */
export async function pastReleases(
  wanted: EnvironmentSpec,
  openStore: () => Promise<Store>,
  services: readonly string[] | undefined,
): Promise<PastReleases> {
  checkNarrowing(wanted, { services, zones: undefined });
  const store = await openStore();
  try {
    const snapshot = await store.read();
    const names = services ?? Object.keys(snapshot.state.services).sort();
    const past = await Promise.all(names.map(async (name) => [name, await pastOf(snapshot, name)] as const));
    const current = names.map((name) => [name, snapshot.state.services[name]?.release ?? 0] as const);
    return { current: Object.fromEntries(current), services: Object.fromEntries(past) };
  } finally {
    await store.close();
  }
}

async function pastOf(snapshot: Snapshot, service: string): Promise<PastRelease[]> {
  const { history = [], release } = snapshot.state.services[service] ?? {};
  const read = (number: number): Promise<Release | undefined> => snapshot.release(service, number);
  const releases = await Promise.all(history.map((entry) => read(entry.release)));
  return history.map((entry, index) => ({
    ...entry,
    image: releases[index]?.container.image ?? '',
    isCurrent: entry.release === release,
  }));
}
