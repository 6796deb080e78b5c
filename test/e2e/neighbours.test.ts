import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { poll, systemClock } from '../../src/model/clock.ts';
import { hostPort } from '../../src/model/ports.ts';
import { CONFIG_FOLDER } from '../../src/nginx/tree.ts';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { ask, versionOf } from './ask.ts';
import { collidingNames } from './colliding-names.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { startUsers } from './users.ts';
import { newWebShop, release, webService } from './web-shop.ts';

/** Case 8: services, projects and configurations that share servers. */
describe('Neighbours on the same servers', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let projects: Project[] = [];
  let traffic: HttpTraffic | undefined;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
  });

  afterEach(async () => {
    await traffic?.stop();
    traffic = undefined;
    const leaving = projects;
    projects = [];
    await Promise.all(leaving.map((project) => project.leave()));
  }, 300_000);

  async function newProject(name: string, on = servers): Promise<Project> {
    const project = await newWebShop(lab, name, on);
    projects.push(project);
    return project;
  }

  function loadOn(project: string): HttpTraffic {
    traffic = startUsers(servers, `${project}.example.com`, { maxSeconds: 1_800 });
    return traffic;
  }

  /** The longest time for idle connections that somebody wants is that of the edge, and each has its accesses logged or not. */
  async function expectSettingsOfBoth(): Promise<void> {
    for (const server of servers) {
      expect(await keepaliveOf(server)).toBe('27s');
      await ask(server, 'second.example.com', '/of-second');
      await ask(server, 'first.example.com', '/of-first');
      // Lines leave nginx a second after the request.
      const isLogged = await poll(
        systemClock,
        { everyMs: 200, timeoutMs: 30_000 },
        async () => (await loggedPaths(server)).includes('/of-first') || undefined,
      );
      expect(isLogged).toBe(true);
      expect(await loggedPaths(server)).not.toContain('/of-second');
    }
  }

  async function expectNothingLost(load: HttpTraffic): Promise<void> {
    const { sent, ok, lost, losses, seconds } = await load.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBe(sent);
    console.log(`neighbours: ${sent} requests in ${seconds} s, ${lost} lost`);
  }

  fullSizeTest(
    'services whose names hash to the same ports get ports of their own, for good',
    async () => {
      const crowd = await newProject('crowd');
      const scope = { project: 'crowd', environment: 'production' };
      const names = collidingNames(scope, 10, 3000).sort();
      const [late = '', ...early] = names;
      const copies = 2;
      // The app tells its SIDE to whoever asks: here, which service it is.
      const service = (name: string, round: string) => ({
        ...webService(lab, 'crowd', copies),
        domain: undefined,
        environment: { SIDE: name, ROUND: round },
      });
      crowd.edit((config) => {
        config.services = Object.fromEntries(early.map((name) => [name, service(name, '1')]));
      });
      await crowd.deploy();
      const first = await portsOf(crowd);
      expect(Object.keys(first).sort()).toEqual(early);

      // The last one comes before all others in the alphabet, and still has to take what is free.
      crowd.edit((config) => {
        config.services = Object.fromEntries(names.map((name) => [name, service(name, '2')]));
      });
      await crowd.deploy();
      const all = await portsOf(crowd);
      expect(all).toMatchObject(first);
      for (const kind of ['host', 'internal'] as const) {
        expect(new Set(Object.values(all).map((ports) => ports[kind])).size).toBe(names.length);
      }
      expect((await crowd.deploy()).outputs).toMatchObject({ changed: 'false' });
      expect(await portsOf(crowd)).toEqual(all);

      const recorded = await Promise.all(names.map((name) => crowd.recorded(name)));
      for (const { copies: homes } of recorded) expect(homes).toHaveLength(copies);
      for (const server of servers) {
        const standing = await containersOn(server, 'crowd');
        const [inside] = Object.keys(standing);
        const urls = names.map((name) => `http://nginx:${all[name]!.internal}/version`);
        const answers = await askFrom(server, inside!, urls);
        for (const [index, name] of names.entries()) {
          const here = recorded[index]!.copies.filter((copy) => copy.server === server.host);
          for (const { slot, container } of here) {
            expect(slot).toBe(name === late ? 'base' : 'secondary');
            const port = hostPort(all[name]!.host, slot);
            expect(standing[container]!.ports).toBe(`${server.privateIp}:${port}->3000/tcp`);
          }
          // Every service answers at its own internal port, here or on the other server.
          expect(answers[index]).toContain('"version":"v1"');
          expect(answers[index]).toContain(`"side":"${name}"`);
        }
      }
    },
    600_000,
  );

  test('a project of another repository comes and goes, and the first one never notices', async () => {
    const first = await newProject('first');
    await first.deploy();
    const standing = await first.standing();
    const edges = await edgesOf(servers);
    const load = loadOn('first');
    await load.untilSent(50);

    const second = await newProject('second');
    second.edit((config) => {
      config.sidecar = { ...lab.sidecar, keepalive_min_timeout: '27s' };
      config.edge = { access_log: false };
    });
    await second.deploy();
    await expectSettingsOfBoth();
    for (const server of servers) {
      expect(await versionOf(server, 'second.example.com')).toBe('v1');
      await expectApart(server, 'first', 'second', (await portsOf(second)).web!.internal);
      await expectApart(server, 'second', 'first', (await portsOf(first)).web!.internal);
    }
    expect(await first.standing()).toEqual(standing);

    // It is deployed beside the other, and does not forget the other's routes.
    const others = await second.standing();
    await release(first, 'web', 'v2').deploy();
    expect(await second.standing()).toEqual(others);
    const moved = await first.standing();
    for (const server of servers) {
      expect(await versionOf(server, 'first.example.com')).toBe('v2');
      expect(await versionOf(server, 'second.example.com')).toBe('v1');
    }

    await second.leave();
    projects = [first];
    expect(await first.standing()).toEqual(moved);
    expect(await edgesOf(servers)).toEqual(edges);
    for (const server of servers) {
      expect((await ask(server, 'second.example.com')).status).toBe(404);
      expect(await versionOf(server, 'first.example.com')).toBe('v2');
      expect(await leftOf(server, 'second')).toEqual([]);
      expect(await keepaliveOf(server)).toBe(lab.sidecar.keepalive_min_timeout);
    }
    expect((await first.deploy()).outputs).toMatchObject({ changed: 'false' });
    await expectNothingLost(load);
  }, 600_000);

  fullSizeTest(
    'two configurations of one repository share its record and nothing else',
    async () => {
      const front = await newProject('front');
      const back = front.beside(
        {
          ...structuredClone(front.config),
          project: 'back',
          services: { web: webService(lab, 'back', servers.length) },
        },
        'deploy/back.yml',
      );
      projects.push(back);
      // At the same time: one branch, two leases, one edge a server.
      await Promise.all([front.deploy(), back.deploy()]);
      const load = loadOn('front');
      await load.untilSent(50);
      await Promise.all([release(front, 'web', 'v2').deploy(), release(back, 'web', 'v3').deploy()]);

      for (const server of servers) {
        expect(await versionOf(server, 'front.example.com')).toBe('v2');
        expect(await versionOf(server, 'back.example.com')).toBe('v3');
        await expectApart(server, 'front', 'back', (await portsOf(back)).web!.internal);
      }
      for (const project of [front, back]) {
        expect(await project.recorded('web')).toMatchObject({ release: 2, previous: 1 });
      }
      const standing = await front.standing();
      await back.leave();
      expect(await front.standing()).toEqual(standing);
      expect((await front.deploy()).outputs).toMatchObject({ changed: 'false' });
      expect(await front.recorded('web')).toMatchObject({ release: 2 });
      await expectNothingLost(load);
    },
    600_000,
  );
});

