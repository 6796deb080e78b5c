import { afterEach, expect, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { type HttpTraffic, startHttpTraffic } from '../lab/traffic/http.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { size } from './size.ts';
import { newWebShop, release } from './web-shop.ts';

const BASE = 'versions_production_web';

let lab: Fleet;
let shop: Project;
let traffic: HttpTraffic | undefined;

afterEach(async () => {
  await traffic?.stop();
  await shop.leave();
}, 120_000);

/** The third server has no copy: its edge reaches both others by their host ports. */
test('containers are called by their version and have ports of their own, from sides to versions and back', async () => {
  lab = await fleet();
  const servers = lab.servers.slice(0, 3);
  shop = await newWebShop(lab, 'versions', servers);
  shop.edit(({ services }) => {
    services.web!.servers = 2;
  });
  await shop.deploy();
  const { internal_port: internalPort, servers: copies } = (await shop.state()).services.web!;
  const holders = servers.filter(({ host }) => copies.some((copy) => copy.host === host));
  traffic = startHttpTraffic({
    targets: servers.map(({ host }) => ({ host, port: 80 })),
    hostHeader: 'versions.example.com',
    clients: size.clients / 2,
    thinkMs: size.thinkMs,
    maxSeconds: 600,
  });
  await traffic.untilSent(5 * size.clients);

  const ports: string[] = [];
  /** Deploys; the name and the port of the service's one container are the same on both servers. */
  const deploy = async () => {
    await shop.deploy();
    const standing = await Promise.all(holders.map((server) => standingOn(server)));
    expect(standing[1]!.name).toBe(standing[0]!.name);
    expect(standing[1]!.port).toBe(standing[0]!.port);
    const [{ name, port } = { name: '', port: '' }] = standing;
    const { web } = (await shop.state()).services;
    expect(web!.servers.map(({ container }) => container)).toEqual([name, name]);
    expect(web!.servers.map((copy) => String(copy.port))).toEqual([port, port]);
    expect(web!.internal_port).toBe(internalPort);
    ports.push(port);
    return name;
  };

  expect(await deploy()).toBe(BASE);
  shop.edit(({ services }) => {
    services.web!.naming = 'version';
  });
  expect(await deploy()).toBe(`${BASE}_v1`);
  release(shop, 'web', 'v2');
  expect(await deploy()).toBe(`${BASE}_v2`);
  shop.edit(({ services }) => {
    services.web!.environment = { ROUND: '2' };
  });
  expect(await deploy()).toMatch(new RegExp(`^${BASE}_v2_20\\d{6}t\\d{4}$`));
  expect((await shop.deploy()).outputs.changed).toBe('false');
  shop.edit(({ services }) => {
    delete services.web!.naming;
  });
  expect(await deploy()).toBe(BASE);
  // No two versions had one port; a side has the same one for ever.
  expect(new Set(ports).size).toBe(4);
  expect(ports.at(-1)).toBe(ports[0]);
  expect((await shop.deploy()).outputs.changed).toBe('false');

  await traffic.untilSent((await traffic.snapshot()).sent + 2 * size.clients);
  const { sent, ok, lost, losses } = await traffic.stop();
  expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  expect(ok).toBe(sent);
  console.log(`versions: ${sent} requests, ${lost} lost, ports ${ports.join(', ')}`);
}, 300_000);

/** The one container of the service on a server, as `docker ps` has it. */
async function standingOn(server: LabServer): Promise<{ name: string; port: string }> {
  const filters = ['project=versions', 'role=service'].flatMap((label) => [
    '--filter',
    `label=switchyard.${label}`,
  ]);
  const listing = await server.docker('ps', '--all', '--format', '{{.Names}} {{.Ports}}', ...filters);
  const match = /^(\S+) \S+:(\d+)->3000\/tcp\n?$/.exec(listing);
  if (match === null) throw new Error(`one container was expected on ${server.host}: ${listing}`);
  return { name: match[1]!, port: match[2]! };
}
