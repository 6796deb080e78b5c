import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { hostPort } from '../../src/model/ports.ts';
import type { LabServer } from '../lab/lab.ts';
import { type HttpTraffic, startHttpTraffic } from '../lab/traffic/http.ts';
import { ask, versionOf } from './ask.ts';
import { collidingNames } from './colliding-names.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { size } from './size.ts';
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
    for (const project of projects) await project.leave();
    projects = [];
  }, 300_000);

  async function newProject(name: string): Promise<Project> {
    const project = await newWebShop(lab, name, servers);
    projects.push(project);
    return project;
  }

  function loadOn(project: string): HttpTraffic {
    traffic = startHttpTraffic({
      targets: servers.map(({ host }) => ({ host, port: 80 })),
      hostHeader: `${project}.example.com`,
      clients: size.clients,
      thinkMs: size.thinkMs,
      maxSeconds: 1_800,
    });
    return traffic;
  }

  async function expectNothingLost(load: HttpTraffic): Promise<void> {
    const { sent, ok, lost, losses, seconds } = await load.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBe(sent);
    console.log(`neighbours: ${sent} requests in ${seconds} s, ${lost} lost`);
  }

  test('ten services whose names hash to the same ports get ports of their own, for good', async () => {
    const crowd = await newProject('crowd');
    const scope = { project: 'crowd', environment: 'production' };
    const [late = '', ...names] = collidingNames(scope, 10, 3000).sort();
    const service = () => ({ ...webService(lab, 'crowd', 2), domain: undefined });
    crowd.edit((config) => {
      config.services = Object.fromEntries(names.map((name) => [name, service()]));
    });
    await crowd.deploy();
    const first = await portsOf(crowd);
    expect(Object.keys(first).sort()).toEqual(names);

    // The tenth comes before all others in the alphabet, and still has to take what is free.
    crowd.edit((config) => {
      config.services[late] = service();
      for (const name of names) config.services[name]!.environment = { ROUND: '2' };
    });
    await crowd.deploy();
    const all = await portsOf(crowd);
    expect(all).toMatchObject(first);
    for (const kind of ['host', 'internal'] as const) {
      expect(new Set(Object.values(all).map((ports) => ports[kind])).size).toBe(10);
    }
    expect((await crowd.deploy()).outputs).toMatchObject({ changed: 'false' });
    expect(await portsOf(crowd)).toEqual(all);

    const { services } = await crowd.state();
    for (const [name, { host, internal }] of Object.entries(all)) {
      const { side } = services[name]!.servers[0]!;
      expect(side).toBe(name === late ? 'base' : 'secondary');
      for (const server of servers) {
        const container = `crowd_production_${name}${side === 'base' ? '' : '_secondary'}`;
        expect(await server.docker('port', container)).toBe(
          `3000/tcp -> ${server.privateIp}:${hostPort(host, side)}`,
        );
        // Every service answers at its own internal port: each on its own host name.
        const names = await Promise.all(servers.map((one) => one.docker('exec', container, 'hostname')));
        expect(names).toContain((await askFrom(server, container, `http://nginx:${internal}/version`)).host);
      }
    }
  }, 600_000);

  test('a project of another repository comes and goes, and the first one never notices', async () => {
    const first = await newProject('first');
    await first.deploy();
    const standing = await first.standing();
    const edges = await edgesOf(servers);
    const load = loadOn('first');
    await load.untilSent(10 * size.clients);

    const second = await newProject('second');
    await second.deploy();
    for (const server of servers) {
      expect(await versionOf(server, 'second.example.com')).toBe('v1');
      await expectApart(server, 'first', 'second', (await portsOf(second)).web!.internal);
      await expectApart(server, 'second', 'first', (await portsOf(first)).web!.internal);
    }
    expect(await first.standing()).toEqual(standing);

    // Each is deployed beside the other, and neither forgets the other's routes.
    const others = await second.standing();
    await release(first, 'web', 'v2').deploy();
    expect(await second.standing()).toEqual(others);
    const moved = await first.standing();
    await release(second, 'web', 'v3').deploy();
    expect(await first.standing()).toEqual(moved);
    for (const server of servers) {
      expect(await versionOf(server, 'first.example.com')).toBe('v2');
      expect(await versionOf(server, 'second.example.com')).toBe('v3');
    }

    await second.leave();
    expect(await first.standing()).toEqual(moved);
    expect(await edgesOf(servers)).toEqual(edges);
    for (const server of servers) {
      expect((await ask(server, 'second.example.com')).status).toBe(404);
      expect(await versionOf(server, 'first.example.com')).toBe('v2');
      expect(await leftOf(server, 'second')).toEqual([]);
    }
    expect((await first.deploy()).outputs).toMatchObject({ changed: 'false' });
    await expectNothingLost(load);
  }, 600_000);

  test('two configurations of one repository share its record and nothing else', async () => {
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
    await load.untilSent(10 * size.clients);
    await Promise.all([release(front, 'web', 'v2').deploy(), release(back, 'web', 'v3').deploy()]);

    for (const server of servers) {
      expect(await versionOf(server, 'front.example.com')).toBe('v2');
      expect(await versionOf(server, 'back.example.com')).toBe('v3');
      await expectApart(server, 'front', 'back', (await portsOf(back)).web!.internal);
    }
    for (const project of [front, back]) {
      expect((await project.state()).services.web).toMatchObject({ release: 2, previous: 1 });
    }
    const standing = await front.standing();
    await back.leave();
    expect(await front.standing()).toEqual(standing);
    expect((await front.deploy()).outputs).toMatchObject({ changed: 'false' });
    expect((await front.state()).services.web).toMatchObject({ release: 2 });
    await expectNothingLost(load);
  }, 600_000);

  test('a second project with other settings of the edge is told which, before anything changes', async () => {
    const first = await newProject('settled');
    await first.deploy();
    const second = await newProject('unsettled');
    second.edit((config) => {
      config.sidecar = { ...lab.sidecar, keepalive_min_timeout: '7s' };
    });
    const { log } = await second.failToDeploy();
    expect(log).toMatch(/the edge on this server is shared with .*settled production.* other settings/);
    expect(log).toMatch(/keepalive_min_timeout \(\d+ ms there, 7000 ms here\)/);
    for (const server of servers) {
      expect(await versionOf(server, 'settled.example.com')).toBe('v1');
      expect((await ask(server, 'unsettled.example.com')).status).toBe(404);
      expect(await server.docker('ps', '--quiet', '--filter', 'name=^unsettled_production_web')).toBe('');
    }
    second.edit((config) => {
      config.sidecar = lab.sidecar;
    });
    await second.deploy();
  }, 300_000);
});

