import { describe, expect, test } from '@jest/globals';
import {
  type Blueprint,
  blueprintHash,
  hookSettings,
  nameOf,
  settingsOf,
} from '../../../src/deploy/planning/blueprint.ts';
import { createRequest } from '../../../src/deploy/steps/container-request.ts';
import type { Slot } from '../../../src/model/copy.ts';
import { REPOSITORY, type ServiceChanges, service } from '../../simulation/stories/specs.ts';

/** blueprint returns that of an http service with a secret, a variable and a volume. */
function blueprint(changes: Partial<Blueprint> = {}, more: ServiceChanges = {}): Blueprint {
  const { container } = service('api', {
    secrets: ['TOKEN'],
    environment: { LOG_LEVEL: 'info' },
    volumes: ['data'],
    ...more,
  });
  return {
    scope: { project: 'shop', environment: 'production' },
    repository: REPOSITORY,
    service: 'api',
    container,
    containerPort: 3000,
    ports: { host: 8100, internal: 5100 },
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 1,
    ...changes,
  };
}

/** requested returns what the engine is asked for; the secret's value is one that a shell would stumble over. */
function requested(from: Blueprint, slot: Slot = 'base', secrets = { TOKEN: '$(whoami) "\n' }) {
  return createRequest(settingsOf(from, { slot, release: 7 }), secrets);
}

describe('a container', () => {
  test('is asked of the engine with its slot, labels, network, volumes and values, byte for byte', () => {
    const whole = blueprint({ publishOn: '10.0.0.2', dependencies: { 'my-db': 5200 } });
    const request = requested(whole, 'secondary');
    expect(request).toMatchObject({
      Image: 'api:1',
      Env: [
        'LOG_LEVEL=info',
        'SWITCHYARD_MY_DB_HOST=nginx',
        'SWITCHYARD_MY_DB_PORT=5200',
        'TOKEN=$(whoami) "\n',
      ],
      ExposedPorts: { '3000/tcp': {} },
      Labels: {
        'switchyard.role': 'service',
        'switchyard.release': '7',
        'switchyard.slot': 'secondary',
        'switchyard.host-port': '8100',
        'switchyard.internal-port': '5100',
        'switchyard.container-hash': blueprintHash(whole),
      },
      HostConfig: {
        Init: true,
        NetworkMode: 'shop_production_network',
        Mounts: [{ Type: 'volume', Source: 'shop_production_data', Target: '/data', ReadOnly: false }],
        PortBindings: { '3000/tcp': [{ HostIp: '10.0.0.2', HostPort: '18100' }] },
        RestartPolicy: { Name: 'unless-stopped' },
      },
      NetworkingConfig: {
        EndpointsConfig: {
          shop_production_network: { Aliases: ['api'], Links: ['shop_production_nginx:nginx'] },
        },
      },
    });
    expect(nameOf(whole, 'secondary', new Set(), new Date())).toBe('shop_production_api_secondary');
  });

  test('that is called by its version has the name of its slot as an alias, and a port that is in no hash', () => {
    const { container } = blueprint();
    const versioned = (versionPort: number | undefined) =>
      blueprint({
        container: { ...container, image: 'api:v15.2', naming: 'version' },
        publishOn: '10.0.0.2',
        versionPort,
      });
    expect(requested(versioned(8609), 'secondary')).toMatchObject({
      Labels: { 'switchyard.host-port': '8100', 'switchyard.version-port': '8609' },
      // That of its slot is known to nginx before the container is there.
      HostConfig: { PortBindings: { '3000/tcp': [{ HostPort: '18100' }, { HostPort: '18609' }] } },
      NetworkingConfig: {
        EndpointsConfig: { shop_production_network: { Aliases: ['api', 'shop_production_api_secondary'] } },
      },
    });
    expect(blueprintHash(versioned(8609))).toBe(blueprintHash(versioned(8610)));
    const now = new Date('2026-11-26T17:10:00Z');
    expect(nameOf(versioned(8609), 'secondary', new Set(), now)).toBe('shop_production_api_v15_2');
  });

  test('has the same hash as ever: else an update of Switchyard would replace all containers', () => {
    expect(blueprintHash(blueprint())).toBe('3d7a218aec8781d0');
    expect(blueprintHash(blueprint({ publishOn: '10.0.0.2' }))).toBe('e7285015f6981397');
  });

  test('says nothing of what the file leaves to the image, and opens no port where it has no neighbours', () => {
    const request = requested(blueprint());
    for (const key of ['Cmd', 'Entrypoint', 'User', 'WorkingDir', 'StopSignal'])
      expect(request).not.toHaveProperty(key);
    for (const key of ['PortBindings', 'NanoCpus', 'Memory', 'PidsLimit', 'MemoryReservation'])
      expect(request.HostConfig).not.toHaveProperty(key);
  });

  test('has what the file says, with its limits', () => {
    const { container } = blueprint();
    const request = requested(
      blueprint({
        container: {
          ...container,
          command: ['serve'],
          entrypoint: ['/entry'],
          user: '1000',
          workingDir: '/app',
          stopSignal: 'SIGQUIT',
          volumes: [
            { type: 'bind', source: '/srv', target: '/srv', readOnly: true },
            { type: 'tmpfs', target: '/tmp', readOnly: false },
            { type: 'volume', target: '/anonymous', readOnly: false },
          ],
          resources: { cpus: 0.5, memoryBytes: 1e8, reservedMemoryBytes: 1e7, pids: 100 },
          labels: { 'switchyard.release': 'mine', own: 'x' },
        },
      }),
    );
    expect(request).toMatchObject({
      Cmd: ['serve'],
      Entrypoint: ['/entry'],
      User: '1000',
      WorkingDir: '/app',
      StopSignal: 'SIGQUIT',
      Labels: { own: 'x', 'switchyard.release': '7' },
      HostConfig: { NanoCpus: 5e8, Memory: 1e8, MemoryReservation: 1e7, PidsLimit: 100 },
    });
    expect(request.HostConfig?.Mounts).toEqual([
      { Type: 'bind', Source: '/srv', Target: '/srv', ReadOnly: true },
      { Type: 'tmpfs', Target: '/tmp', ReadOnly: false },
      { Type: 'volume', Target: '/anonymous', ReadOnly: false },
    ]);
  });

  test('secrets win over addresses, and those over the file', () => {
    const one = blueprint(
      { dependencies: { db: 5200 } },
      { environment: { SWITCHYARD_DB_HOST: 'mine', TOKEN: 'file' } },
    );
    const { Env } = requested(one, 'base', { TOKEN: 'secret' });
    expect(Env).toEqual(['SWITCHYARD_DB_HOST=nginx', 'TOKEN=secret', 'SWITCHYARD_DB_PORT=5200']);
  });

  test('keeps the values of its secrets out of everything that is compared or stored', () => {
    expect(JSON.stringify(settingsOf(blueprint(), { slot: 'base', release: 7 }))).not.toContain('whoami');
  });

  test.each<[string, Partial<Blueprint>]>([
    ['image', { container: service('api', { image: 'api:2' }).container }],
    ['port', { containerPort: 4000 }],
    ['version of its secrets', { secretsVersion: 2 }],
    ['address of its host port', { publishOn: '10.0.0.2' }],
    ['address of what it depends on', { dependencies: { db: 5200 } }],
  ])('another %s is another container', (_name, changes) => {
    expect(blueprintHash(blueprint(changes))).not.toBe(blueprintHash(blueprint()));
  });

  test('a host port that is not open makes no difference', () => {
    expect(blueprintHash(blueprint({ ports: { host: 8999, internal: 5999 } }))).toBe(
      blueprintHash(blueprint()),
    );
    expect(blueprintHash(blueprint({ ports: { host: 8999, internal: 1 }, publishOn: 'x' }))).not.toBe(
      blueprintHash(blueprint({ publishOn: 'x' })),
    );
  });
});

