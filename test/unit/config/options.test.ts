import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/load.ts';
import { errorsOf, indented, localFile, messagesOf, resolveOne, resolveText } from './files.ts';

const optionsOf = (keys: string) => resolveOne(keys).container.options;

describe('options of a container, in every form of Compose', () => {
  test.each<[keys: string, options: object]>([
    ['hostname: broker-1', { hostname: 'broker-1' }],
    ['init: false', { init: false }],
    ['tty: True', { tty: true }],
    ['stdin_open: "yes"', { stdin_open: true }],
    ['tmpfs: /run', { tmpfs: { '/run': '' } }],
    ['tmpfs: ["/run", "/tmp:size=64m"]', { tmpfs: { '/run': '', '/tmp': 'size=64m' } }],
    ['shm_size: 1.5gb', { shm_size: 1_610_612_736 }],
    ['expose: [9090, "8125/udp", "1-2"]', { expose: ['9090/tcp', '8125/udp', '1/tcp', '2/tcp'] }],
    ['extra_hosts: ["a:10.0.0.9", "b=host-gateway"]', { extra_hosts: ['a:10.0.0.9', 'b:host-gateway'] }],
    [
      'extra_hosts: { a: "[::1]", b: [10.0.0.1, 10.0.0.2] }',
      { extra_hosts: ['a:::1', 'b:10.0.0.1', 'b:10.0.0.2'] },
    ],
    ['dns: 10.0.0.53', { dns: ['10.0.0.53'] }],
    ['group_add: [998, docker]', { group_add: ['998', 'docker'] }],
    ['cap_add: [cap_net_admin, SYS_PTRACE]', { cap_add: ['NET_ADMIN', 'SYS_PTRACE'] }],
    [
      'security_opt: ["no-new-privileges:true", "apparmor:unconfined", "label=disable"]',
      { security_opt: ['no-new-privileges=true', 'apparmor=unconfined', 'label=disable'] },
    ],
    ['sysctls: { net.core.somaxconn: 1024 }', { sysctls: { 'net.core.somaxconn': '1024' } }],
    ['sysctls: ["net.core.somaxconn=1024"]', { sysctls: { 'net.core.somaxconn': '1024' } }],
    [
      'ulimits: { nofile: 65536, memlock: { soft: -1, hard: "-1" } }',
      { ulimits: { nofile: { soft: 65_536, hard: 65_536 }, memlock: { soft: -1, hard: -1 } } },
    ],
    [
      'devices: ["/dev/a", "/dev/b:/dev/c:rw", "/dev/d:r", "nvidia.com/gpu=all"]',
      {
        devices: [
          { source: '/dev/a', target: '/dev/a' },
          { source: '/dev/b', target: '/dev/c', permissions: 'rw' },
          { source: '/dev/d', target: '/dev/d', permissions: 'r' },
          { source: 'nvidia.com/gpu=all' },
        ],
      },
    ],
    ['gpus: all', { gpus: [{ capabilities: ['gpu'], count: -1 }] }],
    [
      'deploy: { resources: { reservations: { devices: [{ driver: nvidia, count: 1, capabilities: [gpu] }] } } }',
      { gpus: [{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }] },
    ],
    ['cpu_quota: 50000', { cpu_quota: 50_000 }],
    ['cpu_rt_runtime: 950ms', { cpu_rt_runtime: 950_000 }],
    ['oom_score_adj: "-500"', { oom_score_adj: -500 }],
    ['mem_limit: 256m\nmemswap_limit: -1', { memswap_limit: -1 }],
    [
      'blkio_config: { weight: 300, device_read_bps: [{ path: /dev/sda, rate: 1k }] }',
      { blkio_config: { weight: 300, device_read_bps: [{ path: '/dev/sda', rate: 1024 }] } },
    ],
  ])('%s', (keys, options) => {
    expect(optionsOf(keys)).toEqual(options);
  });

  test('that say what holds anyway are in no release: it would be another one for nothing', () => {
    const silent =
      'init: true\ntty: false\nstdin_open: false\nread_only: false\nprivileged: false\nisolation: default';
    expect(resolveOne(silent).container).not.toHaveProperty('options');
    expect(resolveOne('scale: 1\nattach: false\ndevelop: { watch: [] }')).toEqual(resolveOne(''));
  });

  test.each([
    ['hostname: "a b"', 'hostname: "a b" is no name of a host'],
    ['ipc: "service:db"', 'ipc: must be "private", "shareable", "host" or "none"'],
    ['security_opt: ["seccomp:./x.json"]', 'security_opt[0]: the profile "./x.json" is a file'],
    ['isolation: hyperv', 'isolation: must be "default"'],
    ['devices: [dev]', 'devices[0]: "dev" is no device'],
    ['extra_hosts: ["a:b"]', 'extra_hosts: "a:b" is no name with an address'],
    ['gpus: [{ count: 1, device_ids: ["0"] }]', 'gpus[0]: count and device_ids exclude each other'],
    ['memswap_limit: 1g', 'memswap_limit: needs a limit of memory'],
    ['mem_limit: 1g\nmemswap_limit: 512m', 'memswap_limit: is less than the limit of memory'],
    ['cpus: 1\ncpu_quota: 1000', 'cpu_quota: and cpus exclude each other'],
    [
      'cpus: 1\ndeploy: { resources: { limits: { cpus: 2 } } }',
      'cpus: says something else than deploy.resources.limits.cpus',
    ],
    ['mem_limit: 64m\nmem_reservation: 128m', 'mem_reservation: is more than the limit'],
    ['tmpfs: /t\nvolumes: ["a:/t:ro"]', 'tmpfs: "/t" is in volumes, too'],
    ['scale: 7', 'scale: must be 1 to 6, not 7'],
    ['scale: 0', 'scale: must be 1 to 6, not 0'],
    ['pull_policy: build', 'pull_policy: must be always, missing or never: the action build-push builds'],
    ['pull_policy: daily', 'pull_policy: must be always, missing or never: a deploy is when'],
    ['platform: amd64', 'platform: "amd64" is no platform'],
  ])('%s is refused', (keys, message) => {
    expect(messagesOf(() => resolveOne(keys))).toEqual([expect.stringContaining(`services.api.${message}`)]);
  });
});

