import { expect, test } from '@jest/globals';
import type { HttpTarget } from '../../../src/fleet/http.ts';
import { systemClock } from '../../../src/model/clock.ts';
import type { NginxInstance } from '../../../src/nginx/instance.ts';
import { prove } from '../../../src/nginx/prove.ts';
import { SHOP, web } from './routes-of-shop.ts';

const COPY = '10.0.0.2:3000';

test('a proof sends the headers of the health check, through each upstream', async () => {
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
  const headers = { 'x-forwarded-proto': 'https' };
  const { service, ports } = web({ proveHeaders: headers });
  await prove(edge, SHOP, '1.abc', { service, port: ports[0]!, own: [COPY], all: [COPY] }, systemClock);
  expect(asked.map(({ path, headers: sent }) => [path, sent])).toEqual([
    ['/prove/shop_production/api', headers],
    ['/prove/shop_production/api_unpooled', headers],
  ]);
});
