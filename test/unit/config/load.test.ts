import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/load.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { errorsOf, indented, localFile, messagesOf, SHOP } from './files.ts';

const load = (text: string, variables: Record<string, string | undefined> = {}) =>
  loadConfig(text, 'switchyard.yml', variables);
/** What is wrong with a service `api` that has these keys. */
const wrong = (keys: string): string[] => messagesOf(() => load(localFile(`api:\n${indented(keys, 2)}`)));
/** `line:column` of every mistake. */
const places = (text: string): string[] =>
  errorsOf(() => load(text)).map(({ location }) => `${location?.line}:${location?.column}`);

test('the file that issue 3 asks for is loaded', () => {
  const { config, file } = load(SHOP);
  expect(file).toBe('switchyard.yml');
  expect(config.project).toBe('shop');
  expect(Object.keys(config.environments)).toEqual(['production', 'local']);
  expect(config.services?.api?.healthcheck).toEqual({
    path: '/health',
    interval: 500,
    timeout: 2000,
    start_period: 30_000,
  });
});

describe('YAML', () => {
  test.each([
    ['a: [', '1:5', 'YAML: '],
    ['a: 1\na: 2\n', '2:1', 'the key is there twice in one map'],
    ['a: 1\n---\nb: 2\n', '2:1', 'more than one YAML document'],
    ['a: !reset x\n', '1:4', 'YAML: Unresolved tag'],
    ['a: *nothing\n', '1:4', 'YAML: there is no anchor before this: nothing'],
    ['a: &a { b: [*a] }\n', '1:13', 'YAML: this is inside its own anchor: a'],
    ['x-a: { __proto__: 1 }\n', '1:8', 'no key can be named __proto__'],
    ['', '1:1', 'the file must be a map, but has no value'],
    ['just text', '1:1', 'the file must be a map, not text'],
    ['- a\n', '1:1', 'the file must be a map, not a list'],
  ])('%j', (text, place, message) => {
    const [error] = errorsOf(() => load(text));
    expect(error?.message).toContain(message);
    expect(`${error?.location?.line}:${error?.location?.column}`).toBe(place);
  });

  test('of what follows from one mistake in a line, nothing is told', () => {
    expect(errorsOf(() => load('a: { b: x ${C}, d: [1, "2"], e: { f: g } }\n'))).toHaveLength(1);
  });

  test('a tag of Compose gets the hint how an environment takes away', () => {
    const [error] = errorsOf(() => load('configs: !reset []\n'));
    expect(error?.hint).toContain('configs: [] takes all away');
  });

  test('a reference that YAML cannot read gets the hint to quote it', () => {
    const [error] = errorsOf(() => load('environments: { a: { host: ${HOST} } }\n'));
    expect(error?.hint).toContain('Put references in quotes');
  });

  test('all syntax errors are told at once', () => {
    expect(errorsOf(() => load('a: 1\na: 2\nb: 1\nb: 2\n'))).toHaveLength(2);
  });

  test('an alias that explodes is a mistake of the user', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 8; level++) {
      const last = String.fromCharCode(96 + level);
      bomb.push(
        `${String.fromCharCode(97 + level)}: &${String.fromCharCode(97 + level)} [${Array(10).fill(`*${last}`).join(', ')}]`,
      );
    }
    expect(messagesOf(() => load(bomb.join('\n')))).toEqual([
      expect.stringContaining('Excessive alias count'),
    ]);
  });

  test('anchors, merge keys and extension keys work, and mistakes in them have their place', () => {
    const text = `
x-logging: &logging { driver: journald }
x-base: &base
  image: acme/app
  prot: http
  x-note: anything
project: shop
environments: { local: { provider: local } }
services:
  api:
    <<: *base
    port: 1
    logging: *logging
  web:
    <<: [*base]
    port: 70000
`;
    expect(messagesOf(() => load(text))).toEqual([
      'services.api.prot: unknown key; did you mean "port"?',
      'services.web.prot: unknown key; did you mean "port"?',
      'services.web.port: must be a port from 1 to 65535, not 70000',
    ]);
    expect(places(text)).toEqual(['5:3', '5:3', '16:11']);
    const { config, locate, has } = load(text.replace('  prot: http\n', '').replace('70000', '2'));
    expect(config.services?.api).toEqual({ image: 'acme/app', port: 1, logging: { driver: 'journald' } });
    expect(has(['services', 'api', 'logging', 'driver'])).toBe(true);
    expect(locate(['services', 'api', 'logging', 'driver'])).toMatchObject({ line: 2, column: 31 });
  });
});

