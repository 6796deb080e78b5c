import { expect, test } from '@jest/globals';
import type { HttpTarget } from '../../../src/fleet/http.ts';
import { systemClock } from '../../../src/model/clock.ts';
import type { NginxInstance } from '../../../src/nginx/instance.ts';
import { prove } from '../../../src/nginx/prove.ts';
import { type RouteChanges, SHOP, web } from './routes-of-shop.ts';

const COPY = '10.0.0.2:3000';

/** What an edge is asked by a proof. */
async function askedBy(changes: RouteChanges): Promise<HttpTarget[]> {
  const asked: HttpTarget[] = [];
  const get = async (target: HttpTarget) => {
    asked.push(target);
    const headers = {
      'x-switchyard-generation': '1.abc',
      'x-switchyard-upstream': COPY,
      'x-switchyard-answered': '0.001',
    };
    return { status: 301, headers, body: '' };
  };
  const edge = {
    title: 'a edge',
    address: '10.0.0.9',
    server: { http: { get } },
  } as unknown as NginxInstance;
  const { service, ports } = web(changes);
  await prove(edge, SHOP, '1.abc', { service, port: ports[0]!, own: [COPY], all: [COPY] }, systemClock);
  return asked;
}

test('a proof asks for the path of the health check, with its headers, through each upstream', async () => {
  const headers = { 'x-forwarded-proto': 'https' };
  const asked = await askedBy({ proveHeaders: headers, provePath: '/up?deep=1' });
  expect(asked.map(({ path, headers: sent }) => [path, sent])).toEqual([
    ['/prove/shop_production/api/up?deep=1', headers],
    ['/prove/shop_production/api_unpooled/up?deep=1', headers],
  ]);
});

test.each<[string, RouteChanges, string]>([
  ['the first domain', { domains: ['a.example.com', 'b.example.com'] }, 'a.example.com'],
  ['the first one without a star', { domains: ['*.example.com', 'b.example.com'] }, 'b.example.com'],
  ['one below a star, where there is no other', { domains: ['*.example.com'] }, 'probe.example.com'],
  ['the name of the service, at the catch-all', { domains: ['*'] }, 'api'],
  ['what the health check says', { proveHeaders: { host: 'localhost:3000' } }, 'localhost:3000'],
])('the host of a proof is %s', async (_what, changes, host) => {
  expect(new Set((await askedBy(changes)).map((one) => one.host))).toEqual(new Set([host]));
});

test('of several copies on a server each has to have answered', async () => {
  const OTHER = '10.0.0.3:3000';
  const answers = [COPY, COPY, COPY, COPY, OTHER];
  let asked = 0;
  const get = async () => {
    const upstream = answers[Math.min(asked++, answers.length - 1)];
    const headers = {
      'x-switchyard-generation': '1.abc',
      'x-switchyard-upstream': upstream,
      'x-switchyard-answered': '0.001',
    };
    return { status: 200, headers, body: '' };
  };
  const edge = {
    title: 'a edge',
    address: '10.0.0.9',
    server: { http: { get } },
  } as unknown as NginxInstance;
  const { service, ports } = web({});
  const both = [COPY, OTHER];
  await prove(edge, SHOP, '1.abc', { service, port: ports[0]!, own: both, all: both }, systemClock);
  expect(asked).toBeGreaterThan(answers.length - 1);
});
