import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SLOTS } from '../../../src/model/copy.ts';
import {
  allocatePorts,
  allocateVersionPorts,
  basePort,
  extraPortsText,
  HOST_PORTS,
  hostPort,
  type PortRequest,
  parseExtraPorts,
  preferredHostPort,
  preferredInternalPort,
  preferredVersionPort,
  type ServicePorts,
  stablePort,
} from '../../../src/model/ports.ts';
import { portsOf } from '../../../src/model/spec.ts';

const SHOP = { project: 'shop', environment: 'production' };
const NONE = { recorded: new Map<string, ServicePorts>(), foreignHostPorts: new Set<number>() };

/**
 * Made once by another program, so that a change of the hash cannot go by unseen:
 * python3 -c "import hashlib,struct; h=lambda s,f: f+struct.unpack('>I',hashlib.sha256(s.encode()).digest()[:4])[0]%1000;
 * print(h('shop/production/api/3000',8000), h('shop/production/api',5000))"
 */
describe('golden vectors', () => {
  test.each([
    ['shop', 'production', 'api', 3000, 8339, 5204],
    ['shop', 'production', 'cache', 6379, 8971, 5452],
    ['shop', 'staging', 'api', 3000, 8392, 5036],
    ['shop', 'production', 'api', 8080, 8543, 5204],
    ['a', 'b', 'c', 1, 8079, 5858],
    ['my-shop', 'prod', 'web-2', 65535, 8552, 5271],
  ])(
    '%s/%s/%s/%i has host port %i and internal port %i',
    (project, environment, service, port, host, internal) => {
      expect(preferredHostPort({ project, environment }, service, port)).toBe(host);
      expect(preferredInternalPort({ project, environment }, service)).toBe(internal);
    },
  );

  test('the input is hashed as UTF-8', () => {
    expect(stablePort('ünïcode', { first: 0, count: 1000 })).toBe(759);
  });
});

/** python3 as above: h('shop/production/rabbitmq/console', 5000) */
test.each([
  ['shop', 'production', 'rabbitmq', 'console', 5211],
  ['shop', 'production', 'rabbitmq', 'metrics', 5430],
  ['shop', 'staging', 'rabbitmq', 'console', 5296],
  ['shop', 'production', 'api', 'metrics', 5415],
  ['blog', 'live', 'site', 'metrics', 5922],
])('%s/%s/%s/%s has internal port %i', (project, environment, service, name, port) => {
  expect(preferredInternalPort({ project, environment }, service, name)).toBe(port);
});

describe('further ports', () => {
  const rabbit = { service: 'rabbitmq', containerPort: 5672, extra: { console: 15_672, metrics: 15_692 } };
  const api = { service: 'api', containerPort: 3000 };

  test('have numbers of their own, which another order does not change', () => {
    const allocated = allocatePorts(SHOP, [rabbit, api], NONE);
    expect(allocated.get('rabbitmq')).toEqual({
      host: preferredHostPort(SHOP, 'rabbitmq', 5672),
      internal: 5564,
      extra: {
        console: { host: 8845, internal: 5211 },
        metrics: { host: preferredHostPort(SHOP, 'rabbitmq', 15_692), internal: 5430 },
      },
    });
    const turned = { ...rabbit, extra: { metrics: 15_692, console: 15_672 } };
    expect(allocatePorts(SHOP, [api, turned], NONE)).toEqual(allocated);
  });

  test('never take the number that the main port of another service would have', () => {
    // Both are hashed to 5211.
    const recorded = new Map<string, ServicePorts>();
    const rival = Array.from({ length: 5000 }, (_, index) => `s${index}`).find(
      (service) => preferredInternalPort(SHOP, service) === 5211,
    )!;
    const allocated = allocatePorts(SHOP, [rabbit, { ...api, service: rival }], { ...NONE, recorded });
    expect(allocated.get(rival)?.internal).toBe(5211);
    expect(allocated.get('rabbitmq')?.extra?.console?.internal).toBe(5212);
  });

  test('never move once they are recorded, and one that is new joins them', () => {
    const extra = { console: { host: 8100, internal: 5999 } };
    const recorded = new Map([['rabbitmq', { host: 8001, internal: 5001, extra }]]);
    const allocated = allocatePorts(SHOP, [rabbit], { ...NONE, recorded });
    expect(allocated.get('rabbitmq')).toMatchObject({
      host: 8001,
      internal: 5001,
      extra: { ...extra, metrics: { internal: 5430 } },
    });
  });

  test('are read again from the label that says them', () => {
    const extra = { console: { host: 8845, internal: 5211 }, metrics: { host: 8001, internal: 5430 } };
    expect(extraPortsText(extra)).toBe('console=5211/8845 metrics=5430/8001');
    expect(parseExtraPorts(extraPortsText(extra))).toEqual(extra);
    expect(parseExtraPorts(undefined)).toEqual({});
  });
});