describe('places', () => {
  const { locate, has } = load(SHOP);
  const line = (text: string): number => SHOP.split('\n').findIndex((found) => found.includes(text)) + 1;

  test.each([
    [['project'], 'project:', 10],
    [['services', 'api'], '  api:\n'.trim(), 3],
    [['services', 'api', 'domain', 1], 'domain:', 31],
    [['services', 'api', 'healthcheck', 'path'], 'healthcheck: { path', 26],
    [['environments', 'production', 'servers', 1, 'host'], '172.30.0.12', 17],
  ])('%j', (path, text, column) => {
    const at = locate(path);
    expect(at.column).toBe(column);
    if (text !== 'api:') expect(at.line).toBe(line(text));
  });

  test('what is not there has the place of what is around it', () => {
    expect(locate(['services', 'api', 'labels', 'x'])).toEqual(locate(['services', 'api']));
    expect(locate(['services', 'cache', 'volumes', 7])).toEqual(locate(['services', 'cache', 'volumes']));
    expect(locate(['project', 'deeper'])).toEqual(locate(['project']));
    expect(locate(['nothing'])).toMatchObject({ file: 'switchyard.yml', line: 2, column: 1 });
    expect(has(['services', 'api', 'labels'])).toBe(false);
  });

  test('the first of several paths that is there wins', () => {
    expect(locate(['nothing'], ['services', 'api'])).toEqual(locate(['services', 'api']));
    expect(locate(['services'], ['services', 'api'])).toEqual(locate(['services']));
  });
});

test('all mistakes of a file are told at once, in its order, each with place, path and nearest key', () => {
  const text = `project: Shop
version: "3"
environments:
  production:
    provider: static
    user: deploy
    servers:
      - { host: a.example.com, zon: x }
  typo: { provider: locl }
  here: { provider: local, servers: [] }
  empty:
services:
  nginx: { image: x }
  a_b: { image: Bad Image, port: 99999 }
  api:
    image: 7
    ports: ["80:80"]
    healthcheck:
      intervall: 3s
      path: health
`;
  expect(
    errorsOf(() => load(text)).map(({ message, location }) => [location?.line, location?.column, message]),
  ).toEqual([
    [1, 10, 'project: project name "Shop" is not allowed'],
    [2, 1, 'version: not supported: Compose has given it up, and it never had a meaning here.'],
    [8, 32, 'environments.production.servers[0].zon: unknown key; did you mean "zone"?'],
    [9, 21, 'environments.typo.provider: must be static or local'],
    [
      10,
      28,
      'environments.here.servers: not supported: the local provider has one server, the machine that runs the action.',
    ],
    [11, 3, 'environments.empty: must be a map, but has no value'],
    [13, 3, 'services.nginx: service name "nginx" is reserved for Switchyard\'s own containers'],
    [14, 3, 'services.a_b: service name "a_b" is not allowed'],
    [14, 17, 'services.a_b.image: "Bad Image" is no image reference'],
    [14, 34, 'services.a_b.port: must be a port from 1 to 65535, not 99999'],
    [16, 12, 'services.api.image: must be text, not a number'],
    [
      17,
      5,
      'services.api.ports: not supported: write port: 80; what speaks HTTP is reached by its domain, and what does not, from outside, by publish: [80].',
    ],
    [19, 7, 'services.api.healthcheck.intervall: unknown key; did you mean "interval"?'],
    [20, 13, 'services.api.healthcheck.path: "health" is no path of a request'],
  ]);
});

