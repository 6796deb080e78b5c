import { describe, expect, test } from '@jest/globals';
import type { Healthcheck } from '../../../src/model/spec.ts';
import { errorsOf, indented, localFile, messagesOf, resolveOne, resolveText, SHOP } from './files.ts';
import { HOST_KEYS } from './host-keys.ts';

/** What is wrong with a service `api` that has these keys, beside an image and a port. */
const wrong = (keys: string): string[] => messagesOf(() => resolveOne(keys));

test('how many releases are kept: 50, or what the file says, two at least', () => {
  const file = (line: string) => `${line}\n${localFile('api: { image: acme/api, port: 3000 }')}`;
  expect(resolveText(file('')).retainReleases).toBe(50);
  expect(resolveText(file('retain_releases: 2')).retainReleases).toBe(2);
  expect(messagesOf(() => resolveText(file('retain_releases: 1')))).toEqual([
    'retain_releases: must be a whole number from 2, not 1',
  ]);
});

describe('the file that issue 3 asks for', () => {
  test('production', () => {
    const spec = resolveText(SHOP, 'production');
    expect(spec).toMatchObject({
      project: 'shop',
      environment: 'production',
      provider: 'static',
      nginx: { image: 'nginx:1.30-alpine', keepaliveMinTimeoutMs: 10_000 },
    });
    expect(spec.servers[1]).toEqual({
      name: '172.30.0.12',
      host: '172.30.0.12',
      port: 22,
      user: 'deploy',
      privateIp: '172.31.0.12',
      zone: 'lon1',
      hostKeys: [HOST_KEYS.otherEd25519],
    });
    expect(
      spec.services.map(({ name, protocol, port, dependsOn }) => ({ name, protocol, port, dependsOn })),
    ).toEqual([
      { name: 'cache', protocol: 'tcp', port: 6379, dependsOn: [] },
      { name: 'api', protocol: 'http', port: 3000, dependsOn: ['cache'] },
    ]);
    expect(spec.services[1]).toEqual({
      name: 'api',
      protocol: 'http',
      port: 3000,
      dependsOn: ['cache'],
      placement: { servers: 2, zones: [], replicas: 1 },
      container: {
        image: 'ghcr.io/acme/api:1.2.3',
        environment: { LOG_LEVEL: 'warn' },
        secrets: ['API_TOKEN'],
        volumes: [],
        labels: {},
        restart: { name: 'unless-stopped' },
        logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
        resources: { cpus: 0.5, memoryBytes: 268_435_456 },
      },
      route: { domains: ['api.example.com', 'www.example.com'], idleTimeoutMs: 86_400_000 },
      policy: {
        strategy: 'toggle',
        healthcheck: {
          kind: 'http',
          path: '/health',
          intervalMs: 500,
          timeoutMs: 2000,
          retries: 3,
          startPeriodMs: 30_000,
        },
        drainTimeoutMs: 60_000,
        stopGracePeriodMs: 20_000,
        pullPolicy: 'missing',
      },
    });
  });

  test('local: one server, the runner itself', () => {
    const spec = resolveText(SHOP, 'local');
    expect(spec.servers).toEqual([
      { name: 'localhost', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] },
    ]);
    expect(spec.services[1]).toMatchObject({
      placement: { servers: 1 },
      container: { environment: { LOG_LEVEL: 'info' } },
    });
  });

  test('a server is known by its name where it has one', () => {
    const named = SHOP.replace('{ host: 172.30.0.12,', '{ name: web-2.lon1, host: 172.30.0.12,');
    expect(resolveText(named, 'production').servers.map(({ name, host }) => [name, host])).toEqual([
      ['172.30.0.11', '172.30.0.11'],
      ['web-2.lon1', '172.30.0.12'],
    ]);
  });

  test('an unknown environment: the known ones are listed', () => {
    expect(errorsOf(() => resolveText(SHOP, 'prodction'))).toEqual([
      expect.objectContaining({
        message: 'there is no environment "prodction"; did you mean "production"?',
        hint: 'switchyard.yml has "production" and "local".',
        location: { file: 'switchyard.yml', line: 4, column: 1 },
      }),
    ]);
    expect(messagesOf(() => resolveText(SHOP, 'constructor'))).toEqual([
      'there is no environment "constructor"',
    ]);
  });
});

