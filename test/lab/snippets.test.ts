import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EdgeOptions, Snippets } from '../../src/model/edge-options.ts';
import { checkSnippets } from '../../src/model/snippets.ts';
import { compose, firstFiles, scopeWish } from '../../src/nginx/compose.ts';
import { explainSnippet } from '../../src/nginx/snippets.ts';
import { CONFIG_FOLDER, parseTree } from '../../src/nginx/tree.ts';
import { type Front, type FrontApp, startFront } from './front.ts';

const LAB = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const PROBE = { headers: { 'Switchyard-Token': 'open' } };
const BODY = 'x'.repeat(2 * 1024 ** 2);

const app = (
  name: string,
  nginx: Partial<Record<keyof Snippets, string>>,
  edge: EdgeOptions = {},
): FrontApp => ({
  name,
  route: {
    edge: {
      ...edge,
      nginx: Object.fromEntries(Object.entries(nginx).map(([level, text]) => [level, { text }])),
    },
  },
});
/** Two services with the same names, which mean something else for each. */
const NAMES = (greeting: string) => ({
  http: `map $http_x_who $greeting { default "${greeting}"; anna "hello; {anna} \\"x\\""; }
limit_req_zone $limited_client zone=all:1m rate=1r/m;`,
  location:
    'set $said "$greeting, $host"; add_header X-Greeting "${said}"; limit_req zone=all burst=3 nodelay;',
});
const apps: FrontApp[] = [
  app('one', NAMES('one')),
  app('two', NAMES('two'), { rateLimit: { requests: 5, per: 'second', burst: 40 } }),
  app('server', {
    server: `location = /robots.txt { default_type text/plain; add_header X-Own 1; return 200 "none\\n"; }
location ~ "\\.(?:php|asp)$" { return 404; }
add_header X-Server yes always;
proxy_set_header X-From server;`,
  }),
  app('settings', {
    location: `expires 1h;
proxy_set_header X-Tenant acme;
proxy_hide_header X-Secret;
add_header X-Mine "a;b" always;`,
  }),
  app('rewriting', {
    location: `if ($arg_old) { return 410 "gone"; }
if ($http_x_beta = "yes please") { rewrite ^/echo$ /headers break; }
rewrite "^/v(\\d{1,3})/(.*)$" /$2 break;`,
  }),
  app(
    'locked',
    {
      location: 'add_header X-Mine 1;',
      server: 'location = /open { return 200 open; }',
    },
    { basicAuth: {}, headers: { 'X-Robots-Tag': 'noindex' } },
  ),
  {
    ...app(
      'path',
      { location: 'add_header X-Path 1; proxy_set_header X-Tenant acme;' },
      { headers: { 'X-Frame-Options': null, 'X-Content-Type-Options': null, 'Referrer-Policy': null } },
    ),
    domains: ['path.example.com', 'shared.example.com/path'],
    port: { stripPrefix: true },
  },
  { name: 'other', domains: ['shared.example.com'] },
];

