import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop, release } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'crowd.example.com';

describe('Several copies of a service on each of two servers', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let users: HttpTraffic;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    shop = await newWebShop(lab, 'crowd', servers);
  });

  afterEach(async () => {
    await users?.stop();
  });

  afterAll(async () => {
    await shop?.leave();
  });

  const has = (replicas: number) => (config: Project['config']) => {
    config.services.web!.replicas = replicas;
  };
  const containers = () => Promise.all(servers.map((server) => shop.containers(server, 'web')));
  const named = (...endings: string[]) => endings.map((ending) => `crowd_production_web${ending}`);

  /** Which copies answer at a server, by the names of their hosts. */
  async function answering(server: LabServer): Promise<Set<string>> {
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(server, DOMAIN)));
    return new Set(answers.map(({ body }) => (JSON.parse(body) as { host: string }).host));
  }

  test('two are replaced together, become three, and one: users lose nothing', async () => {
    await shop.stands(has(2));
    const [first, second] = await containers();
    expect([first, second]).toEqual([named('', '_3'), named('', '_3')]);
    users = startUsers(servers, DOMAIN);
    await users.untilSent(50);
    expect((await answering(servers[0]!)).size).toBe(4);

    release(shop, 'web', 'v2');
    await shop.deploy();
    expect(await containers()).toEqual([named('_4', '_secondary'), named('_4', '_secondary')]);

    const before = await shop.standing();
    shop.edit(has(3));
    const grown = await shop.deploy();
    expect(said(grown)).toContain('3 copies on');
    expect(await shop.standing()).toMatchObject(before);
    expect((await answering(servers[1]!)).size).toBe(6);

    shop.edit(has(1));
    await shop.deploy();
    expect(await containers()).toEqual([named('_secondary'), named('_secondary')]);
    const { lost, ok } = await users.stop();
    console.log(`${ok} requests through 2 → toggle → 3 → 1 copies on two servers, ${lost} lost`);
    expect(lost).toBe(0);
  });
});
