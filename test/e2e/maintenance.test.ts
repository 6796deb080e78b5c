import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { type Answer, ask, versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { resultOf } from './recorded.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newProject, release, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const WEB = 'web.paused.example';
const OPEN = 'open.paused.example';
const WIKI = 'wiki.paused.example';
const PAGE = '<!doctype html><title>Closed</title><p>The "shop" opens in $DAYS days; {soon} \\o/</p>\n';
/** From the first answer of the new state to the last of the old, over all servers. */
const AT_ONCE_MS = 1_000 * size.patience;

describe('A shop is closed and opened while its users are there', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let neighbours: HttpTraffic | undefined;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    const service = webService(lab, 'paused', 2);
    shop = await newProject(lab, 'paused', servers, {
      web: { ...service, domain: WEB },
      open: { ...service, domain: OPEN },
      wiki: {
        ...service,
        domain: WIKI,
        servers: 1,
        volumes: ['pages:/data'],
        environment: { JOURNAL: '/data/journal' },
        strategy: 'recreate',
        queue_requests: '30s',
      },
    });
    writeFileSync(join(shop.folder, 'closed.html'), PAGE);
    await shop.git('add', 'closed.html');
    await shop.git('commit', '-qm', 'A page');
    await shop.stands();
    neighbours = startUsers(servers, OPEN);
  });

  /** Users of the service beside it have not noticed anything. */
  afterAll(async () => {
    const { lost, losses } = (await neighbours?.stop()) ?? {};
    await shop.leave();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  });

  /** The action, as somebody runs it who is known by name. */
  async function switched(state: 'on' | 'off', inputs: Record<string, string> = {}): Promise<ActionRun> {
    const run = await shop.run(
      'maintenance',
      { state, service: 'web', ...inputs },
      { GITHUB_ACTOR: 'octocat' },
    );
    expect(run).toMatchObject({ code: 0 });
    return run;
  }

  /** The requests for work that have ever reached the wiki, one a line. */
  const journal = async (server: LabServer) =>
    (await ask(server, WIKI, '/journal')).body.split('\n').filter((line) => line !== '');
  const answers = () => Promise.all(servers.map((server) => ask(server, WEB)));
  const closed = (page: unknown = expect.stringContaining('We will be right back')) =>
    servers.map(() => ({ status: 503, body: page }));
  const served = (version: string) =>
    servers.map(() => ({ status: 200, body: expect.stringContaining(`"version":"${version}"`) }));

  test('it is closed at once, deployed meanwhile, and opened at once', async () => {
    const users = startUsers(servers, WEB);
    const eyes = servers.map((server) => new Eye(server, WEB));
    const on = await switched('on', { reason: 'a new database' });
    await sleep(100);
    const closing = flip(await Promise.all(eyes.map((eye) => eye.close())));
    expect(closing).toMatchObject({ from: [200], to: [503] });
    expect(closing.ms).toBeLessThan(AT_ONCE_MS);
    expect(await answers()).toEqual(closed());
    expect(JSON.parse(on.outputs.result!)).toMatchObject({
      web: { from: 'action', servers: servers.map(({ host }) => host), reason: 'a new database' },
    });

    release(shop, 'web', 'v2');
    const [status, plan] = await Promise.all([shop.run('status'), shop.run('plan')]);
    const told = /web is in maintenance \(since \S+Z by octocat, run \S+: a new database\)/;
    for (const run of [status, plan]) expect(said(run)).toMatch(told);
    for (const { summary } of [status, plan]) expect(summary).toMatch(told);

    // It is opened and closed while the deploy runs, which notices nothing.
    const deploy = shop.start('toggle-deploy');
    await deploy.says(/^::debug::begins: start/m);
    await switched('off');
    expect((await answers()).map(({ status }) => status)).toEqual(servers.map(() => 200));
    await switched('on', { reason: 'a new database' });
    const deployed = await deploy.done;
    expect(deployed).toMatchObject({ code: 0 });
    expect(resultOf(deployed, 'web')).toMatchObject({ probe: { lost: 0 } });
    expect(said(deployed)).toMatch(told);
    expect(await answers()).toEqual(closed());
    // Users got the page, and nothing else that was no answer.
    expect(Object.keys((await users.stop()).lostByKind)).toEqual(['status 503']);

    const again = servers.map((server) => new Eye(server, WEB));
    const off = await switched('off');
    await sleep(100);
    const opening = flip(await Promise.all(again.map((eye) => eye.close())));
    expect(opening).toMatchObject({ from: [503], to: [200] });
    expect(opening.ms).toBeLessThan(AT_ONCE_MS);
    expect(await answers()).toEqual(served('v2'));
    console.log(
      `closed on both within ${closing.ms} ms, run ${on.ms.toFixed(0)} ms; opened within ${opening.ms} ms, run ${off.ms.toFixed(0)} ms`,
    );
  });

  fullSizeTest('the file closes it with a page of its own, and the action does not open it', async () => {
    shop.edit(({ services }) => {
      services.web!.maintenance = { enabled: true, page: './closed.html' };
    });
    expect(resultOf(await shop.deploy(), 'web')).toMatchObject({ effect: 'reload' });
    expect(await answers()).toEqual(closed(PAGE));
    expect(said(await switched('off'))).toMatch('web stays in maintenance: switchyard.yml says so');
    expect(said(await shop.run('status'))).toMatch('web is in maintenance (switchyard.yml says so)');
    expect(await answers()).toEqual(closed(PAGE));
    shop.edit(({ services }) => {
      delete services.web!.maintenance;
    });
    await shop.deploy();
    expect(await answers()).toEqual(served('v2'));
  });

  test('a single writer is replaced under load: its users wait, none is lost, and no POST is done twice', async () => {
    const [home] = await shop.homesOf('wiki');
    const load = { clients: size.clients / 2, timeoutMs: 60_000 };
    // The volume outlives the project.
    const doneBefore = (await journal(home!)).length;
    const users = [true, false].map((keepAlive) => startUsers(servers, WIKI, { ...load, keepAlive }));
    await Promise.all(users.map((one) => one.untilSent(50)));
    release(shop, 'wiki', 'v2');
    const run = await shop.deploy();
    expect(run.log).toMatch(/^::debug::begins: hold: have new requests for wiki wait/m);
    await Promise.all(users.map((one) => one.untilVersion('v2')));
    const results = await Promise.all(users.map((one) => one.stop()));
    expect(results.flatMap(({ losses }) => losses)).toEqual([]);
    expect(results.map(({ lost, sent, ok }) => [lost, sent - ok])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(await versionOf(home!, WIKI)).toBe('v2');

    const done = (await journal(home!)).slice(doneBefore);
    const posts = done.filter((line) => line.startsWith('POST '));
    const sent = results.reduce((sum, one) => sum + one.sent, 0);
    expect(posts).toHaveLength(new Set(posts).size);
    expect(new Set(done).size).toBe(sent);
    const longest = Math.max(...results.map(({ latency }) => latency.max));
    console.log(
      `${sent} requests, ${posts.length} of them POSTs, none lost; the longest waited ${longest} ms`,
    );
    expect(longest).toBeLessThan(30_000);
  });
});

