import { afterEach, expect, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { ConfigFile, Project } from './project.ts';
import { startUsers } from './users.ts';
import { newWebShop, release } from './web-shop.ts';

const BASE = 'versions_production_web';

let lab: Fleet;
let shop: Project;
let traffic: HttpTraffic | undefined;
/** The servers that have a copy. */
let holders: LabServer[];
let internalPort: number;
/** Host ports that the service has had. */
let ports: number[] = [];

afterEach(async () => {
  await traffic?.stop();
  await shop.leave();
}, 120_000);

/** The third server has no copy: its edge reaches both others by their host ports. */
async function deployOnTwoOfThree(change: (config: ConfigFile) => void = () => undefined): Promise<void> {
  lab = await fleet();
  const servers = lab.servers.slice(0, 3);
  shop = await newWebShop(lab, 'versions', servers);
  shop.edit((config) => {
    config.services.web!.servers = 2;
    change(config);
  });
  await shop.deploy();
  internalPort = (await shop.recorded('web')).internal_port!;
  holders = await shop.homesOf('web');
  ports = [];
  traffic = startUsers(servers, 'versions.example.com');
  await traffic.untilSent(50);
}

async function deploy(): Promise<string> {
  await shop.deploy();
  return await standing();
}

/** The service's one container: its name and port are the same on both servers, and are recorded. */
async function standing(): Promise<string> {
  const web = await shop.recorded('web');
  const [{ container = '', port = 0 } = {}] = web.copies;
  for (const server of holders) {
    expect(await standingOn(server)).toMatchObject({
      name: container,
      ports: expect.arrayContaining([port]),
    });
  }
  expect(web.copies).toEqual(holders.map(() => expect.objectContaining({ container, port })));
  expect(web.internal_port).toBe(internalPort);
  ports.push(port);
  return container;
}

function namedByVersion({ services }: ConfigFile): void {
  services.web!.naming = 'version';
}

async function expectNothingLost(): Promise<void> {
  await traffic!.untilSent((await traffic!.snapshot()).sent + 50);
  const { sent, ok, lost, losses } = await traffic!.stop();
  expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  expect(ok).toBe(sent);
  console.log(`versions: ${sent} requests, ${lost} lost, ports ${ports.join(', ')}`);
}

test('containers are called by their version and have ports of their own', async () => {
  await deployOnTwoOfThree(namedByVersion);
  expect(await standing()).toBe(`${BASE}_v1`);
  release(shop, 'web', 'v2');
  expect(await deploy()).toBe(`${BASE}_v2`);
  expect(new Set(ports).size).toBe(2);
  await expectNothingLost();
}, 300_000);

fullSizeTest(
  'from sides to versions and back',
  async () => {
    await deployOnTwoOfThree();
    expect(await deploy()).toBe(BASE);
    shop.edit(namedByVersion);
    expect(await deploy()).toBe(`${BASE}_v1`);
    shop.edit(({ services }) => {
      services.web!.environment = { ROUND: '2' };
    });
    expect(await deploy()).toMatch(new RegExp(`^${BASE}_v1_20\\d{6}t\\d{4}$`));
    expect((await shop.deploy()).outputs.changed).toBe('false');
    shop.edit(({ services }) => {
      delete services.web!.naming;
    });
    expect(await deploy()).toBe(BASE);
    // No two versions had one port; a side has the same one for ever.
    expect(new Set(ports).size).toBe(3);
    expect(ports.at(-1)).toBe(ports[0]);
    expect((await shop.deploy()).outputs.changed).toBe('false');
    await expectNothingLost();
  },
  300_000,
);

/** The one container of the service on a server and its host ports, as `docker ps` has them. */
async function standingOn(server: LabServer): Promise<{ name: string; ports: number[] }> {
  const filters = ['project=versions', 'role=service'].flatMap((label) => [
    '--filter',
    `label=switchyard.${label}`,
  ]);
  const listing = await server.docker('ps', '--all', '--format', '{{.Names}} {{.Ports}}', ...filters);
  const [line = '', ...others] = listing.trim().split('\n');
  if (others.length > 0) throw new Error(`one container was expected on ${server.host}: ${listing}`);
  const ports = [...line.matchAll(/:(\d+)->3000\/tcp/g)].map(([, port]) => Number(port));
  return { name: line.split(' ')[0]!, ports };
}