describe('keys of a service', () => {
  test.each([
    ['port: x', 'port: must be a port from 1 to 65535, not "x"'],
    ['port: 0', 'port: must be a port from 1 to 65535, not 0'],
    ['port: [1]', 'port: must be a port from 1 to 65535'],
    ['port:', 'port: has no value'],
    ['protocol: [tcp]', 'protocol: must be "http", "grpc", "tcp" or "udp", not a list; did you mean "tcp"?'],
    ['protocol: sctp', 'protocol: must be "http", "grpc", "tcp" or "udp", not "sctp"; did you mean "http"?'],
    ['domain: [a.com, A.com]', 'domain: "a.com" is there twice'],
    ['domain: { a: b }', 'domain: must be a domain or a list of such'],
    ['domain: [a.com, 3]', 'domain[1]: must be text, not a number'],
    ['depends_on: [a, a]', 'depends_on: "a" is there twice'],
    [
      'depends_on: { a: { condition: service_up } }',
      'depends_on.a.condition: must be service_healthy or service_started',
    ],
    [
      'depends_on: { a: { condition: service_completed_successfully } }',
      'depends_on.a.condition: must be service_healthy: a service here runs until it is replaced',
    ],
    ['depends_on: { a: {} }', 'depends_on.a.condition: is required'],
    [
      'depends_on: { a: { condition: service_healthy, restart: true } }',
      'depends_on.a.restart: not supported: a dependency is replaced behind its stable address; nothing that uses it need restart.',
    ],
    ['servers: 0', 'servers: must be a whole number, at least 1, not 0'],
    ['servers: 1.5', 'servers: must be a whole number, at least 1, not 1.5'],
    ['zones: [a, a]', 'zones: "a" is there twice'],
    ['environment: { A: [] }', 'environment.A: must be text, a number, true or false, or nothing'],
    ['environment: { "A=B": 1 }', 'environment.A=B: "A=B" cannot be the name of an environment variable'],
    ['environment: ["=x"]', 'environment[0]: "" cannot be the name of an environment variable'],
    ['environment: text', 'environment: must be a map or a list of KEY=value'],
    ['environment: { A: "\\0" }', 'environment.A: a NUL character is not possible here'],
    [
      'environment: { SWITCHYARD_X: 1 }',
      'environment.SWITCHYARD_X: variable "SWITCHYARD_X" is reserved: names with SWITCHYARD_ are Switchyard\'s',
    ],
    ['healthcheck: { test: [ls] }', 'healthcheck.test: is no command of a health check'],
    ['healthcheck: { test: [CMD] }', 'healthcheck.test: is no command of a health check'],
    ['healthcheck: { test: [CMD-SHELL, "", b] }', 'healthcheck.test: is no command of a health check'],
    ['healthcheck: { test: [NONE, a] }', 'healthcheck.test: is no command of a health check'],
    ['healthcheck: { test: "" }', 'healthcheck.test: is empty'],
    ['healthcheck: { path: "/a b" }', 'healthcheck.path: "/a b" is no path of a request'],
    ['healthcheck: { path: "/ü" }', 'healthcheck.path: "/ü" is no path of a request'],
    [
      'healthcheck: { interval: -1s }',
      'healthcheck.interval: "-1s" is no duration: unsupported character "-" at position 1',
    ],
    ['healthcheck: { timeout: [] }', 'healthcheck.timeout: must be a duration such as 10s'],
    ['healthcheck: { expect: { status: 2xx } }', 'healthcheck.expect.status: "2xx" is no status of HTTP'],
    [
      'healthcheck: { expect: { status: 399-200 } }',
      'healthcheck.expect.status: "399-200" is no status of HTTP',
    ],
    ['healthcheck: { headers: { "a b": c } }', 'healthcheck.headers: "a b" is no name of a header'],
    [
      'healthcheck: { headers: { Connection: close } }',
      'healthcheck.headers: Connection is a header of the connection, which Switchyard says itself',
    ],
    [
      'healthcheck: { headers: { Host: "a\\nb" } }',
      'healthcheck.headers: the value of Host is none of a header',
    ],
    ['healthcheck: { retries: 1001 }', 'healthcheck.retries: must be a whole number, at most 1000, not 1001'],
    ['healthcheck: { disable: perhaps }', 'healthcheck.disable: must be true or false'],
    ['drain: 10s', 'drain: must be a map, not text'],
    ['drain: { timeout: 1x }', 'drain.timeout: "1x" is no duration: unsupported character "x" at position 2'],
    ['strategy: rolling', 'strategy: must be "toggle" or "recreate", not "rolling"'],
    [
      'pull_policy: alwas',
      'pull_policy: must be "always", "missing", "if_not_present" or "never", not "alwas"; did you mean "always"?',
    ],
    ['command: a | b', 'command: unquoted "|" in a command: no shell runs it'],
    ['command: [a, 1]', 'command[1]: must be text, not a number'],
    ['working_dir: app', 'working_dir: "app" is no absolute path'],
    ['user: []', 'user: must be text'],
    ['stop_signal: please', 'stop_signal: "please" is no signal'],
    [
      'labels: { switchyard.side: base }',
      'labels.switchyard.side: label "switchyard.side" is reserved: labels with switchyard. are Switchyard\'s',
    ],
    [
      'labels: ["switchyard.side=base"]',
      'labels[0]: label "switchyard.side" is reserved: labels with switchyard. are Switchyard\'s',
    ],
    ['labels: ["=x"]', 'labels[0]: a label needs a name'],
    ['volumes: ["~/x:/y"]', 'volumes[0]: "~/x" is in a home folder, and no shell puts in which one'],
    ['volumes: ["./x:/y"]', 'volumes[0]: ./x is of the repository, and a container cannot write there'],
    ['configs: [{ source: a, mode: rw }]', 'configs[0].mode: "rw" is no mode of a file'],
    ['configs: [{ source: a, uid: app }]', 'configs[0].uid: "app" is no number of a user or group'],
    ['configs: [{ source: a, target: b }]', 'configs[0].target: "b" is no absolute path of a file'],
    ['env_file: [{ path: a, format: yaml }]', 'env_file[0].format: must be raw, or left out'],
    ['volumes: [5]', 'volumes[0]: must be text (name:/target) or a map'],
    [
      'volumes: [{ type: tmpfs, target: /t, sorce: a }]',
      'volumes[0].sorce: unknown key; did you mean "source"?',
    ],
    ['volumes: [{ type: tmpfs, target: /t, source: a }]', 'volumes[0]: a tmpfs mount has no source'],
    [
      'volumes: [{ type: bind, source: a, target: /t }]',
      'volumes[0]: ./a is of the repository, and a container cannot write there',
    ],
    [
      'volumes: [{ type: npipe, target: /t }]',
      'volumes[0].type: must be volume, bind or tmpfs: the others are for Windows, for Swarm, or for images that nobody pulls here',
    ],
    [
      'volumes: [{ type: bind, source: /a, target: /t, external: true }]',
      'volumes[0]: a bind mount cannot be external',
    ],
    ['adopt: ""', 'adopt: is empty'],
    ['adopt: [a]', "adopt: must be a container's name, or a map with container and drop"],
    ['adopt: { drop: [a] }', 'adopt.container: is required'],
    ['volumes: [{ target: /t }]', 'volumes[0].type: is required'],
    ['volumes: ["a:/t", "b:/t/"]', 'volumes[1]: two volumes are mounted at /t'],
    ['restart: sometimes', 'restart: "sometimes" is no restart policy'],
    ['logging: { options: { a: [] } }', 'logging.options.a: must be text or a number'],
    ['deploy: { replicas: 30 }', 'deploy.replicas: must be 1 to 6, not 30'],
    [
      'deploy: { resources: { limits: { cpus: 0 } } }',
      'deploy.resources.limits.cpus: must be a number of CPUs, at least 0.01, not 0',
    ],
    [
      'deploy: { resources: { limits: { memory: 1k } } }',
      'deploy.resources.limits.memory: must be at least 6m, which is the least that Docker takes',
    ],
    [
      'deploy: { resources: { limits: { memory: true } } }',
      'deploy.resources.limits.memory: must be a size such as 256m',
    ],
    ['constructor: 1', 'constructor: unknown key'],
    ['idle_timeout: 0', 'idle_timeout: must be at least 1ms'],
  ])('%s', (keys, message) => {
    expect(wrong(keys)).toEqual([`services.api.${message}`]);
  });

  test('several mistakes in one map are all told', () => {
    expect(wrong('environment: { A: {}, "B C": 1, SWITCHYARD_X: 1, D: [] }')).toHaveLength(4);
    expect(wrong('volumes: ["./a:/a", { type: x, target: y, z: 1 }, 3]')).toHaveLength(4);
  });

  test('numbers and flags may stand in quotes', () => {
    const { config } = load(
      localFile(
        'api: { port: "80", servers: "2", share_volumes: "true", deploy: { resources: { limits: { cpus: .5 } } } }',
      ),
    );
    expect(config.services?.api).toEqual({
      port: 80,
      servers: 2,
      share_volumes: true,
      deploy: { resources: { limits: { cpus: 0.5 } } },
    });
  });
});