describe('a mistake is told by the form that the file has', () => {
  test.each([
    ['env_file: no.env', 'env_file: there is no no.env'],
    ['env_file: [no.env]', 'env_file[0]: there is no no.env'],
    ['env_file: [{ path: no.env }]', 'env_file[0]: there is no no.env'],
    ['extra_ports: { metrics: 3000 }', 'extra_ports.metrics: 3000 is'],
    ['extra_ports: { metrics: { port: 3000 } }', 'extra_ports.metrics.port: 3000 is'],
    [`environment: ["B=1", "A=${'x'.repeat(131_100)}"]`, 'environment[1]: variable A has 129 KB'],
    [`environment: { A: ${'x'.repeat(131_100)} }`, 'environment.A: variable A has 129 KB'],
    ['volumes: ["./no:/x:ro"]', 'volumes[0]: there is no ./no'],
    ['configs: [no]', 'configs[0]: there is no config "no"'],
  ])('%.40s', (keys, words) => {
    expect(wrong(keys)).toEqual([expect.stringContaining(`services.api.${words}`)]);
  });

  test('also where an anchor or a merge key brings it', () => {
    const text = `x-env: &env no.env\nx-base: &base { env_file: *env }\n${localFile('api: { <<: *base, image: a, port: 1 }')}`;
    expect(messagesOf(() => resolveText(text))).toEqual([
      'services.api.env_file: there is no no.env in the repository',
    ]);
  });
});

describe('an environment says otherwise', () => {
  const file = (own: string) => `project: shop
retain_releases: 20
edge: { access_log: false, trusted_proxies: 10.0.0.1 }
sidecar: { image: "nginx:1.28", adopt: front }
configs: { app: { content: top }, other: { content: other } }
environments:
  local: { provider: local${own} }
services:
  api: { image: acme/api, port: 3000, configs: [app, other] }
`;
  const contentsIn = (text: string) =>
    resolveText(text).services[0]?.container.files?.map(({ content }) => content);

  test('of how many releases are kept, of nginx key by key, and of configs by name', () => {
    const text = file(
      ', retain_releases: 5, edge: { trusted_proxies: 10.0.0.2 }, sidecar: { adopt: other }, configs: { app: { content: own } }',
    );
    expect(resolveText(text)).toMatchObject({
      retainReleases: 5,
      nginx: {
        image: 'nginx:1.28',
        accessLog: false,
        trustedProxies: ['10.0.0.2'],
        adopt: { container: 'other' },
      },
    });
    expect(contentsIn(text)).toEqual([{ text: 'own' }, { text: 'other' }]);
  });

  test('and without a word of it what stands at the top holds', () => {
    expect(resolveText(file(''))).toMatchObject({
      retainReleases: 20,
      nginx: { trustedProxies: ['10.0.0.1'], adopt: { container: 'front' } },
    });
    expect(contentsIn(file(''))).toEqual([{ text: 'top' }, { text: 'other' }]);
  });

  test.each([
    ['environment: { A: 1 }', 'write environment or env_file there, and a YAML anchor'],
    ['env_file: .env', 'write environment or env_file there, and a YAML anchor'],
    ['domain: shop.example.com', 'write services: { <service>: { domain: … } }'],
    ['image: acme/api', 'write services: { <service>: { image: … } }'],
    ['host: 203.0.113.1', 'write it at a server'],
    ['project: shop-staging', 'a file has one project'],
    ['volumes: { data: {} }', 'a named volume is made on first use'],
    ['zones: [lon1]', 'a server names its zone'],
  ])('what stands elsewhere is refused with where: %s', (key, words) => {
    const [first = ''] = messagesOf(() => resolveText(file(`, ${key}`)));
    expect(first).toContain(`environments.local.${key.split(':')[0]}: not supported: `);
    expect(first).toContain(words);
  });

  test.each([
    ['servers: [{ host: 203.0.113.1 }]', 'write it at an environment'],
    ['user: deploy', 'write it at an environment'],
    ['domain: shop.example.com', 'write services: { <service>: { domain: … } }'],
    ['environment: { A: 1 }', 'write environment or env_file there'],
  ])('at the top, too: %s', (key, words) => {
    const [first = ''] = messagesOf(() => resolveText(`${key}\n${file('')}`));
    expect(first).toContain(`${key.split(':')[0]}: not supported: `);
    expect(first).toContain(words);
  });
});