/** python3 as above: h('shop/production/api/3000/15_2', 8000) */
test.each([
  ['shop', 'production', 'api', 3000, '15_2', 8609],
  ['shop', 'production', 'api', 3000, '15_3', 8010],
  ['shop', 'production', 'api', 8080, '15_2', 8839],
  ['shop', 'staging', 'api', 3000, '15_2', 8818],
  ['a', 'b', 'c', 1, 'latest', 8514],
])('%s/%s/%s/%i/%s has host port %i', (project, environment, service, containerPort, version, port) => {
  expect(preferredVersionPort({ project, environment }, { service, containerPort, version })).toBe(port);
});

describe('allocateVersionPorts', () => {
  const request = (service: string, version = '15_2') => ({ service, containerPort: 3000, version });

  test('a version has its hashed port, or the next free one, also where the same version has it', () => {
    expect(allocateVersionPorts(SHOP, [request('api')], new Set()).get('api')).toBe(8609);
    expect(allocateVersionPorts(SHOP, [request('api')], new Set([8609, 8610])).get('api')).toBe(8611);
  });

  test('no two ports are the same, and their order does not matter', () => {
    const requests = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 200 });
    const inUse = fc.uniqueArray(fc.integer({ min: 8000, max: 8999 }), { maxLength: 500 });
    fc.assert(
      fc.property(requests, inUse, (services, taken) => {
        const ports = allocateVersionPorts(
          SHOP,
          services.map((one) => request(one)),
          new Set(taken),
        );
        expect(new Set([...ports.values(), ...taken]).size).toBe(services.length + taken.length);
        const again = allocateVersionPorts(
          SHOP,
          services.toReversed().map((one) => request(one)),
          new Set(taken),
        );
        expect(new Map([...again].sort())).toEqual(new Map([...ports].sort()));
      }),
      { seed: 3 },
    );
  });

  test('a full range is an error', () => {
    const taken = new Set(Array.from({ length: 1000 }, (_, index) => 8000 + index));
    expect(() => allocateVersionPorts(SHOP, [request('api')], taken)).toThrow(
      'all ports from 8000 to 8999 are taken',
    );
  });
});

test('the base port is found again from that of any slot', () => {
  for (const base of [8000, 8999])
    for (const slot of SLOTS) expect(basePort(hostPort(base, slot))).toBe(base);
});

test('every slot is 10000 above the one before, and after six of them 1000 above the first', () => {
  expect(SLOTS.map((slot) => hostPort(8339, slot))).toEqual([
    8339, 18339, 28339, 38339, 48339, 58339, 9339, 19339, 29339, 39339, 49339, 59339,
  ]);
  expect(hostPort(8999, '12')).toBe(59999);
});

test('no two services have one port, whatever their slots', () => {
  const bases = Array.from({ length: HOST_PORTS.count }, (_, index) => HOST_PORTS.first + index);
  const ports = bases.flatMap((base) => SLOTS.map((slot) => hostPort(base, slot)));
  expect(new Set(ports).size).toBe(HOST_PORTS.count * SLOTS.length);
  expect(Math.max(...ports)).toBeLessThan(65_536);
});

