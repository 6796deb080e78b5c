import { describe, expect, test } from '@jest/globals';
import { describeFinding, errorsOf, type Finding } from '../../../src/deploy/preflight/findings.ts';
import { judgeForbiddenPulls, judgeImages } from '../../../src/deploy/preflight/judge-images.ts';
import { judgeNginx, judgePorts } from '../../../src/deploy/preflight/judge-nginx.ts';
import { judgeRights } from '../../../src/deploy/preflight/judge-rights.ts';
import { judgeHealth, judgeLease } from '../../../src/deploy/preflight/judge-running.ts';
import { judgeClock, judgeDisk, judgeVitals } from '../../../src/deploy/preflight/judge-server.ts';
import { neededImages, neededPorts } from '../../../src/deploy/preflight/needs.ts';
import { certainFailures } from '../../../src/deploy/preflight/preflight.ts';
import type { Vitals } from '../../../src/deploy/preflight/vitals.ts';
import { hostPort } from '../../../src/model/ports.ts';
import { database, servers, service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';

const VITALS: Vitals = {
  server: 'a',
  engine: '26.1.5',
  root: '/var/lib/docker',
  freeBytes: 42e9,
  memoryBytes: 2e9,
  aheadMs: 120,
};

const first = (count = 1) => shop([service('api', { servers: count })], servers(count));
const second = (count = 1) => shop([service('api', { image: 'api:2', servers: count })], servers(count));

/** What a level and a part of the message say. */
const told = ({ level, message }: Finding) => `${level}: ${message}`;

test('a privileged service is a warning of its own', () => {
  const [api] = first().services;
  const agent = service('agent');
  const privileged = shop([
    { ...agent, container: { ...agent.container, options: { privileged: true } } },
    api!,
  ]);
  const { services } = new Picture().input(privileged);
  expect(judgeRights(services).map(told)).toEqual([
    'warning: agent is privileged: whoever breaks into it has the server, and all that runs there',
  ]);
});

describe('the disk', () => {
  const picture = new Picture();
  picture.deploy(first());
  const [full, nothing] = [picture.plan(second()), picture.plan(first())];

  test.each([
    [5e9, full, 'ok: 5.0 GB are free in /var/lib/docker'],
    [4.9e9, full, 'error: only 4.9 GB are free in /var/lib/docker, and a deploy needs 5 GB'],
    [4.9e9, nothing, 'warning: only 4.9 GB are free in /var/lib/docker, and a deploy needs 5 GB'],
    [undefined, full, 'warning: nobody can tell how much space is left in /var/lib/docker'],
  ])('with %s bytes free', (freeBytes, plan, expected) => {
    expect(told(judgeDisk({ ...VITALS, freeBytes }, plan))).toBe(expected);
  });

  test('keeps a deploy from beginning only where containers or images come, and says all servers at once', () => {
    const little = { ...VITALS, freeBytes: 1e9 };
    expect(certainFailures([little], nothing)).toEqual([]);
    expect(certainFailures([undefined, { ...VITALS }], full)).toEqual([]);
    const both = new Picture();
    both.deploy(first(2));
    const findings = certainFailures([little, { ...little, server: 'b' }], both.plan(second(2)));
    expect(errorsOf(findings).map(({ message }) => message)).toEqual([
      'a: only 1.0 GB are free in /var/lib/docker, and a deploy needs 5 GB',
      'b: only 1.0 GB are free in /var/lib/docker, and a deploy needs 5 GB',
    ]);
  });

  test('that is full does not keep a stopped container or edge from being started', () => {
    const stopped = new Picture();
    stopped.deploy(first());
    stopped.copy('shop_production_api').isRunning = false;
    stopped.server('a').edge!.isRunning = false;
    expect(certainFailures([{ ...VITALS, freeBytes: 1e9 }], stopped.plan(first()))).toEqual([]);
  });
});

test.each([
  [0, 'ok: its clock agrees with ours'],
  [-30_000, 'ok: its clock agrees with ours'],
  [30_001, "warning: its clock is 30 s ahead of the runner's"],
  [-600_000, "warning: its clock is 600 s behind the runner's"],
])('a clock that is %i ms ahead', (aheadMs, expected) => {
  expect(told(judgeClock({ ...VITALS, aheadMs }))).toBe(expected);
});

test('a server that does not say how it does is named', () => {
  const picture = new Picture();
  const findings = judgeVitals('a', undefined, picture.plan(first()), picture.input(first()));
  expect(findings.map(told)).toEqual([expect.stringMatching(/^warning: the engine did not say in time/)]);
});

describe('memory', () => {
  const limited = (version: number) => {
    const api = service('api', { image: `api:${version}` });
    const db = database('db', { image: `db:${version}` });
    api.container.resources.memoryBytes = 0.8e9;
    db.container.resources.memoryBytes = 0.6e9;
    return shop([api, db]);
  };

  test('both copies of a toggle count, one that is recreated counts once', () => {
    const picture = new Picture();
    const judge = (version: number) => {
      const input = picture.input(limited(version));
      const findings = judgeVitals('a', VITALS, picture.plan(limited(version)), input);
      return findings.filter(({ check }) => check === 'memory').map(told)[0];
    };
    expect(judge(1)).toBe('ok: memory limits of 1.4 GB on 2.0 GB');
    picture.deploy(limited(1));
    expect(judge(2)).toBe(
      'warning: memory limits of 2.2 GB on 2.0 GB: when all is used, the kernel ends containers',
    );
    expect(judge(1)).toBe('ok: memory limits of 1.4 GB on 2.0 GB');
  });
});

describe('images', () => {
  test('that are missing are asked for, those of pull_policy always each time, forbidden ones never', () => {
    const picture = new Picture();
    const wanted = shop([
      service('api'),
      service('web', { policy: { pullPolicy: 'always' } }),
      service('old', { policy: { pullPolicy: 'never' } }),
    ]);
    const plan = picture.plan(wanted);
    expect(neededImages(plan, picture.input(wanted), 'a')).toEqual(['nginx:1.30', 'api:1', 'web:1']);
    expect(judgeForbiddenPulls(plan, 'a').map(told)).toEqual([
      'error: the image old:1 is not there, and pull_policy is "never"',
    ]);
    expect(certainFailures([VITALS], plan)).toHaveLength(1);
    picture.deploy(shop([service('api')]));
    expect(neededImages(picture.plan(first()), picture.input(first()), 'a')).toEqual([]);
  });

  test('what their registry says', () => {
    expect(judgeImages('a', []).map(told)).toEqual(['ok: no image has to be pulled']);
    expect(judgeImages('a', [{ image: 'api:1' }, { image: 'web:1', complaint: 'no' }]).map(told)).toEqual([
      'ok: api:1 can be pulled',
      'error: web:1 cannot be pulled: the registry did not give it (no)',
    ]);
  });
});

describe('ports', () => {
  const portsOf = (picture: Picture, wanted: ReturnType<typeof first>) =>
    neededPorts(picture.plan(wanted), picture.input(wanted), 'a').map(
      ({ address, number, owner }) => `${owner} ${address}:${number}`,
    );

  test('the edge needs its own, a new copy one on the private address, and only where there are several servers', () => {
    const picture = new Picture();
    const { host } = picture.input(first(2)).services[0]!.ports!;
    expect(portsOf(picture, first(2))).toEqual(['the edge 127.0.0.1:80', `api 10.0.0.1:${host}`]);
    picture.deploy(first(2));
    expect(portsOf(picture, first(2))).toEqual([]);
    expect(portsOf(picture, second(2))).toEqual([`api 10.0.0.1:${hostPort(host, 'secondary')}`]);
    expect(portsOf(new Picture(), first(1))).toEqual(['the edge 127.0.0.1:80']);
  });

  test('who has them', () => {
    const port = { address: '127.0.0.1', number: 80, owner: 'the edge' };
    expect(judgePorts('a', []).map(told)).toEqual(['ok: the ports that are needed are free']);
    expect(
      judgePorts('a', [
        { ...port, holder: 'apache' },
        { ...port, holder: undefined },
      ]).map(told),
    ).toEqual([
      'error: port 80, which the edge needs, is taken by apache',
      'error: port 80, which the edge needs, is taken by a program on the server',
    ]);
  });
});

test('nginx: what a deploy repairs is a warning', () => {
  const runs = { kind: 'edge', state: 'runs', name: 'e', version: '1.30.6', isNewEnough: true } as const;
  expect(judgeNginx('a', { kind: 'edge', state: 'missing' })).toEqual([]);
  const findings = [
    ...judgeNginx('a', { kind: 'sidecar', state: 'stopped', name: 's' }),
    ...judgeNginx('a', { ...runs, complaint: undefined }),
    ...judgeNginx('a', { ...runs, complaint: 'unknown directive "x"' }),
    ...judgeNginx('a', { ...runs, version: '1.22.1', isNewEnough: false, complaint: undefined }),
  ];
  expect(findings.map(told)).toEqual([
    'warning: the sidecar s does not run, and a deploy starts it',
    'ok: the edge has nginx 1.30.6, its configuration is valid',
    'warning: the edge e would not start with its configuration as it is now: unknown directive "x"',
    'warning: the edge e has nginx 1.22.1, and 1.28 is the oldest that loses no request',
  ]);
});

test('containers that do not do well are named', () => {
  const picture = new Picture();
  picture.deploy(shop([service('api'), service('web'), service('bad'), service('old')]));
  const [observed] = picture.input(first()).observed;
  expect(judgeHealth(observed!).map(told)).toEqual(['ok: what runs there runs well']);
  const conditions = [
    { state: 'running', restarts: 0, health: 'healthy' },
    { state: 'running', restarts: 7, health: undefined },
    { state: 'running', restarts: 0, health: 'unhealthy' },
    { state: 'exited', restarts: 0, health: undefined },
  ];
  const copies = observed!.copies.map((copy, at) => ({
    ...copy,
    name: `c${at}`,
    isRunning: conditions[at]!.state === 'running',
    condition: conditions[at]!,
  }));
  expect(judgeHealth({ ...observed!, copies }).map(told)).toEqual([
    'warning: c1 was started again 7 times',
    'warning: c2 is unhealthy, by the health check of its image',
    'warning: c3 does not run (exited)',
  ]);
});

test('the lease, and how findings are written', () => {
  expect(describeFinding(judgeLease(undefined))).toBe('lease: nobody changes the environment');
  expect(describeFinding(judgeLease('ann, run 7'))).toBe(
    'lease: the environment is being changed by ann, run 7',
  );
  expect(describeFinding(judgeClock(VITALS))).toBe('a: clock: its clock agrees with ours');
});
