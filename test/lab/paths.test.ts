import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Front, type FrontApp, startFront } from './front.ts';

/** An app that tells which one it is, and what it was asked for; its own domain is that by which it is waited for. */
function app(name: string, domains: string[], more: Omit<FrontApp, 'name' | 'domains'> = {}): FrontApp {
  return {
    name,
    environment: { WHO: name },
    domains: [`${name}.example.com`, ...domains],
    ...more,
  };
}

const METHODS = ['GET', 'POST', 'NOTIFY'];

describe('one domain of several services, behind a real edge', () => {
  let front: Front;

  beforeAll(async () => {
    const redirects = [
      { from: 'www.example.com', to: 'https://example.com', status: 308 },
      { from: 'example.com/old', to: '/new', status: 301 },
      { from: 'example.com/old/api', to: 'https://api.example.com', status: 302 },
      { from: 'example.com/gone', to: 'https://example.org/gone.html', status: 307, dropsPath: true },
      { from: 'shop.example.com', to: 'https://example.com/shop', status: 301 },
    ] as const;
    front = await startFront(
      'edge',
      [
        app('web', ['example.com'], { route: { redirects: [...redirects] } }),
        app('api', ['example.com/api', 'example.org/api'], { port: { stripPrefix: true } }),
        app('next', ['example.com/api/v2', 'example.com/a.b/c']),
        app('upload', ['example.com/upload'], { route: { maxBodyBytes: 1_000 } }),
      ],
      { trustedProxies: ['127.0.0.1'] },
    );
  }, 120_000);

  afterAll(async () => {
    await front?.down();
  });

  /** Who was asked for what, else the status; with where it leads. */
  async function sent(target: string, host = 'example.com', method = 'GET'): Promise<string> {
    const socket = connect({ host: front.address, port: 80 });
    await once(socket, 'connect');
    socket.write(
      `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece as Buffer);
    const [head = '', body = ''] = Buffer.concat(pieces).toString().split('\r\n\r\n');
    const status = /^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 'no answer';
    const location = /^location: (.*)$/im.exec(head)?.[1];
    if (location !== undefined) return `${status} ${location}`;
    const told = /\{.*\}/.exec(body)?.[0];
    if (told === undefined) return status;
    const { who, url, prefix } = JSON.parse(told) as Record<string, string>;
    return [who, url, ...(prefix === undefined ? [] : [`below ${prefix}`])].join(' ');
  }

  const API = 'below /api';

  test.each([
    // The longest prefix wins, whole words of a path only.
    ['/', 'web /'],
    ['/apiary', 'web /apiary'],
    ['/apiary/api/x?q=/api/', 'web /apiary/api/x?q=/api/'],
    ['/API/x', 'web /API/x'],
    ['/api', `api / ${API}`],
    ['/api/', `api / ${API}`],
    ['/api?a=1&b=/api', `api /?a=1&b=/api ${API}`],
    ['/api/users?q=%20', `api /users?q=%20 ${API}`],
    ['/api/v1/v2', `api /v1/v2 ${API}`],
    ['/api/v2', 'next /api/v2'],
    ['/api/v2/x', 'next /api/v2/x'],
    ['/api/v2?x', 'next /api/v2?x'],
    ['/api/v20', `api /v20 ${API}`],
    ['/a.b/c/d', 'next /a.b/c/d'],
    ['/aXb/c/d', 'web /aXb/c/d'],
    // What an app is passed is what was sent.
    ['/api/a%2Fb', `api /a%2Fb ${API}`],
    ['/api/%2F', `api /%2F ${API}`],
    ['/api//users//1', `api //users//1 ${API}`],
    ['/api/a/../b', `api /a/../b ${API}`],
    ['/api/a/%2e%2e/b', `api /a/%2e%2e/b ${API}`],
    ['/api/%252e%252e/x', `api /%252e%252e/x ${API}`],
    ['/api/..;/admin', `api /..;/admin ${API}`],
    ['/files/a%2Fb', 'web /files/a%2Fb'],
    ['/files//api/x', 'web /files//api/x'],
    ['/x/../y', 'web /x/../y'],
    ['/api;v=1/x', 'web /api;v=1/x'],
    ['/api\\..\\x', 'web /api\\..\\x'],
    ['http://example.com/api/x?y', `api /x?y ${API}`],
    ['http://example.com', 'web /'],
    // What could be meant for two reaches nobody.
    ['/api/../x', '400'],
    ['/api/%2e%2e/x', '400'],
    ['/api/..%2Fx', '400'],
    ['/api/%2e%2e%2fx', '400'],
    ['/api/v2/../x', '400'],
    ['/api/v2%2Fx', '400'],
    ['/api/./v2/x', '400'],
    ['/x/../api/x', '400'],
    ['/x/%2e%2e/api', '400'],
    ['/%61pi/x', '400'],
    ['/api%2Fx', '400'],
    ['//api/x', '400'],
    ['/./api', '400'],
    ['/api#/../x', '400'],
    ['/api/%00', '400'],
    ['/old/../api/x', '400'],
    ['/x/../old', '400'],
    // Redirects keep what comes behind, and the query.
    ['/old', '301 http://example.com/new'],
    ['/old/x%2Fy?z=1', '301 http://example.com/new/x%2Fy?z=1'],
    ['/old?z=1', '301 http://example.com/new?z=1'],
    ['/old//example.org', '301 http://example.com/new//example.org'],
    ['/older', 'web /older'],
    ['/old/api', '302 https://api.example.com/'],
    ['/old/api//example.org/x', '302 https://api.example.com//example.org/x'],
    ['/old/api.example.org', '301 http://example.com/new/api.example.org'],
    ['/gone/x?y', '307 https://example.org/gone.html'],
    // What the edge itself has.
    ['/.well-known/switchyard/health', '200'],
    ['/.well-known/other', 'web /.well-known/other'],
  ])('%s reaches %s', async (target, expected) => {
    expect(await sent(target)).toBe(expected);
  });

  test.each([
    ['www.example.com', '/', '308 https://example.com/'],
    ['www.example.com', '/a%2Fb//c?d=%0d%0a', '308 https://example.com/a%2Fb//c?d=%0d%0a'],
    ['www.example.com', '//example.org', '308 https://example.com//example.org'],
    ['www.example.com', '/.well-known/switchyard/health', '200'],
    ['shop.example.com', '/', '301 https://example.com/shop/'],
    ['shop.example.com', '/x?y', '301 https://example.com/shop/x?y'],
    ['example.org', '/api/x', `api /x ${API}`],
    ['example.org', '/', '404'],
    ['example.org', '/apiary', '404'],
    ['api.example.com', '/api/x', 'api /api/x'],
  ])('on %s %s is %s', async (host, target, expected) => {
    expect(await sent(target, host)).toBe(expected);
  });

  test.each(METHODS)('a %s takes the same way', async (method) => {
    expect([
      await sent('/x', 'example.com', method),
      await sent('/api/a%2Fb?x', 'example.com', method),
      await sent('/api/v2/x', 'example.com', method),
    ]).toEqual(['web /x', `api /a%2Fb?x ${API}`, 'next /api/v2/x']);
  });

  test('a flag moves the traffic of one of them, and takes nothing of the path', async () => {
    const [flags] = (await front.exec('sh', '-c', 'cat /etc/switchyard/*/hosts/*/example.com.conf')).match(
      /flags\/shop_production\.api\.[0-9a-f]{16}/,
    )!;
    await front.exec('sh', '-c', `mkdir -p /etc/switchyard/flags && touch /etc/switchyard/${flags}`);
    // Nothing stands on the other side: what serves as its backup answers.
    expect([
      await sent('/api/a%2Fb?x'),
      await sent('/api/a%2Fb?x', 'example.com', 'POST'),
      await sent('/x'),
    ]).toEqual([`api /a%2Fb?x ${API}`, `api /a%2Fb?x ${API}`, 'web /x']);
    await front.exec('rm', `/etc/switchyard/${flags}`);
  });

  test('each has the limits of its own service', async () => {
    const ask = async (path: string, bytes: number) =>
      (await front.ask(path, { method: 'POST', headers: { host: 'example.com' }, body: Buffer.alloc(bytes) }))
        .status;
    expect([await ask('/upload', 1_000), await ask('/upload/x', 1_001), await ask('/x', 2_000_000)]).toEqual([
      200, 413, 200,
    ]);
  });

  test('a prefix that a client claims is not believed', async () => {
    const asked = async (path: string) => {
      const headers = { host: 'example.com', 'x-forwarded-prefix': '/evil', X_Forwarded_Prefix: '/evil' };
      return (JSON.parse((await front.ask(path, { headers })).body) as { prefix?: string }).prefix;
    };
    expect([await asked('/x'), await asked('/api/x'), await asked('/api/v2')]).toEqual([
      undefined,
      '/api',
      undefined,
    ]);
  });
});
