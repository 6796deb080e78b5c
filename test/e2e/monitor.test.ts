import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop, release } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'watched.example.com';

describe('A version that is healthy, and does not work', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let users: HttpTraffic;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    shop = await newWebShop(lab, 'watched', servers);
    shop.edit(({ services }) => {
      services.web!.monitor = { period: '60s', min_requests: 20, breaches: 2 };
    });
  });

  afterEach(async () => {
    await users.stop();
  });

  afterAll(async () => {
    await shop?.leave();
  });

  /** Users come, and the first version has answered some. */
  async function standsWithUsers(): Promise<void> {
    await shop.stands();
    users = startUsers(servers, DOMAIN, { path: '/work?ms=5', maxSeconds: 120 });
    await users.untilSent(100);
  }

  const versions = () => Promise.all(servers.map((server) => versionOf(server, DOMAIN)));

  test('is taken back when it fails one request in five, and users lose no more than it has failed', async () => {
    await standsWithUsers();
    const failed = await shop.failToDeploy({
      images: `web=${await lab.buildWeb('v2-faults', { FAULTS: '20' })}`,
    });
    expect(said(failed)).toMatch(
      /web fails (?:1\d|2\d)(?:\.\d)? % of its requests \(at most 5 %\), seen in the 60 s after the switch/,
    );
    expect(said(failed)).toMatch(/Release \d+ of web .*serves/);
    expect(await versions()).toEqual(['v1', 'v1']);
    const evidence = readdirSync(failed.outputs.evidence!, { recursive: true }).map(String);
    expect(evidence).toContainEqual(expect.stringMatching(/\/edge\.metrics\.txt$/));
    expect(evidence).toContainEqual(expect.stringMatching(/_web(?:_secondary)?\.log$/));
    const { lostByKind, ok } = await users.stop();
    console.log(
      `fell on users: ${JSON.stringify(lostByKind)} beside ${ok} answers; the run took ${failed.ms.toFixed(0)} ms`,
    );
    expect(Object.keys(lostByKind)).toEqual(['status 500']);
    expect(failed.ms).toBeLessThan(60_000);
  });

  fullSizeTest('is taken back when it is slow', async () => {
    await standsWithUsers();
    const failed = await shop.failToDeploy({
      images: `web=${await lab.buildWeb('v2-slow', { DELAY_MS: '700' })}`,
    });
    expect(said(failed)).toMatch(
      /web takes more than 500 ms for \d+(?:\.\d)? % of its answers \(at most 50 %\)/,
    );
    expect(await versions()).toEqual(['v1', 'v1']);
    expect((await users.stop()).lost).toBe(0);
  });

  test('one that works is watched to the end, and then the old one goes', async () => {
    await standsWithUsers();
    shop.edit(({ services }) => {
      services.web!.monitor = '6s';
    });
    release(shop, 'web', 'v2');
    const run = await shop.deploy();
    expect(run.log).toMatch('watches web for 6 s before its old containers go');
    expect(await versions()).toEqual(['v2', 'v2']);
    expect((await users.stop()).lost).toBe(0);
  });
});