describe('the container of a hook', () => {
  const HOOK = { hook: 'pre_deploy', command: ['migrate', '--now'], release: 7 } as const;
  const settings = hookSettings(
    blueprint({ publishOn: '10.0.0.2', dependencies: { db: 5200 } }, { volumes: ['data'] }),
    { ...HOOK, command: [...HOOK.command] },
  );

  test('is like those of its service, with the same variables, secrets and network', () => {
    const request = createRequest(settings, { TOKEN: 'sesame' });
    expect(request).toMatchObject({
      Image: 'api:1',
      Cmd: ['migrate', '--now'],
      Env: ['LOG_LEVEL=info', 'SWITCHYARD_DB_HOST=nginx', 'SWITCHYARD_DB_PORT=5200', 'TOKEN=sesame'],
      Labels: { 'switchyard.role': 'hook', 'switchyard.hook': 'pre_deploy', 'switchyard.release': '7' },
      HostConfig: { NetworkMode: 'shop_production_network' },
    });
    expect(request.Labels).not.toHaveProperty(['switchyard.slot']);
  });

  test('takes no traffic, under no name and at no port, ends, and writes to no volume', () => {
    const request = createRequest(settings, {});
    expect(request).toMatchObject({
      ExposedPorts: {},
      HostConfig: {
        RestartPolicy: { Name: 'no' },
        Mounts: [{ Source: 'shop_production_data', ReadOnly: true }],
      },
    });
    expect(request.HostConfig).not.toHaveProperty('PortBindings');
    expect(settings.aliases).toEqual([]);
  });
});