describe('forms: short and long are the same', () => {
  test.each([
    ['domain: a.com', 'domain: [a.com]'],
    ['environment: ["A=1", "B=x=y", "C="]', 'environment: { A: 1, B: x=y, C: "" }'],
    ['labels: ["a=1", "b"]', 'labels: { a: 1, b: }'],
    ['labels: ["a=true"]', 'labels: { a: true }'],
    ['command: node server.js "a b"', 'command: [node, server.js, a b]'],
    ['entrypoint: /run.sh', 'entrypoint: [/run.sh]'],
    ['healthcheck: { test: exit 0 }', 'healthcheck: { test: [CMD-SHELL, exit 0] }'],
    ['healthcheck: { test: [NONE] }', 'healthcheck: { disable: true }'],
    [
      'healthcheck: { expect: { status: "200,204-299" } }',
      'healthcheck: { expect: { status: [200, 204-299] } }',
    ],
    ['healthcheck: { headers: { X-Token: 1 } }', 'healthcheck: { headers: { x-token: "1" } }'],
    [
      'volumes: ["data:/data:ro"]',
      'volumes: [{ type: volume, source: data, target: /data, read_only: true }]',
    ],
    ['adopt: old-api', 'adopt: { container: old-api }'],
    ['adopt: old-api', 'adopt: { container: old-api, drop: [] }'],
    ['volumes: ["/a:/b:ro"]', 'volumes: [{ type: bind, source: /a, target: /b, read_only: true }]'],
    ['pull_policy: if_not_present', 'pull_policy: missing'],
    [
      'deploy: { resources: { limits: { cpus: 0.5 } } }',
      'deploy: { resources: { limits: { cpus: "0.5" } } }',
    ],
  ])('%s', (short, long) => {
    expect(resolveOne(short)).toEqual(resolveOne(long));
  });

  test('depends_on', () => {
    const text = (form: string): string =>
      localFile(`api: { image: a, port: 1, depends_on: ${form} }\ndb: { image: postgres }`);
    expect(resolveText(text('[db]'))).toEqual(resolveText(text('{ db: { condition: service_healthy } }')));
    expect(resolveText(text('[db]'))).toEqual(resolveText(text('{ db: { condition: service_started } }')));
  });
});

