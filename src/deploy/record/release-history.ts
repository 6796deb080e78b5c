import type { Author, HistoryEntry, ProbeReport, RecordedService } from '../../model/release.ts';
import type { Change } from '../planning/plan.ts';

/** The record is read by people: what is older stands in the history of the state branch. */
const LONGEST_HISTORY = 10;

/** What became of a release in a run. */
interface Fate {
  change: Pick<Change, 'to' | 'reasons'>;
  outcome: HistoryEntry['outcome'];
  probe?: ProbeReport | undefined;
  restores?: number | undefined;
}

/** withEntry returns a service's record with one more release in its history, and without the oldest. Pure. */
export function withEntry(
  recorded: RecordedService,
  { change, outcome, probe, restores }: Fate,
  { run, actor, commit }: Author,
  { now, tookMs }: { now: Date; tookMs: number },
): RecordedService {
  const entry: HistoryEntry = {
    release: change.to,
    outcome,
    at: now.toISOString(),
    run,
    actor,
    ...(commit !== undefined && { commit }),
    why: [...change.reasons],
    took_ms: Math.round(tookMs),
    ...(probe !== undefined && { sent: probe.sent, lost: probe.lost }),
    ...(restores !== undefined && { restores }),
  };
  return { ...recorded, history: [entry, ...(recorded.history ?? [])].slice(0, LONGEST_HISTORY) };
}