/** What came at a moment, in milliseconds since 1970. */
interface Seen extends Pick<Answer, 'status'> {
  begun: number;
  at: number;
}

/** Eye asks one server for a domain again and again, over a connection of its own each time. */
class Eye {
  readonly #seen: Seen[] = [];
  readonly #done: Promise<void>;
  #isClosed = false;

  constructor(server: LabServer, domain: string) {
    this.#done = this.#look(server, domain);
  }

  async close(): Promise<Seen[]> {
    this.#isClosed = true;
    await this.#done;
    return this.#seen;
  }

  async #look(server: LabServer, domain: string): Promise<void> {
    while (!this.#isClosed) {
      const begun = Date.now();
      const { status } = await ask(server, domain);
      this.#seen.push({ status, begun, at: Date.now() });
      await sleep(10);
    }
  }
}

/**
 * flip returns what servers answered before and after a change, and how long it took from the first answer of the new
 * kind to the last request that got the old one. It throws where a server went back to what it had answered before.
 */
function flip(seen: readonly Seen[][]): { from: number[]; to: number[]; ms: number } {
  const all = seen.flat();
  const before = seen.map(([first]) => first!.status);
  const after = seen.map((one) => one.at(-1)!.status);
  for (const one of seen) {
    const turns = one.filter(({ status }, index) => index > 0 && status !== one[index - 1]!.status);
    if (turns.length !== 1) throw new Error(`it did not change once: ${JSON.stringify(turns)}`);
  }
  const firstNew = Math.min(...all.filter(({ status }) => after.includes(status)).map(({ at }) => at));
  const lastOld = Math.max(...all.filter(({ status }) => before.includes(status)).map(({ begun }) => begun));
  return { from: [...new Set(before)], to: [...new Set(after)], ms: Math.max(0, lastOld - firstNew) };
}
