import { describe, expect, test } from '@jest/globals';
import { adoptedCopies, isOfInterest } from '../../../src/deploy/planning/adopted.ts';
import { checkAdoption } from '../../../src/deploy/planning/adoption-refusals.ts';
import type {
  ForeignContainer,
  ObservedNginx,
  ObservedServer,
} from '../../../src/deploy/planning/observed.ts';
import { type UserError, UserErrors } from '../../../src/model/errors.ts';
import type { AdoptSpec, EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import type { ServedName } from '../../../src/nginx/served-names.ts';
import { database, service, shop } from '../../simulation/stories/specs.ts';

const DOMAIN = 'api.example.com';
const SHOP = { project: 'shop', environment: 'production' };
const DOOR = [{ port: 80, containerPort: 80 }];
const NOW = new Date('2026-11-30T12:00:00Z');

/** A container that somebody made. */
function foreign(name: string, facts: Partial<ForeignContainer> = {}): ForeignContainer {
  return {
    id: `id of ${name}`,
    name,
    isRunning: true,
    image: 'old:1',
    imageId: 'sha256:old',
    owner: undefined,
    composeProject: undefined,
    networks: ['hand'],
    writes: [],
    published: [],
    helpers: [],
    ...facts,
  };
}

/** A front that serves these names on port 80. */
function front(...names: string[]): ForeignContainer {
  const served = names.map((name): ServedName => ({ port: 80, name, isTls: false }));
  return foreign('front', { published: DOOR, served });
}

function fileOf(services: ServiceSpec[], adopt?: AdoptSpec): EnvironmentSpec {
  const file = shop(services);
  return { ...file, nginx: { ...file.nginx, ...(adopt && { adopt }) } };
}

const adopting = (container: string, drop: string[] = []): Pick<ServiceSpec, 'adopt'> => ({
  adopt: { container, drop },
});
const TAKES_FRONT: AdoptSpec = { container: 'front', drop: [] };

/** Server `a`, on which somebody has made containers. */
function server(containers: ForeignContainer[], facts: Partial<ObservedServer> = {}): ObservedServer {
  return {
    name: 'a',
    owner: undefined,
    copies: [],
    handMade: [],
    hooks: [],
    sidecar: undefined,
    edge: undefined,
    bridge: undefined,
    isDiverted: false,
    foreign: containers,
    hasNetwork: false,
    foreignHostPorts: [],
    leftovers: { helpers: [], networks: [], volumes: [], images: [], transfers: [] },
    images: new Map(),
    ...facts,
  };
}

/** refusalsOf returns what is said against taking over, with the advice. */
function refusalsOf(file: EnvironmentSpec, observed: ObservedServer): string[] {
  const copies = adoptedCopies(SHOP, file.services, observed.foreign);
  try {
    checkAdoption(file, file.services, [{ ...observed, copies }], NOW);
    return [];
  } catch (error) {
    const all = error instanceof UserErrors ? error.errors : [error as UserError];
    return all.map(({ message, hint }) => `${message}. ${hint}`);
  }
}

describe('taking over is refused, with a word on what to do', () => {
  const cases: [string, EnvironmentSpec, ForeignContainer[], string][] = [
    [
      'ports that somebody holds whom the file does not name',
      fileOf([service('api')]),
      [front(DOMAIN)],
      'a: the edge needs port 80, which front holds. If it shall be taken over without a gap, write "adopt: front" under sidecar; else stop it and run again.',
    ],
    [
      'a front whose domains are not all in the file',
      fileOf([service('api')], TAKES_FRONT),
      [front(DOMAIN, 'old.example.com', 'older.example.com')],
      'a: front serves old.example.com, older.example.com, which no service of the file has as its domain. Write it as the domain of a service. If nobody shall serve it any more: "adopt: { container: front, drop: ["old.example.com", "older.example.com"] }" under sidecar.',
    ],
    [
      'a front that serves whoever asks',
      fileOf([service('api')], TAKES_FRONT),
      [front('_')],
      'a: front serves _, which no service of the file has as its domain. Write it as the domain of a service. If nobody shall serve it any more: "adopt: { container: front, drop: ["_"] }" under sidecar.',
    ],
    [
      'a front that does not say what it serves',
      fileOf([service('api')], TAKES_FRONT),
      [foreign('front', { published: DOOR })],
      'a: the edge needs port 80, which front holds, and it does not say what it serves: "nginx -T" fails in it. Only an nginx, or the container of a service, is taken over without a gap. Stop front at a quiet time, and run again.',
    ],
    [
      'a front that serves HTTPS',
      fileOf([service('api')], TAKES_FRONT),
      [
        foreign('front', {
          published: [...DOOR, { port: 443, containerPort: 443 }],
          served: [{ port: 443, name: DOMAIN, isTls: true }],
        }),
      ],
      'a: front serves HTTPS for api.example.com, which the file serves over HTTP alone. Write "tls: { email: you@example.com }", and its certificates come along, and are replaced when they are due. If nobody comes by HTTPS: "adopt: { container: front, drop: ["443"] }" under sidecar.',
    ],
    [
      'another port of a front',
      fileOf([service('api')], TAKES_FRONT),
      [{ ...front(DOMAIN), published: [...DOOR, { port: 9000, containerPort: 9000 }] }],
      'a: front publishes port 9000 of the server, where nobody would listen any more. Let who uses it come to the edge or the sidecar. If nobody does: "adopt: { container: front, drop: ["9000"] }" under sidecar.',
    ],
    [
      'data that the new container would not have',
      fileOf([database('db', adopting('old-db'))]),
      [foreign('old-db', { writes: [{ source: 'pgdata', target: '/data' }] })],
      'a: old-db writes to the volume pgdata at /data, which db does not mount: it would start without that data. Write it under volumes: { type: volume, source: pgdata, target: /data, external: true }. If the data may be lost: adopt: { container: old-db, drop: [/data] }.',
    ],
    [
      'a directory of the server that the new container would not have',
      fileOf([service('api', adopting('old-api'))]),
      [foreign('old-api', { writes: [{ source: '/srv/files', target: '/files' }] })],
      'a: old-api writes to the directory /srv/files at /files, which api does not mount: it would start without that data. Write it under volumes: "/srv/files:/files". If the data may be lost: adopt: { container: old-api, drop: [/files] }.',
    ],
    [
      'a port of the server that somebody may use',
      fileOf([service('api', adopting('old-api'))]),
      [foreign('old-api', { published: [{ port: 8080, containerPort: 3000 }] })],
      'a: old-api publishes port 8080 of the server, where nobody would listen any more. Let who uses it come to the edge or the sidecar. If nobody does: "adopt: { container: old-api, drop: ["8080"] }" at the service.',
    ],
    [
      'a container of Compose, found by its name alone',
      fileOf([service('api')]),
      [foreign('shop_production_api', { composeProject: 'shop' })],
      'a: shop_production_api belongs to the Compose project shop. If api shall take it over, write "adopt: shop_production_api" at the service; else rename it.',
    ],
    [
      'a sidecar of Compose, found by its name alone',
      fileOf([service('api')]),
      [foreign('shop_production_nginx', { composeProject: 'shop' })],
      'a: shop_production_nginx has the name of the sidecar and belongs to the Compose project shop. If it shall be taken over, write "adopt: shop_production_nginx" under sidecar; else rename it.',
    ],
    [
      'a container of another environment',
      fileOf([service('api', adopting('shop_staging_api'))]),
      [foreign('shop_staging_api', { owner: 'shop staging' })],
      'a: shop_staging_api belongs to shop staging, and api cannot take it over. Let it leave there first: remove it from that file and deploy.',
    ],
    [
      'two that run as one service',
      fileOf([service('api')]),
      [foreign('shop_production_api'), foreign('shop_production_api_secondary')],
      'a: shop_production_api and shop_production_api_secondary both run as api, and Switchyard made neither. Stop the one that has no traffic: docker stop shop_production_api_secondary',
    ],
  ];
  test.each(cases)('%s', (_what, file, containers, refusal) => {
    expect(refusalsOf(file, server(containers))).toEqual([refusal]);
  });

  test('all of it at once', () => {
    const file = fileOf([service('api', adopting('old-api'))], TAKES_FRONT);
    const lossy = foreign('old-api', {
      writes: [{ source: 'data', target: '/data' }],
      published: [{ port: 8080, containerPort: 3000 }],
    });
    expect(refusalsOf(file, server([lossy, front('old.example.com')]))).toHaveLength(3);
  });
});

describe('taking over is not refused', () => {
  const named = fileOf([service('api', adopting('old-api'))], TAKES_FRONT);
  const cases: [string, EnvironmentSpec, ObservedServer][] = [
    ['of what the file names', named, server([foreign('old-api'), front(DOMAIN)])],
    [
      'for a host port of the older way',
      fileOf([service('api')]),
      server([
        foreign('shop_production_api_secondary', { published: [{ port: 18_123, containerPort: 3000 }] }),
      ]),
    ],
    [
      'for what the file says may be lost',
      fileOf([service('api', { ...adopting('old-api', ['/cache', '9000']), domains: ['*.example.com'] })], {
        container: 'front',
        drop: ['_', 'old.example.org'],
      }),
      server([
        foreign('old-api', {
          writes: [{ source: 'scratch', target: '/cache' }],
          published: [{ port: 9000, containerPort: 3000 }],
        }),
        front('old.example.org', '_', '*.example.com'),
      ]),
    ],
    [
      'of a front that is diverted, and says no more what it serves: who diverted it has asked',
      named,
      server([foreign('front', { published: DOOR })], { isDiverted: true }),
    ],
    [
      'while a run of somebody else takes the front over',
      fileOf([service('api')]),
      server([front(DOMAIN)], { bridge: 'bridge', edge: {} as ObservedNginx }),
    ],
    ['where no domain needs the door', fileOf([database('db')]), server([front(DOMAIN)])],
    [
      'of a container of Compose that the file names',
      fileOf([service('api', adopting('shop-api-1'))]),
      server([foreign('shop-api-1', { composeProject: 'shop' })]),
    ],
    [
      'for two of one service, one of which is stopped',
      fileOf([service('api')]),
      server([
        foreign('shop_production_api'),
        foreign('shop_production_api_secondary', { isRunning: false }),
      ]),
    ],
  ];
  test.each(cases)('%s', (_what, file, observed) => {
    expect(refusalsOf(file, observed)).toEqual([]);
  });

  test('when routes alone are given again', () => {
    const file = fileOf([service('api')]);
    expect(() => checkAdoption(file, [], [server([front(DOMAIN)])], NOW)).not.toThrow();
  });
});

describe('what a file takes over', () => {
  const file = fileOf([service('api', adopting('old-api'))], TAKES_FRONT);

  test.each<[string, ForeignContainer, boolean]>([
    ['what a service names', foreign('old-api'), true],
    ['what has the name of a side', foreign('shop_production_api_secondary'), true],
    ['what has the name of the sidecar', foreign('shop_production_nginx'), true],
    ['the front that it names', foreign('front'), true],
    ['whoever holds a port that the edge needs', foreign('other', { published: DOOR }), true],
    ['whoever held one, and is stopped', foreign('other', { published: DOOR, isRunning: false }), false],
    ['somebody else', foreign('shop_staging_api'), false],
  ])('%s: of interest is %p', (_what, container, expected) => {
    expect(isOfInterest(container, SHOP, file)).toBe(expected);
  });

  test('a container is a copy of release 0, in the slot that its name says, and in nobody’s way with another name', () => {
    const found = [
      foreign('old-api'),
      foreign('shop_production_api', { isRunning: false }),
      foreign('front'),
    ];
    expect(adoptedCopies(SHOP, file.services, found)).toMatchObject([
      {
        name: 'old-api',
        slot: 'secondary',
        release: 0,
        isRunning: true,
        isAdopted: true,
        address: undefined,
      },
      { name: 'shop_production_api', slot: 'base', release: 0, isRunning: false, isAdopted: true },
    ]);
  });
});
