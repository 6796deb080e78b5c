import { describe, expect, test } from '@jest/globals';
import type { Span } from '../../../src/deploy/timeline.ts';
import { renderTimeline } from '../../../src/report/timeline.ts';
import { blocks } from './documents.ts';
import { mistakesIn } from './mermaid.ts';

const diagrams = blocks('mermaid').map((block) => ({ ...block, place: `${block.file}:${block.line}` }));

const span = (phase: string, service: string, server: string, startMs: number, endMs: number): Span => ({
  phase,
  service,
  server,
  startMs,
  endMs,
  failed: false,
});

/** The diagram that the job summary has of a run. */
function drawn(title: string, spans: readonly Span[]): string {
  return /```mermaid\n([\s\S]*?)```/.exec(renderTimeline(title, spans))?.[1] ?? 'nothing was drawn';
}

describe('pictures', () => {
  test.each(diagrams)('$place', ({ text }) => {
    expect(mistakesIn(text)).toEqual([]);
  });

  test('the timeline of a run', () => {
    const spans = [
      span('connect', '', '', 0.4, 120.7),
      span('pull', '', '203.0.113.10', 121, 121),
      span('start', 'api', '203.0.113.10', 121.2, 300),
      { ...span('healthy', 'api', '203.0.113.10', 300, 900), failed: true },
    ];
    expect(mistakesIn(drawn('shop production', spans))).toEqual([]);
    expect(drawn('shop production', spans)).toContain('    healthy :crit, 300, 900\n');
  });

  test('names that mean something to Mermaid are drawn as text', () => {
    expect(mistakesIn(drawn('shop: a, b; #c', [span('stop; all: #1', 'a,b', '2001:db8::1', 0, 1)]))).toEqual(
      [],
    );
  });

  test('the check knows a broken line', () => {
    expect(mistakesIn('gantt\n    dateFormat x\n    start : 0 to 5\n')).toEqual(['    start : 0 to 5']);
  });
});