describe('servers', () => {
  const servers = (yaml: string, user = 'user: deploy'): string[] =>
    messagesOf(() =>
      load(
        `project: shop\nenvironments:\n  production:\n    provider: static\n    ${user}\n    servers:\n${indented(yaml, 6)}\n`,
      ),
    );

  test.each([
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { host: A, private_ip: 10.0.0.2 }',
      'servers[1].host: server a is there twice',
    ],
    [
      '- { name: x, host: a, private_ip: 10.0.0.1 }\n- { name: y, host: a, port: 22, private_ip: 10.0.0.2 }',
      'servers[1].host: server a is there twice',
    ],
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { host: a, port: 2222, private_ip: 10.0.0.2 }',
      'servers[1].host: name a is that of servers[0] (a) already',
    ],
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { name: a, host: b, private_ip: 10.0.0.2 }',
      'servers[1].name: name a is that of servers[0] (a) already',
    ],
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { name: web-1, host: b }',
      'servers[1]: server web-1 needs a private_ip: 2 servers stand in zone default',
    ],
    ['- { name: "", host: a }', 'servers[0].name: server name "" is not allowed'],
    ['- { name: -a, host: a }', 'servers[0].name: server name "-a" is not allowed'],
    ['- { name: web_1, host: a }', 'servers[0].name: server name "web_1" is not allowed'],
    ['- { name: 7, host: a }', 'servers[0].name: must be text, not a number'],
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { host: b, private_ip: 10.0.0.1 }',
      'servers[1].private_ip: private_ip 10.0.0.1 is there twice',
    ],
    [
      '- { host: a, private_ip: 10.0.0.1 }\n- { host: b }',
      'servers[1]: server b needs a private_ip: 2 servers stand in zone default',
    ],
    ['- { host: a, jump: { port: 22 } }', 'servers[0].jump.host: is required'],
    [
      '- { host: a, jump: { host: "-x" } }',
      'servers[0].jump.host: "-x" is neither an IP address nor a DNS name',
    ],
    ['- { host: a, zone: "A B" }', 'servers[0].zone: zone name "A B" is not allowed'],
    [
      '- { host: a, host_key: [ssh-dss x] }',
      'servers[0].host_key[0]: host key of unknown type "ssh-dss"; known are ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa',
    ],
    ['- { private_ip: 10.0.0.1 }', 'servers[0].host: is required'],
    ['[]', 'servers: must have at least one server'],
  ])('%j', (yaml, message) => {
    expect(servers(yaml)).toEqual([`environments.production.${message}`]);
  });

  test('a name that cannot be one has its place and the rule; one that two have, its place and both servers', () => {
    const file = `project: shop
environments:
  production:
    provider: static
    user: deploy
    servers:
      - { name: Web 1, host: 203.0.113.10, zone: lon1 }
      - { name: web-2, host: 203.0.113.11, zone: nyc1 }
      - name: web-2
        host: 203.0.113.12
        zone: fra1
`;
    expect(errorsOf(() => load(file))).toEqual([
      expect.objectContaining({
        message: 'environments.production.servers[0].name: server name "Web 1" is not allowed',
        hint: expect.stringContaining('lower-case letters, digits, dots and hyphens'),
        location: { file: 'switchyard.yml', line: 7, column: 17 },
      }),
    ]);
    expect(errorsOf(() => load(file.replace('Web 1', 'web-1')))).toEqual([
      expect.objectContaining({
        message:
          'environments.production.servers[2].name: name web-2 is that of servers[1] (203.0.113.11) already',
        hint: expect.stringContaining('known by its name'),
        location: { file: 'switchyard.yml', line: 9, column: 15 },
      }),
    ]);
  });

  test('one address may be several machines: by port, or behind several jump hosts', () => {
    expect(
      servers(
        `- { name: one, host: 10.0.0.9, zone: a, jump: { host: gate-a } }
- { name: two, host: 10.0.0.9, zone: b, jump: { host: gate-b } }
- { name: three, host: 10.0.0.9, zone: c, port: 2222 }`,
      ),
    ).toEqual([]);
  });

  test('each needs a user from somewhere', () => {
    expect(servers('- { host: a }', '')).toEqual([
      'environments.production.servers[0]: server a has no user',
    ]);
    expect(servers('- { host: a, user: deploy }', '')).toEqual([]);
  });

  test('servers of different zones need no private address', () => {
    expect(servers('- { host: a, zone: lon1 }\n- { host: b, zone: nyc1 }')).toEqual([]);
  });

  test('a static environment without servers, and a file without environments, are mistakes', () => {
    expect(messagesOf(() => load('project: a\nenvironments: { x: { provider: static } }'))).toEqual([
      'environments.x.servers: is required',
    ]);
    expect(messagesOf(() => load('project: a\nenvironments: {}'))).toEqual([
      'environments: must have at least one environment',
    ]);
    expect(messagesOf(() => load('{}'))).toEqual(['project: is required', 'environments: is required']);
  });

  test('a name of an environment that is none', () => {
    expect(
      messagesOf(() => load('project: a\nenvironments: { a_b: { provider: local, services: { N: {} } } }')),
    ).toEqual([
      'environments.a_b: environment name "a_b" is not allowed',
      'environments.a_b.services.N: service name "N" is not allowed',
    ]);
  });
});

