import { beforeAll, describe, expect, test } from '@jest/globals';
import { resultOf } from '../../../src/commands/result.ts';
import { describePlan } from '../../../src/report/changes.ts';
import { renderSteps } from '../../../src/report/step-graph.ts';
import { shown } from './documents.ts';
import { openShop, recordIn, statusIn } from './shop.ts';

const GUIDE = 'docs/guide.md';

/** What the guide shows, by the names under which it shows it. */
const said: Record<string, string> = {};

beforeAll(async () => {
  const shop = await openShop();
  const { world, wanted } = shop;
  const { plan } = await world.plan(wanted);
  said.plan = `${describePlan(plan).join('\n')}\n`;
  said.picture = /```mermaid\n([\s\S]*?)```/.exec(renderSteps(plan.steps))?.[1] ?? 'nothing was drawn';
  said.result = `${JSON.stringify(resultOf(await world.deploy(wanted), true), null, 2)}\n`;
  said.record = recordIn(shop);
  said.status = await statusIn(shop);
});

describe('the guide shows what Switchyard says', () => {
  test.each(['plan', 'picture', 'result', 'record', 'status'])('%s', (what) => {
    // Where a line is `…`, some are left out.
    const parts = shown(GUIDE, what)
      .text.split(/^ *…\n/m)
      .map(steady);
    expect(excerpt(steady(said[what]!), parts)).toEqual(parts);
  });
});

/** excerpt returns what a text has in place of parts of it: the first at its beginning, the last at its end. */
function excerpt(text: string, parts: readonly string[]): string[] {
  let rest = text;
  return parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    if (isLast && index > 0) return rest.slice(-part.length);
    const at = index === 0 ? 0 : Math.max(0, rest.indexOf(part));
    const found = isLast ? rest : rest.slice(at, at + part.length);
    rest = rest.slice(at + part.length);
    return found;
  });
}

/** steady returns a text in which all stands still that is another in every run: who and when, counts and digests. */
function steady(text: string): string {
  return text
    .replaceAll(/"(run|actor)": "[^"]*"/g, '"$1": "WHO"')
    .replaceAll(/\b(?:octocat|ann)\b/g, 'WHO')
    .replaceAll(/\b(?:https:\/\/github\S*|run-\d+)$/gm, 'RUN')
    .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"TIME"')
    .replaceAll(/(?<=\s)\d{4}-\d\d-\d\d \d\d:\d\d(?=\s)/g, 'TIME')
    .replaceAll(/"(sent|p\d\d_ms|longest_gap_ms|took_ms|start|healthy|drain|stop)": \d+/g, '"$1": COUNT')
    .replaceAll(/\d+\.\d s +\d+ of \d+/g, 'COUNT')
    .replaceAll(/\d+\.\d s(?= )/g, 'COUNT')
    .replaceAll(/sha256:[0-9a-f]+…?/g, 'DIGEST')
    .replaceAll(/ +/g, ' ');
}