test('a service without a port is told the one that it exposes', () => {
  const file = localFile('api: { image: acme/api, expose: ["53/udp", "8080"] }');
  expect(errorsOf(() => resolveText(file)).map(({ hint }) => hint)).toEqual([
    expect.stringMatching(/^Write port: 8080\./),
  ]);
});

describe('words that Compose has twice', () => {
  test('short limits are those of deploy', () => {
    const short = resolveOne('cpus: "0.25"\nmem_limit: 512MiB\nmem_reservation: 128m\npids_limit: 200');
    expect(short.container.resources).toEqual({
      cpus: 0.25,
      memoryBytes: 536_870_912,
      reservedMemoryBytes: 134_217_728,
      pids: 200,
    });
    expect(resolveOne('pids_limit: -1').container.resources).toEqual({});
  });

  test.each([
    ['{ condition: none }', { name: 'no' }],
    [
      '{ condition: on-failure, max_attempts: 3, delay: 5s, window: 1m }',
      { name: 'on-failure', maximumRetryCount: 3 },
    ],
    ['{}', { name: 'always' }],
  ])('deploy: { restart_policy: %s }', (policy, restart) => {
    expect(resolveOne(`deploy: { restart_policy: ${policy} }`).container.restart).toEqual(restart);
    expect(resolveOne(`restart: "no"\ndeploy: { restart_policy: ${policy} }`).container.restart.name).toBe(
      'no',
    );
  });
});

describe('values are what they are written as', () => {
  test('true and false in variables and labels, and numbers with all their digits', () => {
    const { container } = resolveOne(
      'environment: { A: True, B: false, C: FALSE, D: 1.10, E: 0x10, F: yes }\nlabels: { a: True, b: 1e3 }',
    );
    expect(container.environment).toEqual({
      A: 'True',
      B: 'false',
      C: 'FALSE',
      D: '1.10',
      E: '0x10',
      F: 'yes',
    });
    expect(container.labels).toEqual({ a: 'True', b: '1e3' });
  });

  test('of a variable that is there twice the last one counts, and the run says so', () => {
    const keys = 'environment: ["A=1", "B=2", "A=3"]\nvolumes: ["/data", "x:/x:ro"]';
    expect(resolveOne('environment: ["A=1", "B=2", "A=3"]').container.environment).toEqual({
      A: '3',
      B: '2',
    });
    const { warnings } = loadConfig(localFile(`api:\n${indented(keys, 2)}`), 'switchyard.yml', {});
    expect(warnings).toEqual([
      'switchyard.yml:6: services.api.environment[2]: A is there twice, and the last one counts',
      expect.stringContaining('switchyard.yml:7: services.api.volumes[0]: the volume has no name'),
    ]);
  });
});

