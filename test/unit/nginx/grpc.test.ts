import { describe, expect, test } from '@jest/globals';
import type { TlsSpec } from '../../../src/model/spec.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { hostOf, questionOf, type Route } from '../../../src/nginx/routes.ts';
import { parseTree, routesOf } from '../../../src/nginx/tree.ts';
import { SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const DOMAINS = ['api.example.com'];
const GRPC = { protocol: 'grpc' as const, domains: DOMAINS };
const TLS: TlsSpec = {
  mode: 'self-signed',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 0,
  acme: { url: 'https://ca.example.com/directory' },
};

function filesOf(kind: 'edge' | 'sidecar', routes: Route[], tls?: TlsSpec) {
  const settings = { ...SETTINGS, ...(tls && { tls }) };
  return compose(kind, parseTree(firstFiles(kind, SHOP, settings)), wish(kind, routes, { settings }));
}

function fileOf(kind: 'edge' | 'sidecar', routes: Route[], ending: string, tls?: TlsSpec): string {
  return [...filesOf(kind, routes, tls).files].find(([path]) => path.endsWith(ending))?.[1] ?? '';
}

const count = (text: string, part: string) => text.split(part).length - 1;

describe('a service of gRPC in the configuration', () => {
  test.each(['edge', 'sidecar'] as const)(
    '%s: calls go by HTTP/2, each on a connection of its own',
    (kind) => {
      const text = fileOf(kind, [web(GRPC)], 'http/shop_production/api.conf');
      expect(text).toContain('grpc_pass grpc://$side$single;');
      expect(text).toContain('grpc_read_timeout 60s;');
      expect(text).not.toContain('proxy_pass');
      expect(count(text, 'http2 on;')).toBe(1);
    },
  );

  test('nobody else is spoken to by HTTP/2 without TLS', () => {
    const text = fileOf('edge', [web()], 'http/shop_production/api.conf');
    expect(text).not.toMatch(/http2|grpc/);
  });

  test('with TLS what lets HTTP/2 in is said once: nginx refuses it twice', () => {
    const text = fileOf('edge', [web(GRPC)], 'http/shop_production/api.conf', TLS);
    expect(count(text, 'http2 on;')).toBe(1);
  });

  test('shares a domain by the name of what is called', () => {
    const site = web({ service: 'site', domains: ['example.com'] });
    const calls = web({ ...GRPC, domains: ['example.com/shop.Catalog'] });
    for (const tls of [undefined, TLS]) {
      const text = fileOf('edge', [site, calls], 'hosts/shop_production/example.com.conf', tls);
      expect(text).toMatch(/location \/shop\.Catalog\/ \{[^}]*\}?[\s\S]*?grpc_pass grpc:\/\/\$side\$single;/);
      expect(text).toContain('proxy_pass http://$side$pooled$passed;');
      expect(count(text, 'http2 on;')).toBe(1);
    }
  });

  test('is proven by calls', () => {
    const text = fileOf('edge', [web(GRPC)], 'control/shop_production.conf');
    expect(text).toContain('grpc_pass grpc://${group}_unpooled;');
    expect(text).toContain('grpc_pass grpc://$own;');
    expect(text).not.toContain('proxy_pass');
    const { headers, message } = questionOf(web(GRPC).ports[0]!);
    expect(headers).toEqual({ 'content-type': 'application/grpc', te: 'trailers' });
    expect(message).toHaveLength(5);
    expect(questionOf(web().ports[0]!)).toEqual({ headers: {} });
    expect(hostOf('api', DOMAINS)).toBe('api.example.com');
  });

  test('stands in the manifest, to be written again without the file', () => {
    const { files, folder } = filesOf('edge', [web(GRPC)]);
    const tree = parseTree(new Map([...files, ['nginx.conf', renderPointer(folder)]]));
    const [route] = routesOf(tree.folders[folder].manifest?.scopes.shop_production);
    expect(route?.ports[0]?.protocol).toBe('grpc');
  });
});
