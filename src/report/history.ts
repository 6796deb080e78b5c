import type { HistoryEntry } from '../model/release.ts';
import type { Row } from './table.ts';

/** historyRows returns what became of the releases of a service, a row each, in their order. Pure. */
export function historyRows(service: string, history: readonly HistoryEntry[]): Row[] {
  return history.map((entry) => ({
    service,
    release: String(entry.release),
    outcome: entry.outcome,
    // To the minute: the run says more.
    when: entry.at.slice(0, 16).replace('T', ' '),
    who: entry.actor,
    why: entry.why.join(', '),
    took: `${(entry.took_ms / 1000).toFixed(1)} s`,
    lost: entry.sent === undefined ? '' : `${entry.lost ?? 0} of ${entry.sent}`,
    run: entry.run,
  }));
}
