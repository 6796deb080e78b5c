import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Redirect } from '../../../src/model/addresses.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { domainsOfRoute, type Route, userPath } from '../../../src/nginx/routes.ts';
import { parseTree, routesOf } from '../../../src/nginx/tree.ts';
import { at, LONDON_A, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const OLD: Redirect = { from: 'example.com/old', to: '/new', status: 301 };
const WWW: Redirect = { from: 'www.example.com', to: 'https://example.com', status: 308, dropsPath: true };

/** A front end with all of a domain but what an api has below a path. */
function shared(slot: 'base' | 'secondary' = 'base'): Route[] {
  const copies = [at(LONDON_A, slot)];
  const api = web({ domains: ['example.com/api', 'api.example.com'], stripPrefix: true, copies });
  return [
    web({
      service: 'front',
      domains: ['example.com'],
      internalPort: 5200,
      hostPort: 8200,
      redirects: [OLD, WWW],
    }),
    { ...api, idleTimeoutMs: 1_000, maxBodyBytes: 5 },
  ];
}

function written(routes: readonly Route[]) {
  const tree = parseTree(firstFiles('edge', SHOP, SETTINGS));
  return compose('edge', tree, wish('edge', routes)).files;
}

const fileOf = (routes: readonly Route[], path: string) =>
  [...written(routes)].find(([name]) => name.endsWith(path))?.[1];

/** UPDATE=1 writes what is rendered now, to be read and committed. */
function expected(name: string, text: string): string {
  const path = join(import.meta.dirname, 'expected', `${name}.conf`);
  if (process.env.UPDATE === '1') writeFileSync(path, text);
  return readFileSync(path, 'utf8');
}

describe('a domain of several services', () => {
  test('is one server, made from pieces of all of them', () => {
    const text = fileOf(shared(), 'hosts/shop_production/example.com.conf') ?? '';
    expect(text).toBe(expected('shared-domain', text));
  });

  test('is in no file of a port, where the upstreams are, and a domain that one has to itself', () => {
    expect(fileOf(shared(), 'http/shop_production/front.conf')).not.toContain('server {');
    expect(fileOf(shared(), 'http/shop_production/api.conf')).toContain('server_name api.example.com;');
    const main = fileOf(shared(), 'main.conf') ?? '';
    expect(main.match(/include .*\/hosts\/.*/g)).toEqual([
      expect.stringContaining('/hosts/shop_production/example.com.conf;'),
      expect.stringContaining('/hosts/shop_production/www.example.com.conf;'),
    ]);
  });

  test('is the same whichever side has the traffic', () => {
    const hosts = (slot: 'base' | 'secondary') =>
      [...written(shared(slot))].filter(([path]) => path.includes('/hosts/') || path.includes('/http/'));
    expect(hosts('secondary')).toEqual(hosts('base'));
  });

  test('that one has to itself needs no file, and is written as it was', () => {
    const alone = written([web({ domains: ['example.com', '*.example.org', '*'] })]);
    expect([...alone.keys()].filter((path) => path.includes('/hosts/'))).toEqual([]);
  });

  test('with a star has a file and a name that nginx takes', () => {
    const files = written([web({ domains: ['*/api', '*.example.com/api'] })]);
    const names = [...files].flatMap(([path, text]) =>
      path.includes('/hosts/') ? [[path.slice(2), /server_name (.*);/.exec(text)?.[1]]] : [],
    );
    expect(names).toEqual([
      ['hosts/shop_production/_.conf', '~^ ""'],
      ['hosts/shop_production/_.example.com.conf', '*.example.com'],
    ]);
  });

  test('and an address that two have for a while is given to the first of them', () => {
    const both = [...shared(), web({ service: 'late', domains: ['example.com/api'], internalPort: 5300 })];
    const text = fileOf(both, 'hosts/shop_production/example.com.conf') ?? '';
    expect([text.includes('@again_api'), text.includes('@again_late')]).toEqual([true, false]);
  });

  test('and all that is said of it is read back from the manifest', () => {
    const tree = parseTree(written(shared()));
    const manifest = tree.folders.b.manifest ?? tree.folders.a.manifest;
    const read = routesOf(manifest?.scopes.shop_production);
    expect(read.map(({ ports, redirects }) => ({ ports, redirects }))).toEqual(
      shared().map(({ ports, redirects }) => ({ ports, redirects })),
    );
    expect(manifest?.scopes.shop_production?.routes.front?.domains).toEqual([
      'example.com',
      'www.example.com',
    ]);
  });

  test('is refused to another project as a whole, whatever the paths, and so is one that redirects', () => {
    const edge = parseTree(
      new Map([...written(shared()), ['nginx.conf', 'include /etc/switchyard/b/main.conf;']]),
    );
    const blog = (route: Partial<Parameters<typeof web>[0]>) =>
      wish('edge', [web({ service: 'blog', ...route })], { scope: { project: 'blog', environment: 'live' } });
    expect(() => compose('edge', edge, blog({ domains: ['example.com/blog'] }))).toThrow(
      'the domain example.com is already served on this server for shop production',
    );
    const redirects: Redirect[] = [{ from: 'www.example.com/x', to: '/y', status: 301 }];
    expect(() => compose('edge', edge, blog({ domains: ['blog.com'], redirects }))).toThrow(
      'the domain www.example.com is already served on this server for shop production',
    );
  });
});

describe('the path by which a user has an app asked for what its proof asks', () => {
  test.each([
    ['what the app is asked for', { domains: ['example.com'] }, '/health?x'],
    [
      'the same where its domain comes first',
      { domains: ['*.example.com/api', 'api.example.com'] },
      '/health?x',
    ],
    [
      'with the prefix that the edge strips',
      { domains: ['example.com/api'], stripPrefix: true as const },
      '/api/health?x',
    ],
    ['the same where it is below the prefix', { domains: ['example.com/health'] }, '/health?x'],
    ['the prefix, where it is not', { domains: ['example.com/api'] }, '/api'],
  ])('is %s', (_what, port, path) => {
    const [main] = web({ ...port, provePath: '/health?x' }).ports;
    expect(userPath({ ...main!, ...port })).toBe(path);
  });
});

test('the domains of a route are named once each, with those that only redirect', () => {
  expect(shared().map(domainsOfRoute)).toEqual([
    ['example.com', 'www.example.com'],
    ['example.com', 'api.example.com'],
  ]);
});
