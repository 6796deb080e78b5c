import { afterAll, beforeAll, describe, test } from '@jest/globals';
import type { Server } from '../../src/fleet/server.ts';
import { staticProvider } from '../../src/fleet/static.ts';
import { systemClock } from '../../src/model/clock.ts';
import { type Given, CONTRACT as OF_ENGINE } from '../simulation/world/contract.ts';
import { NGINX_CONTRACT } from '../simulation/world/contract-nginx.ts';
import { type Lab, type LabServer, startLab } from './lab.ts';

const CONTRACT = [...OF_ENGINE, ...NGINX_CONTRACT];
/** Cases that run side by side on a server; all together are over in half a minute. */
const SIDE_BY_SIDE = 6;
/** What the cases create is called so. */
const OWN = 'case';

let lab: Lab;
const connected: Server[] = [];
/** How each case came out, by engine and title. */
const outcomes = new Map<string, Promise<void>>();

beforeAll(async () => {
  lab = await startLab({ name: 'contract', servers: 2, log: console.log });
  for (const machine of lab.servers) {
    const server = await connect(machine);
    connected.push(server);
    runAll(machine, server);
  }
}, 600_000);

afterAll(async () => {
  await Promise.all(connected.map((server) => server.close()));
  await lab?.down();
});

describe.each(['trixie', 'bookworm'])('on the engine of %s', (suite) => {
  test.each(CONTRACT)('$title', async ({ title }) => outcomes.get(`${suite} ${title}`), 60_000);
});

/** runAll begins with all cases, so many at a time; each has names of its own. */
function runAll({ suite, ...machine }: LabServer, server: Server): void {
  const images = { nginx: lab.images.nginx, app: lab.images.web('v1') };
  const given: Given = {
    server,
    clock: systemClock,
    images,
    pause: async (container) => {
      await machine.docker('pause', container);
    },
    crash: async (container) => {
      const pid = await machine.docker('inspect', '--format', '{{.State.Pid}}', container);
      await machine.exec(['kill', '-KILL', pid]);
    },
  };
  const lanes = Array.from({ length: SIDE_BY_SIDE }, () => Promise.resolve());
  for (const [index, { title, run }] of CONTRACT.entries()) {
    const lane = index % SIDE_BY_SIDE;
    const done = lanes[lane]!.then(() => run(given, `${OWN}${index}`));
    lanes[lane] = done.catch(() => undefined);
    outcomes.set(`${suite} ${title}`, done);
    done.catch(() => undefined);
  }
}

async function connect({ host, port, hostKeys, zone, privateIp, index }: LabServer): Promise<Server> {
  const spec = { name: `s${index}`, host, port, user: 'deploy', hostKeys, zone, privateIp };
  return await staticProvider([spec], lab.keys.deploy).connect(spec);
}
