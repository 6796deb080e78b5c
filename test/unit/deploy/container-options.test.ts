import type { ContainerInspectResponse } from '@docker/node-sdk';
import { describe, expect, test } from '@jest/globals';
import { settingsFound } from '../../../src/deploy/observation/container-settings.ts';
import { type Blueprint, hookSettings, settingsOf } from '../../../src/deploy/planning/blueprint.ts';
import { changedSettings } from '../../../src/deploy/planning/container-settings.ts';
import { createRequest } from '../../../src/deploy/steps/container-request.ts';
import { type CONTAINER_OPTIONS, optionNames, optionRow } from '../../../src/model/container-options.ts';
import { resolveOne } from '../config/files.ts';

/** blueprint returns that of a service with these keys of the file. */
function blueprint(keys: string): Blueprint {
  return {
    scope: { project: 'shop', environment: 'production' },
    repository: 'example.com/shop',
    service: 'api',
    container: resolveOne(keys).container,
    containerPort: 3000,
    ports: { host: 8123, internal: 5123 },
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 0,
  };
}

const wanted = (keys: string) => settingsOf(blueprint(keys), { slot: 'base', release: 1 });
const requested = (keys: string) => createRequest(wanted(keys), {});

/** What an engine says of a container that was made so, and then changed. */
function inspected(keys: string, host: object = {}, config: object = {}): ContainerInspectResponse {
  const { HostConfig, ...request } = requested(keys);
  return {
    Config: { ...request, ...config },
    HostConfig: { ...HostConfig, ...host },
    NetworkSettings: { Networks: { shop_production_network: {} } },
  };
}
const changed = (keys: string, host: object = {}, config: object = {}) =>
  changedSettings(wanted(keys), settingsFound(inspected(keys, host, config)), undefined);

const examples = optionNames().flatMap((name) => {
  const { example, short, long } = optionRow(name);
  return [example, short, long].flatMap((yaml): [string, string][] =>
    yaml === undefined ? [] : [[yaml, name]],
  );
});

describe('an option of a container', () => {
  test.each(examples)('%s reaches the engine, and is found again as it was asked for', (keys, name) => {
    const { fields } = optionRow(name as keyof typeof CONTAINER_OPTIONS);
    const before = requested('mem_limit: 256m');
    const request = requested(keys);
    if (fields.length > 0 && keys !== 'isolation: default') expect(request).not.toEqual(before);
    expect(changed(keys)).toEqual([]);
  });

  test('absent is the request that there always was', () => {
    expect(requested('').HostConfig).toMatchObject({ Init: true });
    for (const name of optionNames()) {
      for (const path of optionRow(name).fields) {
        if (['HostConfig.Init', 'Config.ExposedPorts'].includes(path)) continue;
        const [part, field = ''] = path.split('.');
        expect(part === 'HostConfig' ? requested('').HostConfig : requested('')).not.toHaveProperty(field);
      }
    }
  });

  test.each<[keys: string, part: object]>([
    ['init: false', { HostConfig: { Init: false } }],
    ['expose: [9090]', { ExposedPorts: { '3000/tcp': {}, '9090/tcp': {} } }],
    ['hostname: a', { Hostname: 'a' }],
    ['ulimits: { nofile: 5 }', { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 5 }] } }],
    [
      'gpus: [{ count: 1 }]\ndevices: ["/dev/a", "b.com/c=d"]',
      {
        HostConfig: {
          Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' }],
          DeviceRequests: expect.arrayContaining([
            { Driver: 'cdi', DeviceIDs: ['b.com/c=d'] },
            expect.objectContaining({ Count: 1, Capabilities: [['gpu']] }),
          ]),
        },
      },
    ],
    [
      'security_opt: ["no-new-privileges:true", "systempaths=unconfined"]',
      { HostConfig: { SecurityOpt: ['no-new-privileges=true'], MaskedPaths: [], ReadonlyPaths: [] } },
    ],
    ['entrypoint: []', { Entrypoint: [] }],
    [
      'volumes: ["/data", "/srv/a:/a:ro,z"]\nshare_volumes: true',
      {
        HostConfig: {
          Mounts: [{ Type: 'volume', Target: '/data', ReadOnly: false }],
          Binds: ['/srv/a:/a:ro,z'],
        },
      },
    ],
    [
      'volumes: [{ type: tmpfs, target: /t, tmpfs: { size: 1m, mode: 1777 } }]',
      { HostConfig: { Mounts: [{ Type: 'tmpfs', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1777 } }] } },
    ],
  ])('%j is asked of the engine in its words', (keys, part) => {
    expect(requested(keys)).toMatchObject(part);
  });

  test.each<[what: string, keys: string, host: object, names: string[]]>([
    ['taken away', 'shm_size: 1g', { ShmSize: 67_108_864 }, ['shm_size']],
    ['taken away', 'read_only: true', { ReadonlyRootfs: false }, ['read_only']],
    ['taken away', 'cap_drop: [ALL]', { CapDrop: null }, ['cap_drop']],
    ['written by the engine in its own way', 'cap_add: [NET_ADMIN]', { CapAdd: ['CAP_NET_ADMIN'] }, []],
    ['one more', 'cap_add: [NET_ADMIN]', { CapAdd: ['NET_ADMIN', 'SYS_ADMIN'] }, ['cap_add']],
    [
      'with what the engine adds to a privileged one',
      'privileged: true\nsecurity_opt: ["apparmor:unconfined"]',
      { SecurityOpt: ['apparmor=unconfined', 'label=disable'] },
      [],
    ],
    ['dropped by a kernel that cannot do it', 'mem_swappiness: 10', { MemorySwappiness: null }, []],
    ['another value', 'mem_swappiness: 10', { MemorySwappiness: 60 }, ['mem_swappiness']],
    ['an init that nobody asked for', 'init: false', { Init: true }, ['init']],
  ])('is told when it was changed by hand: %s (%s)', (_what, keys, host, names) => {
    expect(changed(keys, host)).toEqual(names);
  });

  test('an empty entrypoint is no change by hand, whatever the image has', () => {
    const image = { environment: {}, command: ['serve'], entrypoint: ['/entry'] };
    const is = settingsFound(inspected('entrypoint: []', {}, { Entrypoint: null, Cmd: ['serve'] }));
    expect(changedSettings(wanted('entrypoint: []'), is, image)).toEqual([]);
    expect(changedSettings(wanted(''), is, image)).toEqual(['entrypoint']);
  });

  test('a hook has them too, but for a terminal, and a volume of its own can be written', () => {
    const keys = 'tty: true\nstdin_open: true\nexpose: [1]\nshm_size: 1g\nvolumes: ["/data", "a:/a:ro"]';
    const hook = hookSettings(blueprint(keys), { hook: 'pre_deploy', command: ['migrate'], release: 1 });
    expect(hook.fields).toEqual({ 'HostConfig.ShmSize': 1_073_741_824 });
    expect(hook.volumes.map(({ readOnly }) => readOnly)).toEqual([false, true]);
  });
});
