import { describe, expect, test } from '@jest/globals';
import type { PlannedStep } from '../../../src/deploy/planning/graph.ts';
import { isEmpty, type Plan } from '../../../src/deploy/planning/plan.ts';
import type { Finding } from '../../../src/deploy/preflight/findings.ts';
import type { DryRunReport } from '../../../src/deploy/request.ts';
import { dryRunLines, renderDryRun } from '../../../src/report/dry-run.ts';
import { API_WANTED, change, planOf } from './reports.ts';

const fine: Finding = { server: 'a', check: 'disk', level: 'ok', message: '42.0 GB are free' };
const warning: Finding = {
  server: 'a',
  check: 'clock',
  level: 'warning',
  message: 'is late',
  hint: 'Use NTP.',
};
const error: Finding = {
  server: 'b',
  check: 'port',
  level: 'error',
  message: 'port 80 is <taken>',
  hint: 'Stop it.',
};

const unchanged = (service: string) => change({ service, effect: 'none', from: 1, to: 1, reasons: [] });
const startOfEdge: PlannedStep = {
  id: 'prepare 1',
  step: { kind: 'prepare', server: 'a', sidecar: undefined, edge: 'start' },
  needs: [],
};

function reportOf(plan: Plan, changes: Partial<DryRunReport> = {}): DryRunReport {
  const changed = !isEmpty(plan);
  return { plan, services: [API_WANTED], changed, drift: [], notes: [], findings: [fine], ...changes };
}

const TOGGLE = planOf({ changes: [change(), unchanged('web')] });
const NOTHING = planOf({ changes: [unchanged('api')], steps: [] });

const render = (report: DryRunReport) => renderDryRun({ title: 'shop production', report, built: [] });

describe('a dry run for people', () => {
  test('changes: what and why, drift, what it would meet, and the rest folded away', () => {
    const drift = [{ kind: 'edge' as const, server: 'a', message: 'a: the edge needs a start' }];
    const text = render(reportOf(TOGGLE, { drift, findings: [warning, fine] }));
    const [before, picture, after] = text.split(/```mermaid\n|\n```\n/);
    expect(before).toBe(`## 📋 shop production: changes

### What a deploy would change

- api 1 → 2: new containers beside the old ones on a, b (image); api:2 at api.example.com
- unchanged: web

### Drift: where the servers differ from the record

- a: the edge needs a start

### What it would meet

- ⚠️ a: clock: is late → Use NTP.

### The steps, each after what it needs

`);
    expect(picture).toMatch(/^flowchart TD\n/);
    expect(after?.slice(0, after.indexOf('<summary>All steps'))).toBe(`
<details>
<summary>What is in order (1)</summary>

- ✅ a: disk: 42.0 GB are free

</details>

<details>
`);
    expect(after).toMatch('- start api release 2 as secondary on a\n');
  });

  test('no changes, changes and an error are told apart', () => {
    const headline = (report: DryRunReport) => render(report).split('\n')[0];
    expect(headline(reportOf(NOTHING))).toBe('## ✅ shop production: no changes');
    expect(headline(reportOf(NOTHING, { findings: [warning] }))).toBe('## ✅ shop production: no changes');
    expect(headline(reportOf(TOGGLE))).toBe('## 📋 shop production: changes');
    expect(headline(reportOf(NOTHING, { findings: [fine, error] }))).toBe(
      '## ❌ shop production: a deploy would fail',
    );
    expect(render(reportOf(NOTHING, { findings: [error] }))).toMatch(
      '- ❌ b: port: port 80 is &#60;taken&#62; → Stop it.',
    );
  });

  test('what concerns servers stands beside the services that change', () => {
    const plan = planOf({
      steps: [startOfEdge, ...TOGGLE.steps],
      stale: { left: ['c'], returned: ['d'] },
    });
    expect(render(reportOf(plan))).toMatch(`
- api 1 → 2: new containers beside the old ones on a, b (image); api:2 at api.example.com
- start the edge on a
- c is left out: it gets no traffic, and stays as it is
- d is no longer left out

`);
  });

  test('where no service changes, the steps are named', () => {
    const text = render(reportOf(planOf({ changes: [unchanged('api')], steps: [startOfEdge] })));
    expect(text).toMatch('### What a deploy would change\n\n- start the edge on a\n- unchanged: api\n');
  });

  test('fronts that stay although the file says that they go are a warning', () => {
    const plan = planOf({ staying: ['front stays: old.example.com is not served by anybody else'] });
    expect(render(reportOf(plan))).toMatch('- ⚠️ front stays: old.example.com');
    expect(dryRunLines({ report: reportOf(plan), built: [] }).warnings).toEqual(plan.staying);
  });
});

describe('in the log', () => {
  test('the plan, the drift, and what was found', () => {
    const drift = [{ kind: 'edge' as const, server: 'a', message: 'a: the edge needs a start' }];
    const { lines, warnings } = dryRunLines({
      report: reportOf(TOGGLE, { drift, findings: [fine, warning, error] }),
      built: [],
    });
    expect(lines.slice(0, 4)).toEqual([
      'shop production: plan',
      '  api 1 → 2: new containers beside the old ones on a, b (image); api:2 at api.example.com',
      '  web 1: unchanged on a, b',
      '  · pull api:2 on a',
    ]);
    expect(lines.slice(-2)).toEqual(['drift: a: the edge needs a start', 'a: disk: 42.0 GB are free']);
    // Errors are what the run ends with.
    expect(warnings).toEqual(['a: clock: is late']);
  });

  test('one line where there is nothing to do', () => {
    expect(dryRunLines({ report: reportOf(NOTHING, { findings: [] }), built: [] }).lines).toEqual([
      'shop production: nothing to do, everything is as the file says',
    ]);
  });
});
