import { describe, expect, test } from '@jest/globals';
import type { StatusReport } from '../../../src/deploy/observation/status.ts';
import type { HistoryEntry } from '../../../src/model/release.ts';
import { renderPast } from '../../../src/report/past-releases.ts';
import { renderStatus } from '../../../src/report/status.ts';

function entry(release: number, outcome: HistoryEntry['outcome'] = 'deployed'): HistoryEntry {
  return { release, outcome, at: '2026-11-21T12:00:31Z', run: 'x', actor: 'ann', why: [], took_ms: 1234 };
}

test('the list of releases: newest first, the one that runs is marked', () => {
  const services = {
    api: [
      { ...entry(3), image: 'acme/api:v3', isCurrent: true, restores: 1, sent: 9, lost: 0 },
      { ...entry(2, 'failed'), image: 'acme/api:v2', isCurrent: false, why: ['image', 'a|b'] },
    ],
  };
  const { lines, markdown } = renderPast('shop production', { current: { api: 3 }, services });
  expect(lines).toEqual([
    'shop production: releases',
    'service  release   outcome   when              who  why         took   lost    restores  image',
    'api      3 (runs)  deployed  2026-11-21 12:00  ann              1.2 s  0 of 9  1         acme/api:v3',
    'api      2         failed    2026-11-21 12:00  ann  image, a|b  1.2 s                    acme/api:v2',
  ]);
  expect(markdown).toContain('a&#124;b');
  const empty = renderPast('shop production', { current: {}, services: {} });
  expect(empty.lines[1]).toBe('nothing was deployed from this repository yet');
  expect(empty.markdown).toBe(
    '## shop production: releases\n\nnothing was deployed from this repository yet\n',
  );
});

describe('status', () => {
  const api = { release: 3, deployed_at: '', run: 'x' };
  const copy = { server: 'a', container: 'shop_production_api', release: 3, image: 'api:3' };
  const nothing: StatusReport = {
    title: 'shop production',
    releases: {},
    services: {},
    certificates: [],
    backups: [],
    restores: [],
    drift: [],
    exposed: [],
    maintenance: [],
    lease: undefined,
    nginx: [],
  };

  test('shows what runs where, who changes it, and what is not as recorded', () => {
    const copies = [
      { ...copy, slot: 'base', isRunning: true, isActive: true },
      { ...copy, slot: 'secondary', isRunning: false, isActive: false },
    ];
    const { lines, markdown } = renderStatus({
      ...nothing,
      services: { api: { ...api, copies, history: [] } },
      drift: ['api: it is not there'],
      exposed: ['the secret X'],
      lease: 'ann (run 7)',
      nginx: [{ server: 'a', edge: 'runs', sidecar: 'none' }],
    });
    expect(lines).toEqual([
      'shop production',
      'service  release  server  slot           container            image  state',
      'api      3        a       base (active)  shop_production_api  api:3  runs',
      'api      3        a       secondary      shop_production_api  api:3  stopped',
      'a: edge runs, sidecar none',
      'being changed by ann (run 7)',
      'drift: api: it is not there',
      'exposed: the secret X',
    ]);
    expect(markdown).toMatch('\n\n- a: edge runs, sidecar none\n- being changed by ann (run 7)\n\n');
    expect(markdown).toMatch('- ⚠️ drift: api: it is not there\n\n- ⛔ exposed: the secret X\n');
  });

  test('shows the last releases below', () => {
    const history = [entry(3), entry(2, 'failed')];
    const { lines, markdown } = renderStatus({
      ...nothing,
      services: { api: { ...api, copies: [], history } },
    });
    expect(lines.slice(-3)).toEqual([
      'service  release  outcome   when              who  why  took   lost  run',
      'api      3        deployed  2026-11-21 12:00  ann       1.2 s        x',
      'api      2        failed    2026-11-21 12:00  ann       1.2 s        x',
    ]);
    expect(markdown).toContain('### The last releases\n\n| service | release |');
  });

  test('says so where nothing is deployed', () => {
    expect(renderStatus(nothing)).toEqual({
      lines: ['shop production', 'nothing is deployed'],
      warnings: [],
      markdown: '## shop production\n\nNothing is deployed.\n\nServers and record agree.\n',
    });
  });
});