test('what a service may say reaches its spec', () => {
  const { container, policy, route } = resolveOne(
    `
    user: "1000:1000"
    working_dir: /app
    stop_signal: SIGINT
    command: null
    restart: on-failure:3
    logging: { driver: journald, options: { tag: 1 } }
    deploy: { resources: { limits: { pids: 50, memory: 64m }, reservations: { memory: 32m } } }
    volumes: [{ type: tmpfs, target: /tmp }]
    drain: { timeout: 0 }
    stop_grace_period: 0s
    idle_timeout: 1h
    pull_policy: always
    healthcheck: { retries: 5, start_interval: 2s }
    environment: { NUMBER: 5, NAMED: , MISSING: , EMPTY: "" }
    x-anything: { goes: here }
  `.replaceAll(/^ {4}/gm, ''),
    { NAMED: 'from the run' },
  );
  expect(container).toEqual({
    image: 'acme/api',
    user: '1000:1000',
    workingDir: '/app',
    stopSignal: 'SIGINT',
    environment: { NUMBER: '5', NAMED: 'from the run', EMPTY: '' },
    secrets: ['MISSING'],
    volumes: [{ type: 'tmpfs', target: '/tmp', readOnly: false }],
    labels: {},
    restart: { name: 'on-failure', maximumRetryCount: 3 },
    logging: { driver: 'journald', options: { tag: '1' } },
    resources: { pids: 50, memoryBytes: 67_108_864, reservedMemoryBytes: 33_554_432 },
  });
  expect(route).toEqual({ domains: [], idleTimeoutMs: 3_600_000 });
  expect(policy).toEqual({
    strategy: 'toggle',
    healthcheck: {
      kind: 'default',
      intervalMs: 1000,
      timeoutMs: 5000,
      retries: 5,
      startPeriodMs: 10_000,
      unsaid: ['intervalMs', 'timeoutMs', 'startPeriodMs'],
    },
    drainTimeoutMs: 0,
    stopGracePeriodMs: 0,
    pullPolicy: 'always',
  });
});

test('what the answer to a health check over HTTP has to be', () => {
  const { healthcheck } = resolveOne(
    'healthcheck: { headers: { Host: localhost, X-Own: "a b" }, expect: { status: 200-399, json: { status: ok, db: { up: true } } } }',
  ).policy;
  expect(healthcheck).toMatchObject({
    kind: 'http',
    headers: { host: 'localhost', 'x-own': 'a b' },
    expect: { status: [[200, 399]], json: { status: 'ok', db: { up: true } } },
  });
  expect(healthcheck).not.toHaveProperty('path');
  expect(healthcheck).not.toHaveProperty('unsaid');
});

test('an environment may say another kind of check: nothing of the first one is left', () => {
  const check = (under: string, over: string) => {
    const text = `project: shop
services:
  api: { image: a, port: 1, protocol: http, healthcheck: ${under} }
environments:
  local: { provider: local, services: { api: { healthcheck: ${over} } } }
`;
    return resolveText(text).services[0]?.policy.healthcheck;
  };
  const http = '{ path: /up, headers: { Host: a }, expect: { status: 200 } }';
  expect(check(http, '{ test: x }')).toMatchObject({ kind: 'command' });
  expect(check(http, '{ test: x }')).not.toHaveProperty('headers');
  expect(check('{ test: x }', '{ expect: { status: 200 } }')).toMatchObject({ kind: 'http' });
  expect(check(http, '{ headers: { Host: b } }')).toMatchObject({ path: '/up', headers: { host: 'b' } });
});

describe('protocol', () => {
  test.each([
    ['', 'tcp'],
    ['domain: a.com', 'http'],
    ['domain: []', 'tcp'],
    ['healthcheck: { path: / }', 'http'],
    ['healthcheck: { headers: { Host: a } }', 'http'],
    ['healthcheck: { expect: { status: 200 } }', 'http'],
    ['protocol: http', 'http'],
    ['image: redis', 'tcp'],
    ['image: redis\nprotocol: http\ndomain: a.com', 'http'],
  ])('%j is %s', (keys, protocol) => {
    expect(resolveOne(keys).protocol).toBe(protocol);
  });

  test.each([
    [
      'protocol: tcp\ndomain: a.com',
      'services.api.domain: a domain needs protocol http or grpc, and this is a tcp service',
    ],
    [
      'image: redis:7\ndomain: a.com',
      'services.api.domain: a domain needs protocol http or grpc, and this is a tcp service by its image redis:7',
    ],
    [
      'protocol: tcp\nhealthcheck: { path: / }',
      'services.api.healthcheck.path: needs protocol http, and this is a tcp service',
    ],
  ])('%j is refused', (keys, message) => {
    expect(wrong(keys)).toEqual([message]);
  });
});