test('a health check whose numbers are 0 says none of them, as for the engine', () => {
  const checkOf = (keys: string) => resolveOne(`healthcheck: { path: /up${keys} }`).policy.healthcheck;
  expect(checkOf(', interval: 0s, timeout: 0, retries: 0, start_interval: 0s')).toEqual(checkOf(''));
});

test('of a health check in a shell with more than one word the shell runs the first, and the run says so', () => {
  const keys = 'healthcheck: { test: [CMD-SHELL, pg_isready, -U, app] }';
  const test = ['CMD-SHELL', 'pg_isready', '-U', 'app'];
  expect(resolveOne(keys).policy.healthcheck).toMatchObject({ kind: 'command', test });
  const { warnings } = loadConfig(localFile(`api:\n  ${keys}`), 'switchyard.yml', {});
  expect(warnings).toEqual([
    expect.stringContaining('services.api.healthcheck.test: the shell runs only "pg_isready": write CMD'),
  ]);
});

test.each([
  ['entrypoint: ""', { entrypoint: [] }],
  ['entrypoint: []', { entrypoint: [] }],
  ['entrypoint: [""]', { entrypoint: [] }],
  ['command: []', { command: [] }],
])('%s is an empty one, and not the image’s', (keys, part) => {
  expect(resolveOne(keys).container).toMatchObject(part);
});

describe('recognised images', () => {
  const check = (keys: string) => resolveOne(keys).policy.healthcheck.test?.join(' ');
  test.each([
    ['image: redis:7\nport: 6380', 'redis-cli -p 6380 ping'],
    ['image: redis:7\nport: 6379', 'redis-cli ping'],
    ['image: postgres\nport: 5433', 'pg_isready -h 127.0.0.1 -p 5433'],
    ['image: mariadb\nport: 3307', 'mariadb-admin ping -h 127.0.0.1 -P 3307'],
  ])('are asked on the port that the service names: %j', (keys, words) => {
    expect(check(keys)).toContain(words);
  });

  test('that keep their data under the name of their host get one that stays', () => {
    expect(resolveOne('image: rabbitmq:4\nport: 5672').container.options).toEqual({ hostname: 'api' });
    expect(resolveOne('image: rabbitmq:4\nport: 5672\nhostname: b').container.options).toEqual({
      hostname: 'b',
    });
    expect(resolveOne('image: redis:7\nport: 6379').container).not.toHaveProperty('options');
  });
});

describe('the long form of a volume', () => {
  test.each([
    [
      '{ type: bind, source: /a, target: /t, bind: { create_host_path: true, selinux: Z } }',
      { more: { createHostPath: true, selinux: 'Z' } },
    ],
    [
      '{ type: bind, source: /a, target: /t, bind: { recursive: disabled } }',
      { more: { recursive: 'disabled' } },
    ],
    [
      '{ type: volume, source: a, target: /t, read_only: true, volume: { nocopy: true, subpath: b, labels: [x=1] } }',
      { more: { nocopy: true, subpath: 'b', labels: { x: '1' } } },
    ],
    [
      '{ type: tmpfs, target: /t, tmpfs: { size: 64m, mode: 0700 } }',
      { more: { sizeBytes: 67_108_864, mode: 0o700 } },
    ],
    ['{ type: volume, target: /t, consistency: cached }', {}],
  ])('%s', (volume, part) => {
    const spec = resolveOne(`share_volumes: true\nvolumes: [${volume}]`);
    expect(spec.container.volumes).toEqual([expect.objectContaining(part)]);
  });

  test('options of another type are refused', () => {
    const keys = 'volumes: [{ type: tmpfs, target: /t, volume: { nocopy: true } }]';
    expect(messagesOf(() => resolveOne(keys))).toEqual([
      'services.api.volumes[0]: a tmpfs mount has no options of a volume (nocopy)',
    ]);
  });
});