/** The two ports of every service, as they are recorded. */
async function portsOf(project: Project): Promise<Record<string, { host: number; internal: number }>> {
  const { services } = await project.state();
  return Object.fromEntries(
    Object.entries(services).map(([name, { host_port, internal_port }]) => [
      name,
      { host: host_port!, internal: internal_port! },
    ]),
  );
}

/** How long the edge of a server keeps idle connections at a reload. */
async function keepaliveOf(server: LabServer): Promise<string | undefined> {
  const text = await server.docker(
    'exec',
    'switchyard_edge',
    'nginx',
    '-T',
    '-q',
    '-c',
    `${CONFIG_FOLDER}/nginx.conf`,
  );
  return /keepalive_min_timeout (\S+);/.exec(text)?.[1];
}

/** The paths that the edge of a server has logged. */
async function loggedPaths(server: LabServer): Promise<string[]> {
  const log = await server.docker('logs', 'switchyard_edge');
  return log.split('\n').flatMap((line) => /"path":"([^"]*)"/.exec(line)?.[1] ?? []);
}

/** The edge of each server and when it was started: the same as long as nobody restarted it. */
function edgesOf(servers: readonly LabServer[]): Promise<string[]> {
  return Promise.all(
    servers.map((server) =>
      server.docker('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', 'switchyard_edge'),
    ),
  );
}

