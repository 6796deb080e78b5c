import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runIsAlive } from '../../../src/github/runs.ts';
import type { Lease } from '../../../src/state/lease.ts';
import { askGitHub } from '../../../src/state/lease-watch.ts';

let server: Server;
let apiUrl: string;
let answer: { status: number; body: unknown };
let requests: { url: string | undefined; authorization: string | undefined }[];
beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push({ url: request.url, authorization: request.headers.authorization });
    response
      .writeHead(answer.status, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (runAttempt?: number) =>
  runIsAlive({ token: 'T', apiUrl, repository: 'o/r', runId: 42, ...(runAttempt && { runAttempt }) });

test('a run is alive until GitHub calls it completed', async () => {
  answer = { status: 200, body: { status: 'in_progress' } };
  expect(await ask()).toBe(true);
  answer = { status: 200, body: { status: 'completed', conclusion: 'cancelled' } };
  expect(await ask(2)).toBe(false);
  expect(requests.map(({ url }) => url)).toEqual([
    '/repos/o/r/actions/runs/42',
    '/repos/o/r/actions/runs/42/attempts/2',
  ]);
  expect(requests[0]?.authorization).toBe('token T');
});

test('what cannot be known is undefined: no permission, another answer, nobody there', async () => {
  answer = { status: 403, body: { message: 'Resource not accessible by integration' } };
  expect(await ask()).toBeUndefined();
  answer = { status: 200, body: {} };
  expect(await ask()).toBeUndefined();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await ask()).toBeUndefined();
});

test('a lease is asked about only where its run is', async () => {
  answer = { status: 200, body: { status: 'completed' } };
  const lease = { run: 'https://github.com/o/r/actions/runs/42', run_id: 42, repository: 'o/r' } as Lease;
  const run = { serverUrl: 'https://github.com', apiUrl };
  expect(await askGitHub('T', run)(lease)).toBe(false);
  expect(await askGitHub(undefined, run)(lease)).toBeUndefined();
  expect(await askGitHub('T', run)({ ...lease, run: 'local' })).toBeUndefined();
  expect(await askGitHub('T', { ...run, serverUrl: 'https://ghe.example.com' })(lease)).toBeUndefined();
  expect(requests).toHaveLength(1);
});
