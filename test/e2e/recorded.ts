import type { RecordedService } from '../../src/model/release.ts';
import type { ActionRun } from './action.ts';

/** A copy of a service, as it is recorded or as a run tells it. */
export interface Copy {
  /** The server's name. */
  server: string;
  slot: 'base' | 'secondary';
}

/** A copy as it is recorded. */
export interface RecordedCopy extends Copy {
  container: string;
  port: number;
  release: number;
  healthy: boolean;
}

/** What is recorded of a service, in the words of the tests: where the record has other words, they are turned here. */
export interface Recorded extends Omit<RecordedService, 'servers' | 'pending' | 'draining'> {
  copies: RecordedCopy[];
  /** A run has begun a release, and none has finished it. */
  isUnfinished: boolean;
  /** A run drains old copies, without the lease. */
  isDraining: boolean;
}

/** recordedOf turns an entry of the record into the words of the tests. */
export function recordedOf({ servers, pending, draining, ...service }: RecordedService): Recorded {
  const copies = servers.map(({ host, side, ...copy }) => ({ server: host, slot: side, ...copy }));
  return { ...service, copies, isUnfinished: pending !== undefined, isDraining: draining !== undefined };
}

/** What a run says that it did to a service, in its output `result`. */
export interface ServiceResult {
  release: number;
  effect: string;
  probe?: { lost: number };
  copies: Copy[];
}

/** resultOf returns what a run says that it did to a service. */
export function resultOf({ outputs }: Pick<ActionRun, 'outputs'>, service: string): ServiceResult {
  const { servers = [], ...result } = JSON.parse(outputs.result!)[service];
  const copies = servers.map(({ host, side }: { host: string; side: Copy['slot'] }) => ({
    server: host,
    slot: side,
  }));
  return { ...result, copies };
}

/** releasesOf returns the releases that serve after a run, by service, as its output `releases` has them. */
export function releasesOf({ outputs }: Pick<ActionRun, 'outputs'>): Record<string, number> {
  return JSON.parse(outputs.releases!) as Record<string, number>;
}

/** otherSlot returns the side that copies do not stand on: where the next ones of a toggle will. */
export function otherSlot(copies: readonly Copy[]): 'base' | 'secondary' {
  return copies[0]?.slot === 'base' ? 'secondary' : 'base';
}