describe('lines of nginx that services have of their own, before a real edge', () => {
  let front: Front;
  const asked = (name: string, path = '/echo', options: Parameters<Front['ask']>[1] = {}) =>
    front.ask(path, { app: name, ...options });

  beforeAll(async () => {
    for (const { route } of apps) expect(checkSnippets(route?.edge?.nginx ?? {})).toEqual([]);
    front = await startFront('edge', apps, { trustedProxies: LAB });
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  test.each(['one', 'two'])('%s has its own meaning of a name, and its own limit', async (name) => {
    const { headers } = await asked(name, '/', PROBE);
    expect(headers['x-greeting']).toBe(`${name}, ${name}.example.com`);
    expect(
      (await asked(name, '/', { headers: { ...PROBE.headers, 'X-Who': 'anna' } })).headers['x-greeting'],
    ).toBe(`hello; {anna} "x", ${name}.example.com`);
    const statuses = [];
    for (let count = 0; count < 6; count++)
      statuses.push(
        (await asked(name, '/echo', count % 2 === 0 ? {} : { method: 'POST', body: BODY })).status,
      );
    const refused = name === 'one' ? 503 : 429;
    expect(statuses).toEqual([200, 200, 200, 200, refused, refused]);
  });

  test('locations answer by themselves, with the headers of their server', async () => {
    const { status, body, headers } = await asked('server', '/robots.txt');
    expect([status, body]).toEqual([200, 'none\n']);
    expect(headers).toMatchObject({ 'x-own': '1', 'x-server': 'yes', 'x-frame-options': 'SAMEORIGIN' });
    expect((await asked('server', '/x/index.php')).status).toBe(404);
    const { body: told, headers: own } = await asked('server');
    expect(own).toMatchObject({ 'x-server': 'yes', 'x-frame-options': 'SAMEORIGIN' });
    expect(told).toMatch(/x-from.{0,5}server/i);
    expect(told).toMatch(/x-real-ip/i);
  });

  test.each([
    ['GET', undefined],
    ['POST', 'small'],
    ['POST', BODY],
    ['NOTIFY', 'small'],
  ])('settings hold for %s, whatever it brings, beside those of the edge', async (method, body) => {
    const { headers, body: told } = await asked('settings', '/echo', { method, ...(body && { body }) });
    expect(headers).toMatchObject({
      'x-mine': 'a;b',
      'cache-control': 'max-age=3600',
      'x-content-type-options': 'nosniff',
    });
    expect(told).toMatch(/x-tenant.{0,5}acme/i);
    expect(told).toMatch(/x-forwarded-host.{0,5}settings\.example\.com/i);
    expect(told.toLowerCase()).not.toContain('switchyard-token');
  });

  test.each([
    ['GET', undefined],
    ['POST', 'small'],
    ['POST', BODY],
    ['NOTIFY', 'small'],
  ])('a path is rewritten once for %s', async (method, body) => {
    const sent = { method, ...(body && { body }) };
    expect((await asked('rewriting', '/v12/echo', sent)).status).toBe(200);
    // The app has something else at /v2/echo than at /echo.
    expect((await asked('rewriting', '/v1/echo', sent)).body).toContain('"method"');
    expect((await asked('rewriting', '/v1/v2/echo', sent)).body).toBe('{}\n');
    const beta = { ...sent, headers: { 'x-beta': 'yes please' } };
    expect((await asked('rewriting', '/echo', beta)).body).toBe('{}\n');
    expect(await asked('rewriting', '/echo?old=1', sent)).toMatchObject({ status: 410, body: 'gone' });
  });

  test('what is locked stays so, and what answers by itself is open', async () => {
    expect(await asked('locked')).toMatchObject({ status: 401 });
    expect((await asked('locked', '/open')).body).toBe('open');
    expect((await asked('locked', '/', PROBE)).headers).toMatchObject({
      'x-mine': '1',
      'x-robots-tag': 'noindex',
    });
  });

  test('of a shared domain they hold for the path of the service alone', async () => {
    expect((await asked('other', '/path/echo')).headers).toMatchObject({ 'x-path': '1' });
    expect((await asked('other', '/echo')).headers).not.toHaveProperty('x-path');
    const { body, headers } = await asked('other', '/path/echo', { method: 'POST', body: BODY });
    expect(headers).toMatchObject({ 'x-path': '1' });
    expect(body).toMatch(/x-tenant.{0,5}acme/i);
  });
});

/** What nginx says of a service whose lines it refuses, in words of the one who wrote them. */
async function refusalOf(front: Front, snippets: Snippets): Promise<string | undefined> {
  const scope = { project: 'shop', environment: 'production' };
  const on = { name: 'here', zone: 'default' };
  const settings = { image: 'nginx', keepaliveMinTimeoutMs: 2_000 };
  const port = { protocol: 'http' as const, containerPort: 3000, internalPort: 5100, hostPort: 8100 };
  const routes = [
    {
      service: 'api',
      ports: [{ ...port, domains: ['api.example.com'], provePath: '/' }],
      idleTimeoutMs: 60_000,
      edge: { nginx: snippets },
      copies: [{ server: 'here', slot: 'base' as const, weight: 1 }],
    },
  ];
  const wish = scopeWish('edge', {
    scope,
    repository: 'example.com/shop',
    routes,
    settings,
    on,
    servers: [on],
  });
  const { files, folder } = compose('edge', parseTree(firstFiles('edge', scope, settings)), wish);
  for (const [path, text] of files) {
    const at = `${CONFIG_FOLDER}/${path}`;
    const encoded = Buffer.from(text).toString('base64');
    await front.exec('sh', '-c', `mkdir -p "$(dirname ${at})" && echo ${encoded} | base64 -d > ${at}`);
  }
  // It ends with 1 where nginx refuses, which is what the stories are about: exec would throw. Where it takes all, nothing is said.
  const said = await front.exec(
    'sh',
    '-c',
    `nginx -t -q -c ${CONFIG_FOLDER}/${folder}/main.conf 2>&1 || true`,
  );
  const complaint = said.replace(/^.*\[emerg\] (?:\d+#\d+: )?/s, '').split('\n')[0]!;
  return explainSnippet(complaint, 'shop_production', files, CONFIG_FOLDER);
}

describe('what nginx itself refuses', () => {
  let front: Front;

  beforeAll(async () => {
    front = await startFront('edge', [{ name: 'plain' }]);
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  test.each<[string, Snippets, string]>([
    [
      'a value',
      { location: { text: 'add_header X-A 1;\n\nexpires sometime;' } },
      'line 3 of edge.nginx.location (api): "expires" directive invalid value',
    ],
    [
      'words that are too few, in a file',
      { server: { text: '# mine\nproxy_hide_header;', file: './nginx/api.conf' } },
      'line 2 of ./nginx/api.conf (api): invalid number of arguments in "proxy_hide_header" directive',
    ],
    [
      'a value of a map',
      { http: { text: 'map $host $kind {\n  default 1;\n  "~(" 2;\n}' } },
      'line 3 of edge.nginx.http (api): pcre2_compile() failed: missing closing parenthesis in "("',
    ],
    [
      'a variable that nobody defines',
      { location: { text: 'set $a 1;\nadd_header X-B $nowhere;' } },
      'line 2 of edge.nginx.location (api): unknown "nowhere" variable',
    ],
    [
      'a line of a location that answers by itself',
      { server: { text: 'location = /a {\n  return 200 a;\n}\nlocation = /b {\n  return 2000;\n}' } },
      'line 5 of edge.nginx.server (api): invalid return code "2000"',
    ],
    [
      'a name that the service has twice',
      { http: { text: 'limit_conn_zone $host zone=a:1m;\nlimit_conn_zone $uri zone=a:1m;' } },
      'line 2 of edge.nginx.http (api): limit_conn_zone "a" is already bound to key "$host"',
    ],
  ])('%s is told by its line', async (_what, snippets, expected) => {
    expect(checkSnippets(snippets)).toEqual([]);
    expect(await refusalOf(front, snippets)).toBe(expected);
  });
});