describe('recognised images', () => {
  const check = (image: string, keys = ''): { port: number; healthcheck: Partial<Healthcheck> } => {
    const [service] = resolveText(
      localFile(`api:\n  image: ${image}\n${indented(keys || 'restart: always', 2)}`),
    ).services;
    const { kind, test: command } = service?.policy.healthcheck ?? { kind: 'default' };
    return { port: service?.port ?? 0, healthcheck: command ? { kind, test: command } : { kind } };
  };
  const command = (...words: string[]): Partial<Healthcheck> => ({ kind: 'command', test: words });

  test.each([
    ['postgres:15', 5432, command('CMD', 'pg_isready', '-h', '127.0.0.1')],
    [
      'ghcr.io/acme/postgres@sha256:'.concat('a'.repeat(64)),
      5432,
      command('CMD', 'pg_isready', '-h', '127.0.0.1'),
    ],
    ['redis', 6379, command('CMD-SHELL', "redis-cli ping | grep -qE 'PONG|NOAUTH'")],
    ['valkey/valkey:8', 6379, command('CMD-SHELL', "valkey-cli ping | grep -qE 'PONG|NOAUTH'")],
    ['mongo', 27017, { kind: 'tcp' }],
    ['mysql:8', 3306, command('CMD', 'mysqladmin', 'ping', '-h', '127.0.0.1')],
    ['mariadb:11', 3306, command('CMD', 'mariadb-admin', 'ping', '-h', '127.0.0.1')],
    ['rabbitmq:4-management', 5672, command('CMD', 'rabbitmq-diagnostics', '-q', 'ping')],
    ['apache/kafka', 9092, { kind: 'tcp' }],
  ])('%s', (image, port, healthcheck) => {
    expect(check(image)).toEqual({ port, healthcheck });
  });

  test('what the service says wins', () => {
    expect(check('redis', 'port: 7000\nhealthcheck: { test: [CMD, true-ish] }')).toEqual({
      port: 7000,
      healthcheck: command('CMD', 'true-ish'),
    });
    expect(check('redis', 'healthcheck: { disable: true }')).toEqual({
      port: 6379,
      healthcheck: { kind: 'tcp' },
    });
    expect(check('redis', 'healthcheck: { interval: 2s }').healthcheck.kind).toBe('command');
    expect(check('redis', 'protocol: http\nport: 80')).toEqual({
      port: 80,
      healthcheck: { kind: 'default' },
    });
  });

  test('others have the port that the file says, and all need an image', () => {
    const { services } = resolveText(localFile('api: { image: acme/redis-exporter }'));
    expect(services[0]?.port).toBeUndefined();
    expect(messagesOf(() => resolveText(localFile('api: { port: 80 }')))).toEqual([
      'services.api: needs an image',
    ]);
  });
});

describe('health check', () => {
  test.each([
    ['healthcheck: { path: /a, test: b }', 'services.api.healthcheck.path: path and test exclude each other'],
    [
      'healthcheck: { headers: { Host: a }, test: b }',
      'services.api.healthcheck.headers: headers and test exclude each other',
    ],
    [
      'healthcheck: { expect: { status: 200 }, disable: true }',
      'services.api.healthcheck.expect: a disabled health check has no expect',
    ],
    [
      'healthcheck: { path: /a, disable: true }',
      'services.api.healthcheck.path: a disabled health check has no path',
    ],
  ])('%s is refused', (keys, message) => {
    expect(wrong(keys)).toEqual([message]);
  });
});

describe('what runs already', () => {
  test('is named at a service, for one environment where need be, and under sidecar', () => {
    const file = `project: shop
sidecar: { adopt: { container: front, drop: [_] } }
environments:
  one: { provider: local }
  two: { provider: local, services: { api: { adopt: { container: api-2, drop: [/cache] } } } }
services:
  api: { image: api, port: 80, adopt: api-1 }
`;
    const [one, two] = [resolveText(file, 'one'), resolveText(file, 'two')];
    expect(one.nginx.adopt).toEqual({ container: 'front', drop: ['_'] });
    expect(one.services[0]?.adopt).toEqual({ container: 'api-1', drop: [] });
    expect(two.services[0]?.adopt).toEqual({ container: 'api-2', drop: ['/cache'] });
  });

  test('a volume that somebody else made keeps its name', () => {
    const { container } = resolveOne(
      'strategy: recreate\nvolumes: [{ type: volume, source: pg, target: /d, external: true }]',
    );
    expect(container.volumes).toEqual([
      { type: 'volume', source: 'pg', target: '/d', readOnly: false, external: true },
    ]);
  });
});

