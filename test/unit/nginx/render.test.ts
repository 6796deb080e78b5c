import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDomain } from '../../../src/config/domain.ts';
import { REDIRECT_STATUSES } from '../../../src/model/addresses.ts';
import { SLOTS } from '../../../src/model/copy.ts';
import { type Directive, parseDirectives } from '../../../src/model/directives.ts';
import { NAME_PATTERN } from '../../../src/model/names.ts';
import type { NginxSpec } from '../../../src/model/spec.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { renderControl, renderControlAccess } from '../../../src/nginx/control.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { renderScope } from '../../../src/nginx/render.ts';
import { backendsOf, type Route, type RoutePort } from '../../../src/nginx/routes.ts';
import { parseTree, routesOf, servedScope } from '../../../src/nginx/tree.ts';
import {
  at,
  cache,
  LONDON_A,
  LONDON_B,
  NEW_YORK,
  type RouteChanges,
  SETTINGS,
  SHOP,
  web,
  wish,
  worker,
} from './routes-of-shop.ts';

/** written returns the files of the next configuration of a new, empty nginx, as one text for people. */
function written(kind: 'edge' | 'sidecar', of: ReturnType<typeof wish>): string {
  const tree = parseTree(firstFiles(kind, SHOP, SETTINGS));
  const { files } = compose(kind, tree, of);
  const shown = [...files]
    .filter(([path]) => /\.(?:conf|tsv)$/.test(path))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return shown.map(([path, content]) => `#### ${path}\n${content}`).join('\n');
}

/** UPDATE=1 writes what is rendered now, to be read and committed. */
function expected(name: string, text: string): string {
  const path = join(import.meta.dirname, 'expected', `${name}.conf`);
  if (process.env.UPDATE === '1') writeFileSync(path, text);
  return readFileSync(path, 'utf8');
}

describe('what is written, to be read by a person', () => {
  test('an edge with two domains', () => {
    const text = written('edge', wish('edge', [web()]));
    expect(text).toBe(expected('edge', text));
  });

  test('a sidecar with an http and a tcp service', () => {
    const text = written('sidecar', wish('sidecar', [web(), cache()]));
    expect(text).toBe(expected('sidecar', text));
  });

  test('an edge among three servers of two zones', () => {
    const servers = [LONDON_A, LONDON_B, NEW_YORK];
    const copies = [at(LONDON_A, 'base'), at(LONDON_B, 'secondary'), at(NEW_YORK, 'base')];
    const text = written('edge', wish('edge', [web({ copies })], { servers }));
    expect(text).toBe(expected('edge-of-several-servers', text));
  });

  test('a sidecar whose services have 10 of 100 requests at another copy', () => {
    const copies = [at(LONDON_A, 'base', 90), at(LONDON_A, 'secondary', 10)];
    const text = written('sidecar', wish('sidecar', [web({ copies }), cache({ copies })]));
    expect(text).toBe(expected('sidecar-with-weights', text));
  });

  test('an edge with three copies of a service on one server', () => {
    const copies = [at(LONDON_A, 'base'), at(LONDON_A, 'secondary'), at(LONDON_A, '3')];
    const text = written('edge', wish('edge', [web({ copies })]));
    expect(text).toBe(expected('edge-with-three-copies', text));
  });
});

describe('a host port that carries the version', () => {
  const copies = [at(LONDON_A, 'base', 1, 8609), at(LONDON_B, 'secondary', 1, 18_609)];
  const servers = [LONDON_A, LONDON_B];

  test('is that of the copy on the other server; on the own one the slot is found by its name', () => {
    const text = written('edge', wish('edge', [web({ copies })], { servers }));
    expect(text).toBe(expected('edge-with-version-ports', text));
  });

  test('stands in the manifest', () => {
    const { files, folder } = compose(
      'edge',
      parseTree(firstFiles('edge', SHOP, SETTINGS)),
      wish('edge', [web({ copies })], { servers }),
    );
    const tree = parseTree(new Map([...files, ['nginx.conf', renderPointer(folder)]]));
    expect(routesOf(tree.folders[folder].manifest?.scopes.shop_production)[0]?.copies).toEqual([
      copies[0],
      { ...copies[1], at: { zone: 'lon1', privateIp: '10.0.0.3' } },
    ]);
  });
});