/** What is left of a project on a server: containers, networks and the sidecar's volume. */
async function leftOf(server: LabServer, project: string): Promise<string[]> {
  const filter = ['--filter', `name=${project}_production`];
  const found = await Promise.all([
    server.docker('ps', '--all', '--format', '{{.Names}}', ...filter),
    server.docker('network', 'ls', '--format', '{{.Name}}', ...filter),
    server.docker('volume', 'ls', '--format', '{{.Name}}', ...filter),
  ]);
  return found.flatMap((lines) => lines.split('\n')).filter((line) => line !== '');
}

/** From inside a container of one project, nothing of the other can be reached: no name, no address, no port. */
async function expectApart(server: LabServer, from: string, to: string, internalPort: number): Promise<void> {
  const [inside = ''] = Object.keys(await containersOn(server, from));
  const [web = ''] = Object.keys(await containersOn(server, to));
  const sidecar = `${to}_production_nginx`;
  const network = `${to}_production_network`;
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  const [webAddress, sidecarAddress] = (
    await server.docker('inspect', '--format', format, web, sidecar)
  ).split('\n');
  const answers = await askFrom(server, inside, [
    `http://${web}:3000/`,
    `http://${webAddress}:3000/`,
    `http://${sidecar}:${internalPort}/`,
    `http://${sidecarAddress}:${internalPort}/`,
    `http://nginx:${internalPort}/`,
  ]);
  expect(answers).toHaveLength(5);
  for (const answer of answers) expect(answer).toMatch(/^unreachable: /);
}

/** The running containers of a project's services on a server, by name, with their published ports. */
async function containersOn(server: LabServer, project: string): Promise<Record<string, { ports: string }>> {
  const filters = [`project=${project}`, 'role=service'].flatMap((label) => [
    '--filter',
    `label=switchyard.${label}`,
  ]);
  const listing = await server.docker('ps', '--format', '{{.Names}} {{.Ports}}', ...filters);
  return Object.fromEntries(
    listing
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '))
      .map(([name = '', ports = '']) => [name, { ports }]),
  );
}

/** askFrom sends GETs from inside a container, all at once; it returns the bodies, or `unreachable: …` after 3 s. */
async function askFrom(server: LabServer, container: string, urls: readonly string[]): Promise<string[]> {
  const script = `Promise.all(process.argv.slice(1).map((url) =>
    fetch(url, { signal: AbortSignal.timeout(3000) })
      .then((answer) => answer.text(), (error) => 'unreachable: ' + (error.cause ?? error))
  )).then((answers) => console.log(JSON.stringify(answers)))`;
  return JSON.parse(await server.docker('exec', container, 'node', '-e', script, ...urls));
}
