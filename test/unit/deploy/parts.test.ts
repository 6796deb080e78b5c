import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Blueprint,
  blueprintHash,
  containerRequest,
  environmentOf,
  nameOf,
} from '../../../src/deploy/planning/container.ts';
import { dependencyLevels } from '../../../src/deploy/planning/levels.ts';
import { place } from '../../../src/deploy/planning/placement.ts';
import { allowedMs } from '../../../src/deploy/running/health.ts';
import { PullMeter } from '../../../src/deploy/running/images.ts';
import { describeSpan, type Span, Timeline } from '../../../src/deploy/running/timeline.ts';
import { service } from './specs.ts';

describe('levels', () => {
  const levels = (graph: Record<string, string[]>) =>
    dependencyLevels(Object.entries(graph).map(([name, dependsOn]) => ({ name, dependsOn })));

  test('each service stands above all it depends on, and as low as that allows', () => {
    expect(levels({ web: ['api', 'cache'], api: ['db'], cache: [], db: [], lone: [] })).toEqual([
      ['cache', 'db', 'lone'],
      ['api'],
      ['web'],
    ]);
  });

  test('what is not among them counts as fulfilled', () => {
    expect(levels({ web: ['elsewhere'] })).toEqual([['web']]);
    expect(levels({})).toEqual([]);
  });

  test('the order holds for every graph without a circle', () => {
    const graph = fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 12 });
    fc.assert(
      fc.property(graph, (edges) => {
        const services = edges.map((to, at) => ({
          name: `s${at}`,
          dependsOn: to.filter((one) => one < at).map((one) => `s${one}`),
        }));
        const sorted = dependencyLevels(services);
        const heightOf = (name: string) => sorted.findIndex((names) => names.includes(name));
        expect(sorted.flat().sort()).toEqual(services.map(({ name }) => name).sort());
        for (const { name, dependsOn } of services)
          expect(heightOf(name)).toBe(Math.max(-1, ...dependsOn.map(heightOf)) + 1);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe('placement', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];

  test('keeps the order of the servers, and takes no more than there are', () => {
    expect(place('api', 9, hosts, [])).toEqual(hosts);
    expect(place('api', 0, hosts, [])).toEqual([]);
  });

  test('different services lie on different servers', () => {
    const chosen = ['api', 'web', 'cache', 'db', 'mail', 'cron'].map((name) => place(name, 1, hosts, [])[0]);
    expect(new Set(chosen).size).toBeGreaterThan(2);
  });

  test('a copy stays where it is, whatever comes or goes, as long as its server is there', () => {
    const subset = fc.subarray(hosts, { minLength: 1 });
    fc.assert(
      fc.property(subset, subset, fc.nat(5), fc.nat(5), (before, after, many, few) => {
        const first = place('api', many, before, []);
        const second = place('api', few, after, first);
        const kept = first.filter((host) => after.includes(host));
        expect(second).toHaveLength(Math.min(few, after.length));
        expect(second.filter((host) => kept.includes(host))).toHaveLength(Math.min(few, kept.length));
      }),
      { seed: 3 },
    );
  });
});

describe('a container', () => {
  const blueprint = (changes: Partial<Blueprint> = {}, more = {}): Blueprint => ({
    scope: { project: 'shop', environment: 'production' },
    service: 'api',
    container: service('api', {
      secrets: ['TOKEN'],
      environment: { LOG_LEVEL: 'info' },
      volumes: ['data'],
      ...more,
    }).container,
    containerPort: 3000,
    ports: { host: 8100, internal: 5100 },
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 1,
    ...changes,
  });
  const identity = { side: 'base' as const, release: 7, secrets: { TOKEN: '$(whoami) "\n' } };

  test('is asked of the engine with its side, labels, network, volumes and values, byte for byte', () => {
    const whole = blueprint({ publishOn: '10.0.0.2', dependencies: { 'my-db': 5200 } });
    const request = containerRequest(whole, { ...identity, side: 'secondary' });
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
        'switchyard.side': 'secondary',
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

  test('that is called by its version has the name of its side as an alias, and a port that is in no hash', () => {
    const { container } = blueprint();
    const versioned = (versionPort: number | undefined) =>
      blueprint({
        container: { ...container, image: 'api:v15.2', naming: 'version' },
        publishOn: '10.0.0.2',
        versionPort,
      });
    expect(containerRequest(versioned(8609), { ...identity, side: 'secondary' })).toMatchObject({
      Labels: { 'switchyard.host-port': '8100', 'switchyard.version-port': '8609' },
      // That of its side is known to nginx before the container is there.
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
    const request = containerRequest(blueprint(), identity);
    for (const key of ['Cmd', 'Entrypoint', 'User', 'WorkingDir', 'StopSignal'])
      expect(request).not.toHaveProperty(key);
    for (const key of ['PortBindings', 'NanoCpus', 'Memory', 'PidsLimit', 'MemoryReservation'])
      expect(request.HostConfig).not.toHaveProperty(key);
  });

  test('has what the file says, with its limits', () => {
    const { container } = blueprint();
    const request = containerRequest(
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
      identity,
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
    expect(environmentOf(one, { TOKEN: 'secret' })).toMatchObject({
      SWITCHYARD_DB_HOST: 'nginx',
      TOKEN: 'secret',
    });
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

describe('times', () => {
  test.each([
    ['the parts add up', { startPeriodMs: 30_000, retries: 3, intervalMs: 1000, timeoutMs: 2000 }, 39_000],
    [
      'never more than three minutes',
      { startPeriodMs: 600_000, retries: 100, intervalMs: 60_000, timeoutMs: 1 },
      180_000,
    ],
  ])('how long a container may take: %s', (_name, healthcheck, ms) => {
    expect(allowedMs({ kind: 'tcp', ...healthcheck })).toBe(ms);
  });

  test('a timeline tells each span as it ends, also of what failed', async () => {
    const told: Span[] = [];
    let now = 100;
    const timeline = new Timeline(
      (span) => told.push(span),
      () => now,
    );
    const result = await timeline.measure({ phase: 'start', service: 'api', host: 'a' }, async () => {
      now += 250;
      return 'started';
    });
    const failing = timeline.measure({ phase: 'switch' }, async () => {
      now += 50;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(result).toBe('started');
    expect(timeline.elapsedMs()).toBe(300);
    expect(told).toEqual(timeline.spans);
    expect(told.map(describeSpan)).toEqual(['api on a: start (0.25 s)', 'switch failed (0.05 s)']);
    expect(timeline.durationMs('start', 'api', 'a')).toBe(250);
    expect(timeline.durationMs('start', 'api', 'b')).toBeUndefined();
  });

  test('a clock of its own never goes back', async () => {
    const timeline = new Timeline();
    await timeline.measure({ phase: 'observe' }, async () => undefined);
    expect(timeline.elapsedMs()).toBeGreaterThanOrEqual(0);
    expect(timeline.spans).toHaveLength(1);
  });
});

describe('the progress of a pull', () => {
  test('layers and bytes, as the engine tells of them', () => {
    const meter = new PullMeter();
    expect(meter.summary()).toBe('0 of 0 layers, 0.0 of 0.0 MB');
    meter.add({ status: 'Pulling from library/redis', id: '7' });
    for (const id of ['one', 'two', 'old']) meter.add({ id, status: 'Pulling fs layer' });
    meter.add({ id: 'old', status: 'Already exists' });
    meter.add({ id: 'one', status: 'Downloading', progressDetail: { current: 5e6, total: 10e6 } });
    meter.add({ id: 'two', status: 'Downloading', progressDetail: { current: 1e6, total: 2e6 } });
    expect(meter.summary()).toBe('1 of 3 layers, 6.0 of 12.0 MB');
    meter.add({ id: 'one', status: 'Download complete' });
    meter.add({ id: 'one', status: 'Extracting', progressDetail: { current: 1, total: 10 } });
    meter.add({ id: 'one', status: 'Pull complete' });
    meter.add({ status: 'Digest: sha256:0' });
    expect(meter.summary()).toBe('2 of 3 layers, 11.0 of 12.0 MB');
  });
});