describe('volumes', () => {
  const writes = (what: string): string =>
    `two containers would write to ${what} at the same time during a toggle`;

  test.each([
    ['volumes: ["data:/data"]', `services.api.volumes[0]: ${writes('volume "data"')}`],
    ['volumes: ["a:/a:ro", "/srv:/b"]', `services.api.volumes[1]: ${writes('directory "/srv"')}`],
    [
      'strategy: toggle\nvolumes: [{ type: volume, source: data, target: /d }]',
      `services.api.volumes[0]: ${writes('volume "data"')}`,
    ],
  ])('toggle and %j are refused', (keys, message) => {
    const [error] = errorsOf(() => resolveOne(keys));
    expect(error?.message).toBe(message);
    expect(error?.hint).toMatch(/strategy: recreate.*:ro.*share_volumes: true/);
  });

  test.each([
    'strategy: recreate\nvolumes: ["data:/data"]',
    'share_volumes: true\nvolumes: ["data:/data"]',
    'volumes: ["data:/data:ro", "/srv:/srv:ro", { type: tmpfs, target: /tmp }]',
  ])('%j is possible', (keys) => {
    expect(wrong(keys)).toEqual([]);
  });

  test('two servers for one mean other data on each', () => {
    const shop = SHOP.replace('    strategy: recreate', '    strategy: recreate\n    servers: 2').replace(
      '{ servers: 1 }',
      '{ servers: 1 }\n      cache: { servers: 1 }',
    );
    expect(messagesOf(() => resolveText(shop, 'production'))).toEqual([
      'services.cache.volumes[0]: each of 2 servers would have a volume "cache-data" of its own, with other data',
    ]);
    expect(
      messagesOf(() =>
        resolveText(
          shop.replace('strategy: recreate', 'strategy: recreate\n    share_volumes: true'),
          'production',
        ),
      ),
    ).toEqual([]);
    expect(messagesOf(() => resolveText(shop, 'local'))).toEqual([]);
  });
});