describe('references', () => {
  const value = (yaml: string, variables: Record<string, string> = {}): unknown =>
    load(localFile(`api:\n  environment:\n    V: ${yaml}`), variables).config.services?.api?.environment?.V;

  test.each([
    ['$A', '1.10'],
    ['"${A}"', '1.10'],
    ["'$A'", '1.10'],
    ['1.10', '1.10'],
    ['0x10', '0x10'],
    ['12345678901234567890', '12345678901234567890'],
    ['1.5', '1.5'],
    ['$$A', '$A'],
    ['|\n      a\n      $A\n', 'a\n1.10\n'],
    ['${B:-no}', 'no'],
    ['${B:-}', ''],
    ['$T', 'true'],
  ])('%j becomes %j', (yaml, expected) => {
    expect(value(yaml, { A: '1.10', T: 'true' })).toBe(expected);
  });

  test('hostile values arrive byte for byte', () => {
    const hostile = `'"\n$(rm -rf /)\`id\`\u{1F600} -- : # {a}`;
    expect(value('$A', { A: hostile })).toBe(hostile);
  });

  test('a number may come from a variable, a key may not', () => {
    const text = localFile('api: { port: "${PORT}", labels: { $KEY: x } }');
    const { config } = load(text, { PORT: '8080' });
    expect(config.services?.api).toEqual({ port: 8080, labels: { $KEY: 'x' } });
  });

  test('all bad references are told at once, each at its place', () => {
    const text = localFile(
      'api:\n  image: acme/api:${TAG}\n  user: "$USER_ID:${GROUP:?which}"\n  port: ${{ env.PORT }}',
    );
    expect(
      errorsOf(() => load(text)).map(({ message, location }) => [location?.line, location?.column, message]),
    ).toEqual([
      [6, 21, 'variable TAG is not set'],
      [7, 12, 'variable USER_ID is not set'],
      [8, 11, 'invalid reference "${{ env.PORT }"'],
    ]);
  });
});

