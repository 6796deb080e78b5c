import { isIP } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { NAMED_RANGES, parseTrustedProxies } from '../../../src/config/trusted-proxies.ts';
import { localFile, messagesOf, resolveOne, resolveText } from './files.ts';

const resolveEdge = (edge: string) => resolveText(`${localFile('{}')}edge: ${edge}\n`).nginx;

describe('settings of the edge', () => {
  test('are none where the file has none: nobody is believed, and accesses are logged', () => {
    expect(resolveText(localFile('{}')).nginx).toEqual({
      image: 'nginx:1.30-alpine',
      keepaliveMinTimeoutMs: 10_000,
    });
    expect(resolveEdge('{ access_log: true }')).not.toHaveProperty('accessLog');
  });

  test('name trusted proxies, and turn the access log off', () => {
    expect(
      resolveEdge('{ trusted_proxies: [10.0.0.0/8, 192.0.2.7, 10.0.0.0/8], access_log: false }'),
    ).toMatchObject({ trustedProxies: ['10.0.0.0/8', '192.0.2.7'], accessLog: false });
    expect(resolveEdge('{ trusted_proxies: 2001:DB8::/32 }').trustedProxies).toEqual(['2001:db8::/32']);
  });
});

describe('the PROXY protocol', () => {
  test('is spoken where the file says so, by proxies that are trusted', () => {
    const edge = '{ proxy_protocol: true, trusted_proxies: 10.0.0.0/8 }';
    expect(resolveEdge(edge)).toMatchObject({ proxyProtocol: true, trustedProxies: ['10.0.0.0/8'] });
    expect(resolveEdge('{ proxy_protocol: false }')).not.toHaveProperty('proxyProtocol');
  });

  test('needs somebody whose word counts', () => {
    expect(messagesOf(() => resolveEdge('{ proxy_protocol: true }'))).toEqual([
      'edge.proxy_protocol: needs trusted_proxies: nobody else is believed who a client is',
    ]);
  });
});

describe('trusted proxies', () => {
  test('a set by its name is its ranges, beside others', () => {
    const ranges = parseTrustedProxies(['cloudflare', '10.0.0.5']);
    expect(ranges).toHaveLength(NAMED_RANGES.cloudflare!.ranges.length + 1);
    expect(ranges).toContain('104.16.0.0/13');
    expect(ranges).toEqual([...ranges].sort());
  });

  test.each(['', 'cloudfront', '10.0.0', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/8; }', 'a.example.com'])(
    '%j is none',
    (text) => {
      expect(messagesOf(() => parseTrustedProxies([text]))).toEqual([
        `${JSON.stringify(text)} is no address, range or known set of them`,
      ]);
    },
  );

  test.each(['0.0.0.0/0', '::/0'])('%s would be everybody', (text) => {
    expect(messagesOf(() => parseTrustedProxies([text]))[0]).toMatch(/^\S+ is everybody/);
  });
});

describe.each(Object.entries(NAMED_RANGES))('the set %s', (_name, { source, asOf, ranges }) => {
  test('says where and when it was looked up', () => {
    expect(source).toMatch(/^https:\/\//);
    expect(new Date(asOf).toISOString()).toBe(`${asOf}T00:00:00.000Z`);
  });

  test('has ranges of both families, each as one writes it, once, and none that is private or wide', () => {
    expect(new Set(ranges).size).toBe(ranges.length);
    expect(new Set(ranges.map((range) => isIP(range.split('/')[0]!)))).toEqual(new Set([4, 6]));
    for (const range of ranges) {
      expect(parseTrustedProxies([range])).toEqual([range]);
      const [address = '', bits] = range.split('/');
      expect(Number(bits)).toBeGreaterThanOrEqual(isIP(address) === 4 ? 12 : 29);
      expect(address).not.toMatch(/^(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|f[cde])\b/);
    }
  });
});

describe('what a route has of its own', () => {
  test('nothing, where the file says nothing or the default', () => {
    const plain = { domains: [], idleTimeoutMs: 86_400_000 };
    expect(resolveOne('').route).toEqual(plain);
    expect(resolveOne('max_body_size: 0\nrequest_buffering: auto').route).toEqual(plain);
  });

  test('the largest body, how bodies reach the app, and all names that nobody else has', () => {
    const { route } = resolveOne('max_body_size: 50m\nrequest_buffering: off\ndomain: "*"');
    expect(route).toMatchObject({ maxBodyBytes: 50 * 1024 ** 2, requestBuffering: 'off', domains: ['*'] });
  });
});
