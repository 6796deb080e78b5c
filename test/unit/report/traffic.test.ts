import { expect, test } from '@jest/globals';
import type { StatusReport } from '../../../src/deploy/observation/status.ts';
import { renderStatus } from '../../../src/report/status.ts';

const COUNTED = {
  seconds: 420,
  requests: 840,
  requestsPerSecond: 2,
  failures: 3,
  bytesReceived: 1,
  bytesSent: 2,
};

function report(traffic: StatusReport['services'][string]['traffic']): StatusReport {
  const api = { release: 1, deployed_at: '', run: '', copies: [], history: [], ...(traffic && { traffic }) };
  return {
    title: 'shop production',
    releases: {},
    services: { api },
    drift: [],
    exposed: [],
    lease: undefined,
    certificates: [],
    backups: [],
    restores: [],
    maintenance: [],
    nginx: [],
  };
}

test('status has a line for what the edge has served of a service', () => {
  const latencyMs = { p50: 12, p95: 80, p99: 231 };
  const connections = { active: 4, draining: 2 };
  const { lines, markdown } = renderStatus(
    report({ ...COUNTED, errors: 42, latencyMs, connections, copies: [] }),
  );
  expect(lines).toContain(
    'api      7 min        840       2.0       42 (5.0 %)  12 ms  80 ms  231 ms  4, 2 draining',
  );
  expect(markdown).toContain('### What the edge sees');
});

test('where nobody came there is nothing to say of times', () => {
  const connections = { active: 0, draining: 0 };
  const none = { ...COUNTED, requests: 0, requestsPerSecond: 0, errors: 0, connections, copies: [] };
  expect(renderStatus(report(none)).lines).toContain(
    'api      7 min        0         0.0       0       -    -    -    0',
  );
});

test('where nothing is counted there is no table', () => {
  expect(renderStatus(report(undefined)).markdown).not.toContain('What the edge sees');
});
