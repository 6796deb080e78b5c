import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HttpOver } from '../../../src/fleet/http.ts';

let sent: IncomingHttpHeaders = {};
const server = createServer((request, response) => {
  sent = request.headers;
  response.end(`${request.url} for ${request.headers.host}`);
});
const dialled: string[] = [];
/** A way to a server elsewhere: whatever it is asked for, the one above answers. */
const http = new HttpOver(async (address, port) => {
  dialled.push(`${address}:${port}`);
  return connect((server.address() as AddressInfo).port, '127.0.0.1');
});

const AT = { address: '10.0.0.9', path: '/health' };

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await http.close();
  server.close();
});

test.each([80, 443, 3000])('a container that listens on port %i is asked there', async (port) => {
  const { status, body } = await http.get({ address: '10.0.0.9', port, path: '/health', host: 'api' }, 5_000);
  expect({ status, body }).toEqual({ status: 200, body: '/health for api' });
  expect(dialled.at(-1)).toBe(`10.0.0.9:${port}`);
});

test.each([
  [
    'one request',
    (target: { port: number }, asked: object) => http.get({ ...AT, ...target, ...asked, host: 'api' }, 5_000),
  ],
  [
    'a connection that is kept',
    async (target: { port: number }, asked: object) => {
      const kept = http.keepAlive({ ...AT, ...target });
      await kept.get({ ...AT, ...asked, host: 'api', isLast: true }, 5_000);
      await kept.close();
    },
  ],
])('headers go with %s, and may replace the name of who asks', async (_how, get) => {
  await get(
    { port: 3000 },
    { headers: { 'x-forwarded-proto': 'https', 'user-agent': 'own', host: 'other' } },
  );
  expect(sent).toMatchObject({ 'x-forwarded-proto': 'https', 'user-agent': 'own', host: 'api' });
});
