import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDirectives } from '../../../src/model/directives.ts';
import { DEFAULT_HEADERS, type EdgeOptions, headersOf } from '../../../src/model/edge-options.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { parseTree, routesOf } from '../../../src/nginx/tree.ts';
import { at, LONDON_A, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const ALL: EdgeOptions = {
  headers: { 'X-Frame-Options': null, 'Permissions-Policy': 'geolocation=(self "https://a.example.com")' },
  gzip: { types: ['application/json'], level: 4, minBytes: 1024 },
  basicAuth: { anna: '$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1' },
  allow: ['10.0.0.0/8'],
  deny: ['10.1.0.0/16'],
  rateLimit: { requests: 20, per: 'second', burst: 20 },
  connectionLimit: 50,
  cors: {
    origins: ['https://*.example.org'],
    methods: ['GET'],
    headers: [],
    expose: [],
    credentials: true,
    maxAgeSeconds: 600,
  },
  errorPages: { 502: '<p>Soon. $uri', 503: '<p>Full.' },
};
const FILE = 'http/shop_production/api.conf';

/** composed returns the files of the next configuration below its folder. */
function composed(
  kind: 'edge' | 'sidecar',
  edge: EdgeOptions | undefined,
  slot: 'base' | 'secondary' = 'base',
) {
  const route = web({ copies: [at(LONDON_A, slot)], ...(edge && { edge }) });
  const { files, folder } = compose(kind, parseTree(firstFiles(kind, SHOP, SETTINGS)), wish(kind, [route]));
  return new Map([...files].map(([path, content]) => [path.slice(folder.length + 1), content]));
}

describe('the edge options of a service', () => {
  test('is at the edge alone', () => {
    expect(composed('sidecar', ALL).get(FILE)).toBe(composed('sidecar', undefined).get(FILE));
    expect([...composed('sidecar', ALL).keys()].filter((path) => /^(?:users|pages)/.test(path))).toEqual([]);
  });

  test('is the same whichever side has the traffic', () => {
    expect(composed('edge', ALL, 'base').get(FILE)).toBe(composed('edge', ALL, 'secondary').get(FILE));
  });

  test('is kept by the edge, so that a run without the file renders it again', () => {
    const manifest = JSON.parse(composed('edge', ALL).get('manifest.json')!);
    expect(routesOf(manifest.scopes.shop_production)[0]?.edge).toEqual(ALL);
  });

  test('shares with others what means the same: nginx reads it once', () => {
    const routes = ['api', 'web', 'admin'].map((service) =>
      web({ service, domains: [`${service}.example.com`] }),
    );
    const { files } = compose('edge', parseTree(firstFiles('edge', SHOP, SETTINGS)), wish('edge', routes));
    const meanings = [...files.keys()].filter((path) => path.includes('/variables/'));
    expect(meanings).toHaveLength(Object.keys(DEFAULT_HEADERS).length);
  });

  test('has users and pages in files of their own, with nothing in between that nginx would read', () => {
    const files = composed('edge', ALL);
    expect(files.get('users/shop_production_api')).toBe('anna:$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1\n');
    expect(files.get('pages/shop_production_api/502.html')).toBe('<p>Soon. $uri');
    expect(files.get(FILE)).not.toMatch(/apr1|Soon/);
  });

  test('compresses by what it names, and says once that answers differ by it', () => {
    const compression = { types: ['application/json'], level: 4, minBytes: 1024 };
    const text = composed('edge', { gzip: compression, brotli: compression, zstd: compression }).get(FILE)!;
    for (const name of ['gzip', 'brotli', 'zstd'])
      expect(text).toContain(
        `    ${name} on;\n    ${name}_types application/json;\n    ${name}_comp_level 4;\n`,
      );
    expect(text.match(/gzip_vary on;/g)).toHaveLength(1);
    expect(composed('edge', { zstd: compression }).get(FILE)).toMatch(
      /zstd_min_length 1024;\n {4}gzip_vary on;/,
    );
  });

  test('is looked at by every location: what asks for a password stands at the server', () => {
    const { directives } = parseDirectives(composed('edge', ALL).get(FILE)!);
    const server = directives.find(({ words }) => words[0] === 'server')!;
    const names = server.body.map(({ words }) => words[0]);
    expect(names).toEqual(expect.arrayContaining(['auth_basic', 'limit_req', 'limit_conn', 'add_header']));
    const inLocations = server.body
      .filter(({ words }) => words[0] === 'location' && !words.includes('^~') && !words.includes('='))
      .flatMap(({ body }) => body.map(({ words }) => words[0]));
    expect(inLocations.filter((name) => /^(?:add_header|auth_basic|limit_)/.test(name!))).toEqual([]);
  });

  test('stands in the locations of its own service where several share a domain', () => {
    const routes = [
      web({ domains: ['example.com/api'], edge: ALL }),
      web({ service: 'front', domains: ['example.com'] }),
    ];
    const { files } = compose('edge', parseTree(firstFiles('edge', SHOP, SETTINGS)), wish('edge', routes));
    const [, text] = [...files].find(([path]) => path.includes('/hosts/'))!;
    const { directives } = parseDirectives(text);
    const server = directives.find(({ words }) => words[0] === 'server')!;
    const isOfDoor = (name = '') => /^(?:add_header|auth_basic|limit_|gzip)/.test(name);
    expect(server.body.filter(({ words }) => isOfDoor(words[0]))).toEqual([]);
    const guards = (location: string) =>
      server.body
        .find(({ words }) => words.slice(1).join(' ') === location)
        ?.body.map(({ words }) => words[0])
        .filter((name) => /^(?:auth_basic|limit_req|limit_conn)$/.test(name!));
    const all = ['auth_basic', 'limit_req', 'limit_conn'];
    for (const own of ['= /api', '/api/', '@again_api', '@streamed_api', '@once_api'])
      expect(guards(own)).toEqual(all);
    for (const other of ['/', '@again_front', '@streamed_front', '@once_front'])
      expect(guards(other)).toEqual([]);
  });

  test('refuses an address before anything is sent on within the edge', () => {
    const { directives } = parseDirectives(composed('edge', ALL).get(FILE)!);
    const server = directives.find(({ words }) => words[0] === 'server')!;
    const main = server.body.find(({ words }) => words.join(' ') === 'location /')!;
    expect(main.body[0]?.body[0]?.words).toEqual(['return', '403']);
  });

  test('has the default headers without those that are left out, by name in any spelling', () => {
    expect(Object.fromEntries(headersOf({}))).toEqual(DEFAULT_HEADERS);
    expect(headersOf({ headers: { 'x-frame-options': null, 'X-A': 'b' } }).map(([name]) => name)).toEqual([
      'X-Content-Type-Options',
      'Referrer-Policy',
      'X-A',
    ]);
  });

  test('renders any header that the schema lets in as one word', () => {
    const value = fc.stringMatching(/^[!-#%-[\]-~]([ -#%-[\]-~]{0,20}[!-#%-[\]-~])?$/);
    fc.assert(
      fc.property(value, (text) => {
        const variables = [...composed('edge', { headers: { 'X-A': text } })].filter(([path]) =>
          /^variables/.test(path),
        );
        const { directives, mistake } = parseDirectives(variables.map(([, line]) => line).join(''));
        expect(mistake).toBeUndefined();
        const maps = directives.filter(({ words }) => words[1] === '$upstream_http_x_a');
        expect(maps.map(({ body }) => body.at(-1)?.words)).toEqual([['', text]]);
      }),
      { numRuns: 200, seed: 7 },
    );
  });
});