describe('other rules between keys', () => {
  test.each([
    [
      'deploy: { resources: { limits: { memory: 32m }, reservations: { memory: 64m } } }',
      'services.api.deploy.resources.reservations.memory: is more than the limit',
    ],
    ['zones: [mars]', 'services.api.zones[0]: there is no zone "mars"'],
    ['zones: [defalt]', 'services.api.zones[0]: there is no zone "defalt"; did you mean "default"?'],
    ['servers: 2', 'services.api.servers: 2 servers are wanted, and the environment has 1'],
    ['servers: 2\nzones: [default]', 'services.api.servers: 2 servers are wanted, and zone "default" has 1'],
    [
      'depends_on: [ap]',
      'services.api.depends_on: there is no service "ap" in this environment; did you mean "api"?',
    ],
    ['depends_on: [api]', 'services.api.depends_on: the services wait for each other in a circle: api → api'],
  ])('%j', (keys, message) => {
    expect(wrong(keys)).toEqual([message]);
  });

  test('a cycle is shown', () => {
    const text = localFile(`
a: { image: x, port: 1, depends_on: [b] }
b: { image: x, port: 1, depends_on: [c, d] }
c: { image: x, port: 1, depends_on: [a] }
d: { image: x, port: 1 }`);
    expect(messagesOf(() => resolveText(text))).toEqual([
      'services.a.depends_on: the services wait for each other in a circle: a → b → c → a',
    ]);
  });

  test('a diamond is none', () => {
    const text = localFile(`
a: { image: x, port: 1, depends_on: [b, c] }
b: { image: x, port: 1, depends_on: [d] }
c: { image: x, port: 1, depends_on: [d] }
d: { image: x, port: 1 }`);
    expect(messagesOf(() => resolveText(text))).toEqual([]);
  });

  test('a domain belongs to one service of an environment', () => {
    const text = localFile(`
a: { image: x, port: 1, domain: [one.com, two.com] }
b: { image: x, port: 1, domain: TWO.com }`);
    expect(messagesOf(() => resolveText(text))).toEqual([
      'services.b.domain: domain two.com belongs to both "a" and "b"',
    ]);
  });

  test('with a version in the name there is less room', () => {
    const name = 'x'.repeat(29);
    const service = (naming: string) => localFile(`${name}: { image: x, port: 1, naming: ${naming} }`);
    expect(messagesOf(() => resolveText(service('side')))).toEqual([]);
    expect(messagesOf(() => resolveText(service('version')))).toEqual([
      `services.${name}: the names "shop", "local" and "${name}" have 38 characters together, at most 37 fit`,
    ]);
  });

  test('the naming by sides is said by nothing, as ever', () => {
    expect(resolveOne('naming: side').container).toEqual(resolveOne('').container);
    expect(resolveOne('naming: version').container.naming).toBe('version');
    expect(wrong('naming: colour')).toHaveLength(1);
  });

  test('the names together fit into a container name', () => {
    const name = 'x'.repeat(45);
    expect(messagesOf(() => resolveText(localFile(`${name}: { image: x, port: 1 }`)))).toEqual([
      `services.${name}: the names "shop", "local" and "${name}" have 54 characters together, at most 51 fit`,
    ]);
  });

  test('mistakes of all services are told at once, in the order of the file', () => {
    const text = localFile('a: { image: x, domain: a.com, drain: {} }\nb: { port: 1, servers: 3 }');
    expect(errorsOf(() => resolveText(text)).map(({ location }) => location?.line)).toEqual([5, 5, 6, 6]);
  });
});

describe('an environment’s own services', () => {
  const text = `
project: shop
environments:
  local:
    provider: local
    services:
      api:
        environment: ["B=over", "C=new"]
        depends_on: []
        healthcheck: { test: [CMD, "true"] }
        drain: {}
        labels: { b: 2 }
        logging: { driver: journald }
        deploy: { resources: { limits: { memory: 64m } } }
      debug: { image: acme/debug, port: 1 }
services:
  db: { image: postgres }
  api:
    image: acme/api
    port: 80
    environment: { A: base, B: base }
    depends_on: [db]
    healthcheck: { path: /, interval: 2s, disable: false }
    drain: { timeout: 5s }
    labels: { a: 1 }
    logging: { options: { max-size: 1m } }
    protocol: http
    deploy: { resources: { limits: { cpus: 1, memory: 32m } } }
`;

  test('maps are merged, lists and single values replaced', () => {
    const services = resolveText(text).services;
    expect(services.map(({ name }) => name)).toEqual(['db', 'api', 'debug']);
    expect(services[1]).toMatchObject({
      dependsOn: [],
      container: {
        environment: { A: 'base', B: 'over', C: 'new' },
        labels: { a: '1', b: '2' },
        logging: { driver: 'journald', options: {} },
        resources: { cpus: 1, memoryBytes: 67_108_864 },
      },
      policy: {
        drainTimeoutMs: 5000,
        healthcheck: { kind: 'command', test: ['CMD', 'true'], intervalMs: 2000 },
      },
    });
  });

  test('options of the same log driver stay', () => {
    const same = text.replace('{ driver: journald }', '{ options: { max-file: 9 } }');
    expect(resolveText(same).services[1]?.container.logging).toEqual({
      driver: 'json-file',
      options: { 'max-size': '1m', 'max-file': '9' },
    });
  });

  test('a path takes the place of a test', () => {
    const other = localFile('api: { image: a, port: 1, healthcheck: { test: x } }').replace(
      '{ provider: local }',
      '{ provider: local, services: { api: { healthcheck: { path: /up } } } }',
    );
    expect(resolveText(other).services[0]?.policy.healthcheck).toMatchObject({ kind: 'http', path: '/up' });
  });

  test('a mistake has the place it comes from', () => {
    const over = text.replace('drain: {}', 'servers: 7');
    const [error] = errorsOf(() => resolveText(over));
    expect(error?.message).toBe(
      'environments.local.services.api.servers: 7 servers are wanted, and the environment has 1',
    );
    expect(error?.location).toMatchObject({ line: 11, column: 18 });
    const alone = text.replace(', port: 1 }', ', domain: d.com }');
    expect(errorsOf(() => resolveText(alone))).toEqual([
      expect.objectContaining({
        message: 'environments.local.services.debug.domain: needs a port: requests for a domain go to it',
        location: expect.objectContaining({ line: 15 }),
      }),
    ]);
    const base = text.replace('image: acme/api\n    port: 80', 'port: 80');
    expect(messagesOf(() => resolveText(base))).toEqual(['environments.local.services.api: needs an image']);
  });
});

