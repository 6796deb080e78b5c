import { describe, expect, test } from '@jest/globals';
import type { Deployed } from '../../../src/commands/change.ts';
import { releasesOf, resultOf } from '../../../src/commands/result.ts';
import type { DeployReport } from '../../../src/deploy/request.ts';
import type { Span } from '../../../src/deploy/timeline.ts';
import { UserError } from '../../../src/model/errors.ts';
import { renderDeployed } from '../../../src/report/deployed.ts';
import { renderTimeline } from '../../../src/report/timeline.ts';
import { API_WANTED, reportOf, Stopwatch } from './reports.ts';

const AUTHOR = {
  run: 'https://github.com/acme/shop/actions/runs/17',
  actor: 'octocat',
  commit: 'abc1234567890',
};

function deployed(changes: Partial<DeployReport>): Deployed {
  const report = reportOf(changes);
  const services = resultOf(report, true);
  return {
    kind: 'deployed',
    title: 'shop production',
    author: AUTHOR,
    report,
    services,
    built: [],
    outputs: { changed: report.changed, releases: releasesOf(report), result: services, evidence: '' },
    failure: report.failure,
  };
}

const render = (changes: Partial<DeployReport> = {}) => renderDeployed(deployed(changes));

describe('the summary of a deploy', () => {
  test('what changed, where it runs, the timeline and the figures', async () => {
    const watch = new Stopwatch();
    await watch.spent('observe', 80);
    await watch.spent('start', 300, { service: 'api', server: 'a' });
    await watch.spent('switch', 50);
    const probe = { sent: 90, lost: 0, unknown: 1, p50_ms: 1.2, p99_ms: 8, longest_gap_ms: 61, losses: [] };
    const text = render({ timeline: watch.timeline, probes: new Map([['api', probe]]), cut: 2 });
    expect(text).toBe(`## ✅ shop production: deployed

### What changes

- api 1 → 2: new containers beside the old ones on a, b (image); api:2 at api.example.com

### Where it runs

| service | release | image | domains | server | slot | container | port | start | healthy after |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| api | 2 | api:2 | api.example.com | a | secondary | shop&#95;production&#95;api&#95;secondary | 18339 | 300 ms |  |
| api | 2 | api:2 | api.example.com | b | secondary | shop&#95;production&#95;api&#95;secondary | 18339 |  |  |

Commit abc1234567, deployed by octocat in https://github.com/acme/shop/actions/runs/17

### Proof: requests during the switch

| service | sent | lost | unknown | p50 | p99 | longest gap |
| --- | --- | --- | --- | --- | --- | --- |
| api | 90 | 0 | 1 | 1.2 ms | 8 ms | 61 ms |

### Timeline

\`\`\`mermaid
gantt
    title shop production
    dateFormat x
    axisFormat %M:%S.%L
    section run
    observe :0, 80
    switch :380, 430
    section api on a
    start :80, 380
\`\`\`

0.4 s in all, 42 Engine API calls, **2 connections were cut** when the drain timeout was over.
`);
  });

  test.each<[string, Partial<DeployReport>, string]>([
    ['a failure', { failure: new Error('no') }, '## ❌ shop production: the deploy failed'],
    [
      'nothing to do',
      { changed: false },
      '## ✅ shop production: nothing to do, everything is as the file says',
    ],
    ['a deploy', {}, '## ✅ shop production: deployed'],
  ])('the headline of %s', (_name, changes, headline) => {
    expect(render(changes).split('\n')[0]).toBe(headline);
  });

  describe('of a rollback', () => {
    const { current } = API_WANTED.known;
    const services = [{ ...API_WANTED, restored: current! }];

    test('says that it was one, of what, and that the next deploy goes forward again', () => {
      expect(render({ services })).toMatch(
        /^## ✅ shop production: rolled back\n\n### Good to know\n\n- This was a rollback: api is what release 1 was\. The next deploy goes forward again, to what the file says: revert the commit to stay\n/,
      );
    });

    test.each<[string, Partial<DeployReport>, string]>([
      ['failed', { failure: new Error('no') }, '## ❌ shop production: the rollback failed'],
      ['found nothing to do', { changed: false }, '## ✅ shop production: nothing to do'],
    ])('that %s says so', (_what, changes, headline) => {
      expect(render({ services, ...changes })).toContain(headline);
    });

    test('promises nothing about the next deploy when it failed', () => {
      expect(render({ services, failure: new Error('no') })).not.toContain('goes forward again');
    });
  });

  test('requests that were lost are a failure of a deploy that is done', () => {
    const text = renderDeployed({ ...deployed({}), failure: new UserError('api: 2 of 10 were lost') });
    expect(text).toMatch(
      '## ❌ shop production: deployed, and requests were lost\n\n> [!CAUTION]\n> api: 2 of',
    );
    expect(text).toMatch('### What changes');
  });
});