describe('rules that hold for every configuration', () => {
  const whole = (kind: 'edge' | 'sidecar') => written(kind, wish(kind, [web(), cache()]));
  const directives = (kind: 'edge' | 'sidecar') => whole(kind).replaceAll(/^\s*#.*$/gm, '');

  test.each(['edge', 'sidecar'] as const)('%s: nothing cuts long streams, and no POST runs twice', (kind) => {
    expect(directives(kind)).not.toMatch(/worker_shutdown_timeout|non_idempotent/);
  });

  test.each(['edge', 'sidecar'] as const)('%s: the keep-alive of reloads is as the file says', (kind) => {
    expect(directives(kind)).toMatch(/^ {4}keepalive_min_timeout 2s;$/m);
  });

  test.each(['edge', 'sidecar'] as const)('%s: no client is sent away in the middle of its work', (kind) => {
    expect(directives(kind)).toMatch(/^ {4}keepalive_requests 1000000;\n {4}keepalive_time 1d;$/m);
  });

  test('every include names its file, but for the modules of the image', () => {
    const includes = [...directives('sidecar').matchAll(/include (\S+);/g)].map(([, path]) => path);
    expect(includes.filter((path) => path?.includes('*'))).toEqual(['/etc/nginx/modules-enabled/*.conf']);
    expect(includes).toEqual(
      expect.arrayContaining([
        '/etc/switchyard/b/http/shop_production/api.conf',
        '/etc/switchyard/b/stream/shop_production/cache.conf',
        '/etc/switchyard/b/control/shop_production.conf',
      ]),
    );
  });

  test('the edge has no stream and answers 404 for hosts that nobody serves; the sidecar has no door', () => {
    expect(directives('edge')).not.toMatch(/stream \{/);
    expect(directives('edge')).toMatch(/listen 80 default_server;[\s\S]*location \/ \{ return 404; \}/);
    expect(directives('sidecar')).not.toMatch(/listen 80[ ;]/);
  });

  test('the control endpoints answer the server itself only', () => {
    expect(renderControlAccess('172.18.0.1')).toBe('allow 172.18.0.1;\nallow 127.0.0.1;\ndeny all;\n');
    expect(directives('sidecar').match(/control_access\.conf/g)).toHaveLength(2);
  });

  test('the pointer is one line that names a folder', () => {
    expect(renderPointer('b')).toBe('include /etc/switchyard/b/main.conf;\n');
  });

  test('times that are no whole seconds are written in milliseconds', () => {
    const files = renderScope('sidecar', SHOP, [cache({ idleTimeoutMs: 1500 })], LONDON_A, [LONDON_A]);
    expect([...files.values()].join('')).toContain('proxy_timeout 1500ms;');
  });

  test('a service without a domain is not at the edge, one without a copy in the zone nowhere', () => {
    expect(renderScope('edge', SHOP, [cache(), web({ domains: [] })], LONDON_A, [LONDON_A]).size).toBe(0);
    expect(renderScope('sidecar', SHOP, [web()], NEW_YORK, [LONDON_A, NEW_YORK]).size).toBe(0);
  });

  test('a control file without a service still tells the generation', () => {
    expect(renderControl({ scope: 'shop_production', generation: '7.abc', provable: [] })).toBe(
      'location = /generation/shop_production { return 200 "7.abc"; }\n',
    );
  });
});

describe('a service with further ports, and one without any', () => {
  const rabbit = cache({
    service: 'rabbit',
    further: [
      {
        name: 'console',
        protocol: 'http',
        containerPort: 15_672,
        internalPort: 5300,
        hostPort: 8300,
        domains: ['queue.example.com'],
        provePath: '/',
      },
    ],
  });
  const routes = [rabbit, worker()];

  test('each port has a file of its own, and the edge those with a domain', () => {
    const pathsOf = (kind: 'edge' | 'sidecar') => [
      ...renderScope(kind, SHOP, routes, LONDON_A, [LONDON_A]).keys(),
    ];
    expect(pathsOf('sidecar')).toEqual([
      'stream/shop_production/rabbit.conf',
      'http/shop_production/rabbit.console.conf',
      'worker/shop_production/mailer.conf',
    ]);
    expect(pathsOf('edge').filter((path) => !path.startsWith('variables/'))).toEqual([
      'http/shop_production/rabbit.console.conf',
      'backends/shop_production.tsv',
    ]);
  });

  test('all lead to the same copies, and the http ports can be proven by their names', () => {
    const text = written('sidecar', wish('sidecar', routes));
    expect(text).toContain('server shop_production_rabbit_secondary:15672 resolve max_fails=0;');
    expect(text).toContain('location /prove/shop_production/rabbit.console/ {');
    expect(text).toContain('location /prove/shop_production/rabbit.console_unpooled/ {');
    expect(text).toContain('listen 5300;');
  });

  test('of a worker nginx reads nothing, and its manifest says which copy is active', () => {
    const wanted = wish('sidecar', routes);
    const { files, folder } = compose('sidecar', parseTree(firstFiles('sidecar', SHOP, SETTINGS)), wanted);
    expect(files.get(`${folder}/main.conf`)).not.toContain('mailer');
    const flags = [...wanted.flags.values()].filter(({ isSet }) => isSet);
    const set = flags.map(({ name }) => [`flags/${name}`, ''] as const);
    const tree = parseTree(new Map([...files, ...set, ['nginx.conf', renderPointer(folder)]]));
    expect(routesOf(servedScope(tree, folder, 'shop_production'))).toEqual(routes);
  });
});

describe('what a request meets', () => {
  const fileOf = (kind: 'edge' | 'sidecar', changes: RouteChanges = {}) =>
    [...renderScope(kind, SHOP, [web(changes)], LONDON_A, [LONDON_A]).values()].join('');
  const mainOf = (kind: 'edge' | 'sidecar', changes: Partial<NginxSpec> = {}) =>
    firstFiles(kind, SHOP, { ...SETTINGS, ...changes }).get('a/main.conf')!;
  const patternOf = (variable: string) =>
    new RegExp(
      /"~(\S+)" '';/.exec(
        mainOf('edge')
          .split('\n')
          .find((line) => line.includes(variable))!,
      )![1]!,
    );

  test('only what may be sent twice rides on a connection that is kept', () => {
    const isKept = (method: string) => patternOf('$unpooled').test(method);
    expect(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND'].every(isKept)).toBe(true);
    expect(['POST', 'PATCH', 'LOCK', 'NOTIFY', 'get', 'GETS'].some(isKept)).toBe(false);
    expect(fileOf('edge')).toMatch(/api_unpooled \{[^}]*keepalive_requests 1;/);
  });

  test('a method that nginx does not know is not sent twice', () => {
    const isKnown = (method: string) => patternOf('$is_unknown_method').test(method);
    expect([isKnown('POST'), isKnown('GET'), isKnown('NOTIFY')]).toEqual([true, true, false]);
    expect(fileOf('sidecar')).toMatch(/location @once \{\s+proxy_next_upstream off;/);
  });

  test.each([
    [undefined, 'if ($is_large) { return 418; }'],
    ['off' as const, 'if ($has_body) { return 418; }'],
  ])('request_buffering %s passes bodies on while they come: %s', (requestBuffering, rule) => {
    expect(fileOf('edge', { ...(requestBuffering && { requestBuffering }) })).toContain(rule);
  });

  test('request_buffering on reads all bodies first', () => {
    expect(fileOf('edge', { requestBuffering: 'on' })).not.toContain('return 418');
  });

  test('a largest body is that of the service', () => {
    expect(fileOf('edge')).not.toContain('client_max_body_size');
    expect(fileOf('sidecar', { maxBodyBytes: 1_000 })).toContain('client_max_body_size 1000;');
  });

  test('one idle timeout counts in every direction', () => {
    const silent = ['proxy_read', 'proxy_send', 'client_body', 'send'];
    for (const of of silent) expect(fileOf('sidecar')).toContain(`    ${of}_timeout 60s;`);
  });

  test('a catch-all comes after all names, and takes requests without a host', () => {
    expect(fileOf('edge', { domains: ['a.example.com', '*'] })).toContain('server_name a.example.com ~^ "";');
  });

  test('the edge tells on every host whether it serves; a sidecar has nobody to tell', () => {
    expect(fileOf('edge')).toContain('location = /.well-known/switchyard/health');
    expect(mainOf('edge')).toContain('location = /.well-known/switchyard/health');
    expect(fileOf('sidecar') + mainOf('sidecar')).not.toContain('health {');
  });

  test('accesses are logged at the edge, unless the file says no, and never by what proves', () => {
    expect(mainOf('edge')).toContain('access_log /dev/stdout access');
    expect(mainOf('edge')).toMatch(/listen 8099;\s+access_log off;/);
    for (const silent of [mainOf('sidecar'), mainOf('edge', { accessLog: false })])
      expect(silent).not.toContain('/dev/stdout access');
  });

  test('no spelling of a header that CGI takes for one of ours passes', () => {
    const text = mainOf('edge');
    for (const name of [
      'X_Real_IP',
      'X-Forwarded_For',
      'X_Forwarded-Proto',
      'X_Request_ID',
      'Content_Length',
    ])
      expect(text).toContain(`proxy_set_header ${name} "";`);
    expect(text).not.toContain('proxy_set_header X-Forwarded-For "";');
  });
});

describe('the backends of a route', () => {
  const both = web({ copies: [at(LONDON_A, 'base'), at(LONDON_B, 'secondary')] });

  test('the other side of every copy is there as backup, after all that have the traffic', () => {
    expect(backendsOf(SHOP, both, both.ports[0]!, LONDON_A, [LONDON_A, LONDON_B])).toMatchObject([
      { address: 'shop_production_api', port: 3000, isLocal: true, weight: 1 },
      { address: '10.0.0.3', port: 18_100, isLocal: false, weight: 1 },
      { address: 'shop_production_api_secondary', port: 3000, isLocal: true, weight: 0 },
      { address: '10.0.0.3', port: 8100, isLocal: false, weight: 0 },
    ]);
  });

  test('servers of other zones, unknown ones and those without a private address are left out', () => {
    const nowhere = { name: LONDON_B.name, zone: 'lon1' };
    expect(backendsOf(SHOP, both, both.ports[0]!, NEW_YORK, [LONDON_A, LONDON_B, NEW_YORK])).toEqual([]);
    expect(backendsOf(SHOP, both, both.ports[0]!, LONDON_A, [LONDON_A, nowhere])).toHaveLength(2);
    expect(backendsOf(SHOP, both, both.ports[0]!, LONDON_A, [LONDON_A])).toHaveLength(2);
  });

  test('weights are written where they differ, and never beside least_conn', () => {
    const text = (...weights: number[]) => {
      const copies = weights.map((weight, index) => at(LONDON_A, SLOTS[index]!, weight));
      return [...renderScope('sidecar', SHOP, [web({ copies })], LONDON_A, [LONDON_A]).values()].join('');
    };
    expect(text(90, 10)).toMatch(
      /api:3000 resolve max_fails=0 weight=90; .*\n.*secondary:3000 .* weight=10;/,
    );
    expect(text(90, 10)).not.toContain('least_conn');
    for (const equal of [text(1, 1), text(7, 7), text(5, 0), text(0, 5, 5)]) {
      expect(equal).not.toContain('weight=');
      expect(equal).toContain('least_conn;');
    }
    expect(text(90, 0, 10)).toMatch(
      /weight=90; .*\n.*weight=10; .*\n.*_secondary:3000 resolve max_fails=0 backup;/,
    );
  });

  test('where no copy of a zone has a share, all serve: nginx refuses an upstream of backups alone', () => {
    const copies = [at(LONDON_A, 'base', 0), at(NEW_YORK, 'base', 1)];
    const text = [...renderScope('edge', SHOP, [web({ copies })], LONDON_A, [LONDON_A, NEW_YORK]).values()];
    expect(text.join('')).not.toMatch(/backup|weight=/);
  });

  test('copies of the own server are never taken out for a failure; those of others are', () => {
    const text = [...renderScope('sidecar', SHOP, [both], LONDON_A, [LONDON_A, LONDON_B]).values()].join('');
    expect(text).toContain('server shop_production_api:3000 resolve max_fails=0;');
    expect(text).toContain('server 10.0.0.3:18100 max_fails=3 fail_timeout=30s;');
    expect(text).toContain('server 10.0.0.3:8100 max_fails=3 fail_timeout=30s backup;');
  });
});

describe('whatever the schema lets through', () => {
  const name = fc
    .stringMatching(/^[a-z](?:[a-z0-9-]{0,12}[a-z0-9])?$/)
    .filter((text) => NAME_PATTERN.test(text));
  const domain = fc
    .oneof(
      fc.domain(),
      fc.domain().map((text) => `*.${text}`),
      fc.constant('*'),
    )
    .map((text) => text.toLowerCase());
  const port: fc.Arbitrary<RoutePort> = fc.record({
    protocol: fc.constantFrom('http' as const, 'tcp' as const),
    containerPort: fc.integer({ min: 1, max: 65_535 }),
    internalPort: fc.integer({ min: 5000, max: 5999 }),
    hostPort: fc.integer({ min: 8000, max: 8999 }),
    domains: fc.array(
      fc.tuple(domain, fc.constantFrom('', '/api', '/a.b/~c', '/api/v2')).map((parts) => parts.join('')),
      { maxLength: 3 },
    ),
    stripPrefix: fc.constantFrom(undefined, true as const),
    provePath: fc.stringMatching(/^\/[\w\-./~%?=&]{0,20}$/),
  });
  /** A worker, a service with one port, or one with a further port. */
  const ports = fc.oneof(
    fc.constant<RoutePort[]>([]),
    port.map((main): RoutePort[] => [main]),
    fc
      .tuple(port, name, port)
      .map(([main, called, other]): RoutePort[] => [main, { ...other, name: called }]),
  );
  const route: fc.Arbitrary<Route> = fc.record({
    service: name,
    ports,
    idleTimeoutMs: fc.integer({ min: 1, max: 1e9 }),
    maxBodyBytes: fc.integer({ min: 1, max: 1e12 }),
    requestBuffering: fc.constantFrom('on' as const, 'off' as const),
    redirects: fc.array(
      fc.record({
        from: fc.tuple(domain, fc.constantFrom('', '/old')).map((parts) => parts.join('')),
        to: fc.constantFrom('/new', 'https://example.com', 'https://example.com/a/'),
        status: fc.constantFrom(...REDIRECT_STATUSES),
      }),
      { maxLength: 2 },
    ),
    copies: fc.constant([at(LONDON_A, 'base')]),
    queueRequestsMs: fc.integer({ min: 1, max: 300_000 }),
    maintenance: fc.record({
      isOn: fc.boolean(),
      allow: fc.array(fc.ipV4(), { maxLength: 2 }),
      retryAfterMs: fc.integer({ min: 1, max: 1e9 }),
      status: fc.integer({ min: 400, max: 599 }),
      page: fc.string(),
    }),
  });

  test('the text is well-formed: braces balance, and nothing stands outside of a directive', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(route, { selector: ({ service }) => service, maxLength: 4 }),
        name,
        name,
        (routes, project, environment) => {
          const scope = { project, environment };
          for (const kind of ['edge', 'sidecar'] as const) {
            const tree = parseTree(firstFiles(kind, scope, SETTINGS));
            const { files } = compose(kind, tree, wish(kind, routes, { scope }));
            for (const [path, content] of files) if (path.endsWith('.conf')) expectWellFormed(content);
          }
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });

  test('a domain is one word of server_name, and never more', () => {
    const hostile = fc.stringMatching(/^[ab;{}" \n~*.-]{1,6}$/);
    fc.assert(
      fc.property(fc.tuple(fc.domain(), hostile, fc.nat(20)), ([text, word, at]) => {
        const mixed = `${text.slice(0, at)}${word}${text.slice(at)}`;
        if (isDomain(mixed)) expect(parseDomain(mixed)).toMatch(/^(\*\.)?[a-z0-9.-]+$/);
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});

function isDomain(text: string): boolean {
  try {
    parseDomain(text);
    return true;
  } catch {
    return false;
  }
}

/** What we write is a directive, or a line of a map: a number, a method, a pattern, an address, or an empty word. */
function expectWellFormed(content: string): void {
  const { directives, mistake } = parseDirectives(content);
  expect(mistake).toBeUndefined();
  expect(
    namesIn(directives).filter((name) => !/^(?:[a-z_][a-z0-9_]*|\d+|[A-Z]+|~.+|[\d.]+|)$/.test(name)),
  ).toEqual([]);
}

function namesIn(directives: readonly Directive[]): string[] {
  return directives.flatMap(({ words: [name = ''], body }) => [name, ...namesIn(body)]);
}

test('an edge with HTTPS, to be read by a person', () => {
  const tls: NginxSpec['tls'] = {
    mode: 'http-01',
    domains: {},
    policy: 'intermediate',
    redirect: true,
    hstsSeconds: 60,
    acme: { url: 'https://ca.example.com/directory' },
  };
  const text = written('edge', wish('edge', [web()], { settings: { ...SETTINGS, tls } }));
  expect(text).toBe(expected('edge-with-https', text));
});