/** The two ports of every service, as they are recorded. */
async function portsOf(project: Project): Promise<Record<string, { host: number; internal: number }>> {
  const { services } = await project.state();
  return Object.fromEntries(
    Object.entries(services).map(([name, { host_port, internal_port }]) => [
      name,
      { host: host_port, internal: internal_port },
    ]),
  );
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
  const inside = await running(server, from);
  const web = await running(server, to);
  const sidecar = `${to}_production_nginx`;
  const [webAddress, sidecarAddress] = await Promise.all(
    [web, sidecar].map((name) => addressOf(server, name, to)),
  );
  for (const url of [
    `http://${web}:3000/`,
    `http://${webAddress}:3000/`,
    `http://${sidecar}:${internalPort}/`,
    `http://${sidecarAddress}:${internalPort}/`,
    `http://nginx:${internalPort}/`,
  ]) {
    await expect(askFrom(server, inside, url)).rejects.toThrow(/unreachable/);
  }
}

async function running(server: LabServer, project: string): Promise<string> {
  const filters = [
    '--filter',
    `label=switchyard.project=${project}`,
    '--filter',
    'label=switchyard.role=service',
  ];
  return (await server.docker('ps', '--format', '{{.Names}}', ...filters)).split('\n')[0]!;
}

async function addressOf(server: LabServer, container: string, project: string): Promise<string> {
  const network = `${project}_production_network`;
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await server.docker('inspect', '--format', format, container);
}

/** askFrom sends a GET from inside a container and returns the JSON answer; it throws `unreachable` after 1.5 s. */
async function askFrom(server: LabServer, container: string, url: string): Promise<Record<string, string>> {
  const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(1500) })
    .then(async (answer) => console.log(await answer.text()))
    .catch((error) => { console.error('unreachable: ' + (error.cause ?? error)); process.exitCode = 1; })`;
  return JSON.parse(await server.docker('exec', container, 'node', '-e', script, url));
}
