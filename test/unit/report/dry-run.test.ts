import { describe, expect, test } from '@jest/globals';
import { markerOf } from '../../../src/actions/plan-comment.ts';
import { planOutput } from '../../../src/actions/plan-output.ts';
import { renderPlan, renderPlanFailure } from '../../../src/actions/plan-summary.ts';
import type { DryRunReport } from '../../../src/deploy/looking/dry-run.ts';
import type { Finding } from '../../../src/deploy/looking/findings.ts';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { servers, service, shop } from '../deploy/specs.ts';
import { World } from '../deploy/world.ts';

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

/** reportOf returns what a dry run says of a shop in which `api` runs in version 1 and shall run in another. */
function reportOf(version: number, changes: Partial<DryRunReport> = {}): DryRunReport {
  const world = new World();
  const wanted = (image: string) => shop([service('api', { image, servers: 2 }), service('web')], servers(2));
  world.deploy(wanted('api:1'));
  const input = world.input(wanted(`api:${version}`));
  const plan = world.plan(wanted(`api:${version}`));
  return { plan, services: input.services, changed: !isEmpty(plan), drift: [], findings: [fine], ...changes };
}

const render = (report: DryRunReport) => renderPlan('shop production', report);

describe('a plan for people', () => {
  test('changes: what and why, drift, what it would meet, and the rest folded away', () => {
    const drift = [{ kind: 'edge' as const, host: 'a', message: 'a: the edge needs a start' }];
    const text = render(reportOf(2, { drift, findings: [warning, fine] }));
    expect(text.slice(0, text.indexOf('<summary>All steps'))).toBe(`## 📋 shop production: changes

### What a deploy would change

- api 1 → 2: new containers beside the old ones on a, b (image)
- unchanged: web

### Drift: where the servers differ from the record

- a: the edge needs a start

### What it would meet

- ⚠️ a: clock: is late → Use NTP.

<details>
<summary>What is in order (1)</summary>

- ✅ a: disk: 42.0 GB are free

</details>

<details>
`);
    expect(text).toMatch('- start api release 2 as secondary on a\n');
  });

  test('no changes, changes and an error are told apart', () => {
    const headline = (report: DryRunReport) => render(report).split('\n')[0];
    expect(headline(reportOf(1))).toBe('## ✅ shop production: no changes');
    expect(headline(reportOf(1, { findings: [warning] }))).toBe('## ✅ shop production: no changes');
    expect(headline(reportOf(2))).toBe('## 📋 shop production: changes');
    expect(headline(reportOf(1, { findings: [fine, error] }))).toBe(
      '## ❌ shop production: a deploy would fail',
    );
    expect(render(reportOf(1, { findings: [error] }))).toMatch(
      '- ❌ b: port: port 80 is &#60;taken&#62; → Stop it.',
    );
    expect(renderPlanFailure('production', 'switchyard.yml:3:1: no\n→ Do that.')).toBe(
      '## ❌ production: the plan failed\n\n> [!CAUTION]\n> switchyard.yml:3:1: no\n> → Do that.\n',
    );
  });

  test('where no service changes, the steps beside them are named', () => {
    const world = new World();
    const wanted = shop([service('api')]);
    world.deploy(wanted);
    world.machines.get('a')!.edge!.isRunning = false;
    const plan = world.plan(wanted);
    const text = render({ plan, services: [], changed: true, drift: [], findings: [] });
    expect(text).toMatch('### What a deploy would change\n\n- start the edge on a\n- unchanged: api\n');
  });
});

test('the output says the same for programs', () => {
  const output = planOutput(reportOf(2, { findings: [warning] }));
  expect(output).toMatchObject({
    outcome: 'changes',
    changes: [{ service: 'api', from: 1, to: 2, effect: 'toggle', reasons: ['image'] }, { service: 'web' }],
    steps: expect.arrayContaining(['start api release 2 as secondary on a']),
    drift: [],
    preflight: [warning],
  });
  expect(planOutput(reportOf(1, { findings: [error] }))).toMatchObject({ outcome: 'error' });
  expect(planOutput(reportOf(1))).toMatchObject({ outcome: 'no changes', steps: [] });
});

test('the marker of a comment cannot end its HTML comment', () => {
  expect(markerOf({ config: 'shop/switchyard.yml', environment: 'production' })).toBe(
    '<!-- switchyard plan shop/switchyard.yml production -->',
  );
  expect(markerOf({ config: 'a -->\n<b>', environment: 'x--y' })).toBe('<!-- switchyard plan a-b- x-y -->');
});
