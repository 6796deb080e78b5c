import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { hostPort } from '../../src/model/ports.ts';
import type { LabServer } from '../lab/lab.ts';
import { knock, versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type Project, serversOf } from './project.ts';
import { startUsers } from './users.ts';
import { newProject, redisService, webService } from './web-shop.ts';

jest.setTimeout(300_000);

/** Case 11: what is open to whom, and environments that grow and shrink. */
describe('Ports', () => {
  let lab: Fleet;
  let first: LabServer;
  let second: LabServer;
  const projects: Project[] = [];

  beforeAll(async () => {
    lab = await fleet();
    [first, second] = lab.servers as [LabServer, LabServer];
  });

  afterAll(async () => {
    await Promise.all(projects.map((project) => project.leave()));
  });

  async function shopOn(name: string, servers: LabServer[]): Promise<Project> {
    const project = await newProject(lab, name, servers, {
      cache: {
        ...redisService(lab),
        protocol: 'tcp',
        volumes: ['cache-data:/data'],
        strategy: 'recreate',
      },
      api: {
        ...webService(lab, name, servers.length),
        domain: `api.${name}.example`,
        depends_on: ['cache'],
      },
    });
    projects.push(project);
    return project;
  }

  describe('of two projects', () => {
    let shop: Project;
    let stranger: Project;
    /** Where the cache of the shop stands, and the stranger beside it. */
    let home: LabServer;

    beforeAll(async () => {
      shop = await shopOn('closed', [first, second]);
      await shop.deploy();
      [home] = (await shop.homesOf('cache')) as [LabServer];
      stranger = await shopOn('stranger', [home]);
      await stranger.deploy();
    });

    test('host ports are open on the private address, to the other servers, and nowhere else', async () => {
      const [api, cache] = [await shop.recorded('api'), await shop.recorded('cache')];
      const published = api.copies.map((copy) => ({
        server: lab.servers.find(({ host }) => host === copy.server)!,
        port: copy.port!,
      }));
      expect(published).toHaveLength(2);
      for (const { server, port } of published) {
        const neighbour = server === first ? second : first;
        expect(await knockFrom(neighbour, server.privateIp, port)).toBe('open');
        expect(await knockFrom(neighbour, server.host, port)).toBe('closed');
        expect(await knock(server.host, port)).toBe('refused');
        expect(await knock(server.host, api.internal_port!)).toBe('refused');
        expect(await knock(server.host, cache.internal_port!)).toBe('refused');
      }
    });

    test('an internal port is reached from its own network, and from no other project', async () => {
      const { internal_port, copies } = await shop.recorded('cache');
      const port = internal_port!;
      expect(port).not.toBe((await stranger.recorded('cache')).internal_port);
      const sidecar = await addressOf(home, 'closed_production_nginx', 'closed_production_network');
      const container = await addressOf(home, copies[0]!.container, 'closed_production_network');

      expect(await knockInside(home, 'closed', 'nginx', port)).toBe('open');
      expect(await knockInside(home, 'closed', sidecar, port)).toBe('open');
      expect(await knockInside(home, 'closed', container, 6379)).toBe('open');
      // The other project: by name it finds its own sidecar, by address it finds nobody.
      expect(await knockInside(home, 'stranger', 'nginx', port)).toBe('closed');
      expect(await knockInside(home, 'stranger', sidecar, port)).toBe('closed');
      expect(await knockInside(home, 'stranger', container, 6379)).toBe('closed');
      expect(await knockInside(home, 'stranger', 'switchyard_edge', port)).toBe('closed');
      expect(await knockInside(home, 'stranger', 'switchyard_edge', 80)).toBe('open');
    });
  });

  fullSizeTest('an environment of one server publishes nothing but the edge', async () => {
    const shop = await shopOn('alone', [first]);
    await shop.deploy();
    const listing = await first.docker(
      ...['ps', '--filter', 'label=switchyard.project=alone', '--format', '{{.Names}} {{.Ports}}'],
    );
    expect(listing).toMatch(/^alone_production_api /m);
    expect(listing).not.toMatch('->');
    const edge = await first.docker('ps', '--filter', 'name=^switchyard_edge$', '--format', '{{.Ports}}');
    const open = [...edge.matchAll(/:(\d+)->/g)].map((match) => Number(match[1]));
    expect([...new Set(open)].sort()).toEqual([80]);
    const { host_port, internal_port } = await shop.recorded('api');
    for (const closed of [host_port!, hostPort(host_port!, 'secondary'), internal_port!, 3000]) {
      expect(await knock(first.host, closed)).toBe('refused');
    }
    expect(await knock(first.host, 80)).toBe('open');
  });

  fullSizeTest(
    'from one server to two and back: no request is lost, and the plan names every restart',
    async () => {
      const shop = await shopOn('growing', [first]);
      await shop.deploy();
      const domain = 'api.growing.example';
      const traffic = startUsers([first], domain);
      try {
        await traffic.untilSent(100);
        resize(shop, [first, second]);
        const dry = await shop.deploy({ 'dry-run': 'true' });
        const grown = await shop.deploy();
        for (const { log } of [dry, grown]) {
          expect(log).toMatch(/^ {2}api 1.*: new containers beside the old ones/m);
          expect(log).toMatch(/^ {2}cache 1.*: RESTART: the old container stops before the new one starts/m);
        }
        for (const server of [first, second]) {
          expect(await versionOf(server, domain)).toBe('v1');
          expect(await shop.containers(server, 'api')).toHaveLength(1);
        }
        expect(await shop.homesOf('api')).toEqual([first, second]);
        expect((await shop.deploy()).outputs.changed).toBe('false');

        resize(shop, [first]);
        const shrunk = await shop.deploy();
        expect(shrunk.log).toMatch(`${second.host} left the file: what still runs there stays`);
        expect(shrunk.log).toMatch(/^ {2}cache 1.*: RESTART/m);
        expect(await shop.homesOf('api')).toEqual([first]);
        expect((await shop.deploy()).outputs.changed).toBe('false');
        const { lost, losses, ok } = await traffic.stop();
        expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
        expect(ok).toBeGreaterThan(200);
      } finally {
        await traffic.stop();
        // The second server comes back into the file, so that leaving takes everything off both.
        resize(shop, [first, second]);
      }
    },
  );

  function resize(project: Project, servers: LabServer[]): void {
    project.edit(({ environments, services }) => {
      environments.production!.servers = serversOf(servers);
      services.api!.servers = servers.length;
    });
  }

  /** Whether a server can open a connection; two seconds without an answer are closed too. */
  async function knockFrom(server: LabServer, host: string, port: number): Promise<'open' | 'closed'> {
    const tried = await server.exec([
      'timeout',
      '2',
      'bash',
      '-c',
      'exec 3<>"/dev/tcp/$0/$1"',
      host,
      String(port),
    ]);
    return tried.code === 0 ? 'open' : 'closed';
  }

  /** The same from a container in the network of a project. */
  async function knockInside(
    server: LabServer,
    project: string,
    host: string,
    port: number,
  ): Promise<'open' | 'closed'> {
    const script = `const socket = require('net').connect({ host: process.argv[1], port: Number(process.argv[2]), timeout: 2000 });
socket.once('connect', () => process.exit(0));
for (const event of ['error', 'timeout']) socket.once(event, () => process.exit(7));`;
    const tried = await server.exec([
      ...['docker', 'run', '--rm', '--network', `${project}_production_network`, '--entrypoint', 'node'],
      ...[lab.images.web('v1'), '-e', script, host, String(port)],
    ]);
    if (tried.code !== 0 && tried.code !== 7) throw new Error(tried.stderr);
    return tried.code === 0 ? 'open' : 'closed';
  }

  async function addressOf(server: LabServer, container: string, network: string): Promise<string> {
    const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    return (await server.docker('inspect', '--format', format, container)).trim();
  }
});
