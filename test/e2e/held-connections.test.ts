import { afterEach, expect, test } from '@jest/globals';
import { holdRequests } from '../lab/traffic/held.ts';
import { fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { size } from './size.ts';
import { newWebShop, release } from './web-shop.ts';

let shop: Project;

afterEach(async () => shop.leave(), 180_000);

/** Case 3. The second wave takes so long that it is in flight at the switch also on a slow machine. */
test('requests in flight on many connections when the routes switch are all answered', async () => {
  const lab = await fleet();
  const servers = lab.servers.slice(2, 4);
  shop = await newWebShop(lab, 'held', servers);
  await shop.deploy();
  const hold = (method: 'GET' | 'POST', ms: number) =>
    holdRequests({
      targets: servers.map(({ host }) => ({ host, port: 80 })),
      hostHeader: 'held.example.com',
      count: size.heldConnections,
      method,
      path: `/slow?ms=${ms}`,
    });

  const deploy = release(shop, 'web', 'v2').start('toggle-deploy');
  await deploy.says(/plan/);
  const first = await hold('GET', 3_000);
  await deploy.says(/web on .*: start/);
  const second = await hold('POST', 10_000);
  await deploy.says(/: switch \(/m);
  const [firstAtSwitch, secondAtSwitch] = await Promise.all([first.snapshot(), second.snapshot()]);
  const { code, log } = await deploy.done;
  const results = await Promise.all([first.finished(), second.finished()]);

  expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
  expect(firstAtSwitch.inFlight + secondAtSwitch.inFlight).toBeGreaterThanOrEqual(size.heldConnections);
  for (const { sent, ok, lost, losses } of results) {
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect([sent, ok]).toEqual([size.heldConnections, size.heldConnections]);
  }
  console.log(
    `held: ${firstAtSwitch.inFlight} + ${secondAtSwitch.inFlight} in flight at the switch`,
    results.map(({ ok, versions, latency }) => ({ ok, versions, latency })),
  );
}, 300_000);
