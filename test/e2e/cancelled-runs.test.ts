import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { RunningAction } from './action.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { size } from './size.ts';
import { newWebShop, release } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'cancelled.example.com';
/** GitHub gives a cancelled run 7.5 s before it insists. */
const CANCEL_MS = 7_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** What the kill matrix does not reach: a run is cancelled while it waits for somebody else. */
describe('A run that is cancelled', () => {
  let lab: Fleet;
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    shop = await newWebShop(lab, 'cancelled', lab.servers.slice(0, 1));
    await shop.deploy();
  });

  afterAll(async () => {
    await shop?.leave();
  });

  async function expectCancelled(run: RunningAction, signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
    const begun = performance.now();
    run.signal(signal);
    const { code, summary } = await run.done;
    expect(performance.now() - begun).toBeLessThan(CANCEL_MS);
    expect(code).not.toBe(0);
    expect(summary).toMatch(`the run was cancelled (${signal})`);
  }

  fullSizeTest.each(SIGNALS)('by %s while it waits for another run', async (signal) => {
    const version = signal === 'SIGINT' ? 'v2' : 'v3';
    const first = release(shop, 'web', version).start('toggle-deploy');
    await first.says(/^::debug::begins: /m);
    const second = release(shop, 'web', 'v1').start('toggle-deploy');
    await second.says(/is being changed by/);
    await expectCancelled(second, signal);
    expect((await first.done).code).toBe(0);
    expect(await versionOf(lab.servers[0]!, DOMAIN)).toBe(version);
    expect(await shop.lease()).toMatchObject({ released: true });
  });

  test.each(size.isFull ? SIGNALS : SIGNALS.slice(1))('by %s while it pulls', async (signal) => {
    const [before, record] = [await shop.standing(), await shop.recordId()];
    // Takes every connection, and never says a word.
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '0.0.0.0');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    shop.edit(({ services }) => {
      services.web!.image = `${lab.servers[0]!.host.replace(/\d+$/, '1')}:${port}/never/comes:1`;
    });
    const run = shop.start('toggle-deploy');
    await run.says(/^::debug::begins: pull: /m);
    await expectCancelled(run, signal);
    silent.close();
    expect(await shop.standing()).toEqual(before);
    expect(await shop.recordId()).toBe(record);
    expect(await shop.lease()).toMatchObject({ released: true });
  });
});
