import type { Span } from '../deploy/timeline.ts';
import { mermaid } from './markdown.ts';

/** Mermaid draws no more bars than a person would still read. */
const MOST_BARS = 60;

/** renderTimeline draws a run: a section for each service and server, a bar for each phase. Pure. */
export function renderTimeline(title: string, spans: readonly Span[]): string {
  const shown = [...spans].sort((a, b) => a.startMs - b.startMs).slice(0, MOST_BARS);
  const sections = Map.groupBy(shown, sectionOf);
  const bars = [...sections].flatMap(([name, members]) => [
    `    section ${plain(name)}`,
    ...members.map(({ phase, failed, startMs, endMs }) => {
      const start = Math.round(startMs);
      return `    ${plain(phase)} :${failed ? 'crit, ' : ''}${start}, ${Math.max(start + 1, Math.round(endMs))}`;
    }),
  ]);
  const head = [`    title ${plain(title)}`, '    dateFormat x', '    axisFormat %M:%S.%L'];
  return `### Timeline\n\n${mermaid(['gantt', ...head, ...bars])}`;
}

function sectionOf({ service, server }: Span): string {
  return [service, server].filter((part) => part !== '').join(' on ') || 'run';
}

/** Colons and semicolons end a name in Mermaid. */
function plain(text: string): string {
  return text.replaceAll(/[:;#,]/g, ' ');
}