describe('allocatePorts', () => {
  const request = (service: string, containerPort = 3000): PortRequest => ({ service, containerPort });

  test('ten services that hash to one internal port are moved to the next free ones, by name', () => {
    const names = ['s365', 's500', 's1339', 's2391', 's3912', 's4334', 's7058', 's8868', 's9030', 's9083'];
    const allocated = allocatePorts(
      SHOP,
      names.map((name) => request(name)),
      NONE,
    );
    const internal = [...names].sort().map((name) => allocated.get(name)?.internal);
    expect(internal).toEqual([5204, 5205, 5206, 5207, 5208, 5209, 5210, 5211, 5212, 5213]);
  });

  test('the range wraps at its end', () => {
    const allocated = allocatePorts(SHOP, [request('s1858'), request('s4667'), request('s4725')], NONE);
    expect([...allocated.values()].map(({ internal }) => internal)).toEqual([5999, 5000, 5001]);
  });

  test('a recorded port never moves, and makes way for nobody', () => {
    const recorded = new Map([['zebra', { host: 8339, internal: 5204 }]]);
    const allocated = allocatePorts(SHOP, [request('api'), request('zebra')], { ...NONE, recorded });
    expect(allocated.get('zebra')).toEqual({ host: 8339, internal: 5204 });
    expect(allocated.get('api')).toEqual({ host: 8340, internal: 5205 });
  });

  test('a port recorded for a service that is gone stays taken', () => {
    const recorded = new Map([['gone', { host: 8339, internal: 5204 }]]);
    expect(allocatePorts(SHOP, [request('api')], { ...NONE, recorded }).get('api')).toEqual({
      host: 8340,
      internal: 5205,
    });
  });

  test('host ports of other projects on the servers are avoided', () => {
    const foreignHostPorts = new Set([8339, 8340]);
    expect(allocatePorts(SHOP, [request('api')], { ...NONE, foreignHostPorts }).get('api')?.host).toBe(8341);
  });

  test('a full range is an error', () => {
    const foreignHostPorts = new Set(Array.from({ length: 1000 }, (_, index) => 8000 + index));
    expect(() => allocatePorts(SHOP, [request('api')], { ...NONE, foreignHostPorts })).toThrow(
      'all ports from 8000 to 8999 are taken',
    );
  });

  const requests = fc.uniqueArray(
    fc.record({
      service: fc.stringMatching(/^[a-z][a-z0-9-]{0,7}[a-z]$/),
      containerPort: fc.integer({ min: 1, max: 65535 }),
    }),
    { selector: ({ service }) => service, maxLength: 200 },
  );

  test('ports are distinct, in their ranges, and independent of the order of the services', () => {
    fc.assert(
      fc.property(requests, fc.infiniteStream(fc.nat()), (list, random) => {
        const allocated = allocatePorts(SHOP, list, NONE);
        const hosts = [...allocated.values()].map(({ host }) => host);
        const internals = [...allocated.values()].map(({ internal }) => internal);
        expect(new Set(hosts).size).toBe(list.length);
        expect(new Set(internals).size).toBe(list.length);
        expect(hosts.every((port) => port >= 8000 && port <= 8999)).toBe(true);
        expect(internals.every((port) => port >= 5000 && port <= 5999)).toBe(true);
        const shuffled = list.map((item) => [random.next().value, item] as const).sort(([a], [b]) => a - b);
        const again = allocatePorts(
          SHOP,
          shuffled.map(([, item]) => item),
          NONE,
        );
        expect(new Map([...again].sort())).toEqual(new Map([...allocated].sort()));
      }),
    );
  });

  test('what was allocated once stays, whatever services come and go', () => {
    fc.assert(
      fc.property(requests, requests, (before, after) => {
        const recorded = allocatePorts(SHOP, before, NONE);
        const allocated = allocatePorts(SHOP, after, { ...NONE, recorded });
        for (const [service, ports] of allocated) {
          if (recorded.has(service)) expect(ports).toEqual(recorded.get(service));
        }
      }),
    );
  });
});

test('ports come in the order of their names, whatever the order of a file or of a record', () => {
  const extraPorts = {
    metrics: { port: 9100, protocol: 'tcp' },
    console: { port: 9001, protocol: 'http' },
  } as const;
  expect(portsOf({ port: 9000, protocol: 'http', extraPorts }).map(({ name }) => name)).toEqual([
    undefined,
    'console',
    'metrics',
  ]);
  expect(portsOf({})).toEqual([]);
});
