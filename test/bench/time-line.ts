import type { ActionRun } from '../e2e/action.ts';

/** One thing that runs did, by its announcements in the debug log. */
interface Span {
  what: string;
  /** Milliseconds since the start of the process, a value a run. */
  begun: number[];
  ended: number[];
}

/**
 * renderTimeLine renders what runs did from when to when, by what they announce in the log: the medians, in the order in
 * which it began. Pure.
 */
export function renderTimeLine(of: string, runs: readonly Pick<ActionRun, 'printed'>[]): string {
  const spans = new Map<string, Span>();
  for (const { printed } of runs) {
    for (const { text, ms } of printed) {
      for (const line of text.split('\n')) note(spans, line, ms);
    }
  }
  const rows = [...spans.values()]
    .map(({ what, begun, ended }) => ({ what, from: medianOf(begun), to: medianOf(ended) }))
    .sort((one, other) => one.from - other.from)
    .map(({ what, from, to }) => `| ${what} | ${from} | ${to} | ${to - from} |`);
  return `### Time line of ${of} (median ms since the start of the process)

| what | from | to | took |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}

/** Steps say when they begin and when they end; what comes before them says at its end how long it took. */
function note(spans: Map<string, Span>, line: string, ms: number): void {
  const [, verb, step] = /^::debug::(begins|ends): (.*?)(?: \(\d+ ms\))?$/.exec(line) ?? [];
  const [, phase, seconds] = /^(connect|lease|observe) \((\d+\.\d+) s\)$/.exec(line) ?? [];
  const what = alike(step ?? phase ?? '');
  if (what === '') return;
  const span = spans.get(what) ?? { what, begun: [], ended: [] };
  spans.set(what, span);
  if (verb !== 'ends') span.begun.push(phase === undefined ? ms : ms - Number(seconds) * 1000);
  if (verb !== 'begins') span.ended.push(ms);
}

/** One run's release, and the side that is its turn, are another's next. */
function alike(step: string): string {
  return step
    .replace(/release \d+/, 'its release')
    .replace(/ as (?:base|secondary)| \((?:base|secondary)\)|_secondary\b/g, '');
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}