describe('whatever the file holds, a mistake in it is the user’s', () => {
  const tame = (text: string): void => void errorsOf(() => load(text, { A: 'a', B: '' }));

  test('arbitrary text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), tame), { numRuns: 500 });
  });

  test.each(['? <<: ', 'secrets: { ? { <<: 1 } : a }', 'environments: { ? [a] : { secrets: 1 } }'])(
    '%s',
    tame,
  );

  test('what looks like YAML', () => {
    const token = fc.constantFrom(
      ...[
        'project',
        'environments',
        'services',
        'image',
        'x-a',
        '<<',
        '? ',
        '- ',
        ': ',
        ':',
        '\n',
        '\n  ',
        '\n    ',
        ' ',
      ],
      ...[
        '[',
        ']',
        '{',
        '}',
        ',',
        '&a ',
        '*a',
        '!!str ',
        '!x ',
        '"',
        "'",
        '|',
        '>',
        '#',
        '%YAML 1.1\n',
        '---',
        '...',
      ],
      ...['null', 'true', '1', '1e999', '.nan', '2001-01-01', '$A', '${B}', '${', '__proto__', 'constructor'],
    );
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 40 }).map((all) => all.join('')),
        tame,
      ),
      { numRuns: 2000 },
    );
  });

  test('any value at any key', () => {
    const keys = fc.constantFrom(
      ...[
        'image',
        'port',
        'domain',
        'depends_on',
        'environment',
        'secrets',
        'healthcheck',
        'drain',
        'volumes',
        'deploy',
      ],
      ...[
        'logging',
        'labels',
        'command',
        'restart',
        'zones',
        'servers',
        'test',
        'resources',
        'limits',
        '__proto__',
        'x-a',
      ],
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 0 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(keys, value), value, (service, other) => {
        tame(
          JSON.stringify({
            project: 'a',
            environments: { local: { provider: 'local' } },
            services: { api: service },
          }),
        );
        tame(
          JSON.stringify({
            project: 'a',
            environments: { x: { provider: 'static', servers: other, services: other } },
          }),
        );
        tame(JSON.stringify({ project: other, environments: other, services: other, sidecar: other }));
      }),
      { numRuns: 1000 },
    );
  });

  test('references to nothing anywhere, for one environment of two', () => {
    const names = [
      'image',
      'domain',
      'environment',
      'secrets',
      'volumes',
      'labels',
      'tmpfs',
      'env_file',
      'configs',
    ];
    const keys = fc.constantFrom(
      ...names,
      'healthcheck',
      'interval',
      'test',
      'pre_deploy',
      'command',
      'file',
      'a',
    );
    const leaf = fc.constantFrom(
      '${NONE}',
      '/${NONE:?}',
      'a',
      './a:/b:ro',
      '${PWD}/a:/b',
      '$(pwd)',
      '~/a',
      1,
      null,
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 3 }),
      ),
    }));
    const service = fc.dictionary(keys, value, { maxKeys: 3 });
    const part = fc.record(
      { services: fc.record({ api: service }), configs: value, secrets: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(part, part, part, (all, chosen, other) => {
        const environments = {
          local: { provider: 'local', ...chosen },
          other: { provider: 'local', ...other },
        };
        const text = JSON.stringify({ project: 'a', environments, ...all });
        errorsOf(() => loadEnvironment(text, 'switchyard.yml', { PWD: '/x' }, 'local'));
      }),
      { numRuns: 300 },
    );
  });
});
