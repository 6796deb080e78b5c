import type { PastRelease, PastReleases } from '../deploy/record/past-releases.ts';
import { historyRows } from './history.ts';
import { page } from './markdown.ts';
import { markdownTable, type Row, textTable } from './table.ts';

/** renderPast returns the last releases as lines for a log and as Markdown for the job summary. Pure. */
export function renderPast(title: string, { services }: PastReleases): { lines: string[]; markdown: string } {
  const rows = Object.entries(services).flatMap(([service, past]) => rowsOf(service, past));
  const nothing = 'nothing was deployed from this repository yet';
  return {
    lines: [`${title}: releases`, ...(rows.length === 0 ? [nothing] : textTable(rows))],
    markdown: page(`## ${title}: releases`, rows.length === 0 ? nothing : markdownTable(rows)),
  };
}

function rowsOf(service: string, past: readonly PastRelease[]): Row[] {
  return historyRows(service, past).map(({ run, ...row }, index) => {
    const { image = '', isCurrent = false, restores } = past[index] ?? {};
    return {
      ...row,
      release: `${row.release}${isCurrent ? ' (runs)' : ''}`,
      restores: restores === undefined ? '' : String(restores),
      image,
    };
  });
}
