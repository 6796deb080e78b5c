import type { Slot } from '../../src/model/copy.ts';
import type { RecordedService } from '../../src/model/release.ts';
import type { ActionRun } from './action.ts';

/** A copy of a service, as it is recorded or as a run tells it. */
export interface Copy {
  /** The server's name. */
  server: string;
  slot: Slot;
}

/** What is recorded of a service, in the words of the tests. */
export interface Recorded extends Omit<RecordedService, 'rollout'> {
  /** A run has begun a release, and none has finished it. */
  isUnfinished: boolean;
  /** A run drains old copies, without the lease. */
  isDraining: boolean;
}

/** recordedOf turns an entry of the record into the words of the tests: its copies are those that serve. */
export function recordedOf({ copies, rollout, ...service }: RecordedService): Recorded {
  return {
    ...service,
    copies: copies.filter(({ state }) => state === 'serving'),
    isUnfinished: rollout !== undefined,
    isDraining: copies.some(({ state }) => state === 'draining'),
  };
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
  return (JSON.parse(outputs.result!) as Record<string, ServiceResult>)[service]!;
}

/** releasesOf returns the releases that serve after a run, by service, as its output `releases` has them. */
export function releasesOf({ outputs }: Pick<ActionRun, 'outputs'>): Record<string, number> {
  return JSON.parse(outputs.releases!) as Record<string, number>;
}

/** otherSlot returns the side that copies do not stand on: where the next ones of a toggle will. */
export function otherSlot(copies: readonly Copy[]): 'base' | 'secondary' {
  return copies[0]?.slot === 'base' ? 'secondary' : 'base';
}