describe('what came from a server is no markup', () => {
  test('a failure is quoted, its characters taken literally', () => {
    const failure = new UserError('<img src=x> | *bold* `code` [a](b)\n# Heading $x$');
    const [, , first, ...quoted] = render({ failure }).split('\n');
    expect(first).toBe('> [!CAUTION]');
    const text = quoted.slice(0, 2).join('\n');
    expect(text).toMatch(/^> .*\n> .*$/);
    expect(text.replaceAll(/&#\d+;/g, '').replaceAll('> ', '')).not.toMatch(/[<>|*`[\]#$]/);
    const decoded = text.replaceAll(/&#(\d+);/g, (_match, code: string) => String.fromCharCode(Number(code)));
    expect(decoded).toBe('> <img src=x> | *bold* `code` [a](b)\n> # Heading $x$');
  });

  test('the last lines of a container stay lines, and cannot end their block', () => {
    const failure = new UserError('not healthy. Its last lines:\n  | one\n  | ``` <b>\nafter');
    const text = render({ failure });
    expect(text).toContain("> ```\n> one\n> ''' <b>\n> ```\n> after");
  });
});

describe('the picture', () => {
  const span = (changes: Partial<Span>): Span => ({
    phase: 'start',
    service: 'api',
    server: 'a',
    startMs: 0,
    endMs: 10,
    failed: false,
    ...changes,
  });

  test('every line is one that Mermaid knows, whatever the names', () => {
    const spans = [
      span({ phase: 'odd: phase; #1, x', server: '2001:db8::1' }),
      span({ startMs: 5.4, endMs: 5.6, failed: true }),
      span({ service: '', server: '', phase: 'lease' }),
      span({ service: '', phase: 'pull' }),
    ];
    const lines = renderTimeline('shop: production', spans).split('\n').slice(3, -1);
    for (const line of lines)
      expect(line).toMatch(
        /^(?:gantt| {4}(?:title [^:;#,]+|dateFormat x|axisFormat %M:%S\.%L|section [^:;#,]+|[^:;#,]+ :(?:crit, )?\d+, \d+))$/,
      );
    expect(lines).toContain('    start :crit, 5, 6');
  });

  test('a bar has a width, and there are no more than a person reads', () => {
    const many = Array.from({ length: 200 }, (_, index) => span({ startMs: index, endMs: index }));
    const bars = renderTimeline('x', many)
      .split('\n')
      .filter((line) => line.includes(' :'));
    expect(bars).toHaveLength(60);
    expect(bars[7]).toBe('    start :7, 8');
  });
});

test('a summary stays below the size at which GitHub drops it, counted in bytes', () => {
  const text = render({ failure: new UserError(`${'ü€'.repeat(400)}\n`.repeat(1000)) });
  expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
  expect(text.endsWith('\n\n… cut here.\n')).toBe(true);
  expect(text).not.toContain('\ufffd');
});