describe('images of the run', () => {
  test('win over the file', () => {
    const { services } = resolveText(
      SHOP,
      'local',
      {},
      { images: { api: 'ghcr.io/acme/api:2', cache: 'redis:8' } },
    );
    expect(services.map(({ container }) => container.image)).toEqual(['redis:8', 'ghcr.io/acme/api:2']);
  });

  test('stand in for one that the file leaves out', () => {
    const { services } = resolveText(
      localFile('api: { port: 80 }'),
      'local',
      {},
      { images: { api: 'acme/api:2' } },
    );
    expect(services[0]?.container.image).toBe('acme/api:2');
  });

  test('for an unknown service, and what is no image, are mistakes', () => {
    const images = { apy: 'x', constructor: 'x', cache: 'Bad Image' };
    expect(errorsOf(() => resolveText(SHOP, 'local', {}, { images }))).toEqual([
      expect.objectContaining({
        message: 'images: there is no service "apy"; did you mean "api"?',
        hint: 'The services are "cache" and "api".',
      }),
      expect.objectContaining({ message: 'images: there is no service "constructor"' }),
      expect.objectContaining({ message: 'images: cache: "Bad Image" is no image reference' }),
    ]);
  });
});

describe('servers', () => {
  test('defaults, users and jump hosts', () => {
    const text = `
project: shop
environments:
  production:
    provider: static
    user: deploy
    servers:
      - { host: A.example.com }
      - host: b.example.com
        user: root
        zone: nyc1
        port: "2222"
        host_key: ["${HOST_KEYS.ed25519} comment", "${HOST_KEYS.rsa}"]
        jump: { host: jump.example.com, host_key: "${HOST_KEYS.ecdsa}" }
      - { host: c.example.com, zone: fra1, jump: { host: j, port: 23, user: hop } }
`;
    expect(resolveText(text, 'production').servers).toEqual([
      {
        name: 'a.example.com',
        host: 'a.example.com',
        port: 22,
        user: 'deploy',
        zone: 'default',
        hostKeys: [],
      },
      {
        name: 'b.example.com',
        host: 'b.example.com',
        port: 2222,
        user: 'root',
        zone: 'nyc1',
        hostKeys: [HOST_KEYS.ed25519, HOST_KEYS.rsa],
        jump: { host: 'jump.example.com', port: 22, user: 'root', hostKeys: [HOST_KEYS.ecdsa] },
      },
      {
        name: 'c.example.com',
        host: 'c.example.com',
        port: 22,
        user: 'deploy',
        zone: 'fra1',
        hostKeys: [],
        jump: { host: 'j', port: 23, user: 'hop', hostKeys: [] },
      },
    ]);
  });
});
