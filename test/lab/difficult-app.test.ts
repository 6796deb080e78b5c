import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Front, type FrontApp, startFront } from './front.ts';

/** After how many seconds apps end idle connections: what is common, and what lies around it. */
const IDLE_SECONDS = [1, 2, 4, 5, 10];
/** So many clients send at once: each idle connection that nginx may have kept is met by one of them. */
const CLIENTS = 48;
/** The clients arrive so far apart, around the very moment when the app ends what is idle. */
const APART_MS = 0.5;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'LOCK', 'NOTIFY'];
const REPEATABLE = ['GET', 'PUT', 'DELETE'];

describe.each(['edge', 'sidecar'] as const)('behind a real %s', (kind) => {
  let front: Front;

  beforeAll(async () => {
    const idle = IDLE_SECONDS.map(
      (seconds): FrontApp => ({ name: `idle-${seconds}`, environment: { IDLE_MS: String(seconds * 1_000) } }),
    );
    front = await startFront(kind, [{ name: 'app' }, ...idle]);
  }, 120_000);

  afterAll(async () => {
    await front?.down();
  }, 60_000);

  describe('an app that ends idle connections', () => {
    test('loses nothing of any method, and runs nothing twice that must not be', async () => {
      const outcomes = await Promise.all(
        IDLE_SECONDS.map(async (seconds) => {
          const app = `idle-${seconds}`;
          const sent = await sendAround(front, app, seconds * 1_000);
          const runs = JSON.parse((await front.ask('/runs', { app })).body) as Record<string, number>;
          const twice = Object.entries(runs).filter(
            ([id, times]) => times > 1 && !REPEATABLE.some((one) => id.startsWith(one)),
          );
          return { seconds, sent: sent.length, lost: sent.filter((status) => status !== 200).length, twice };
        }),
      );
      console.log(
        outcomes.map(({ seconds, sent, lost }) => `${seconds} s: ${lost} of ${sent} lost`).join(', '),
      );
      for (const { lost, twice } of outcomes) expect({ lost, twice }).toEqual({ lost: 0, twice: [] });
    }, 120_000);

    test.each(METHODS)('is asked again where it died over a %s only if that may be', async (method) => {
      const { status } = await front.ask(`/die?id=${method}-died`, { app: 'app', method });
      expect(status).toBe(502);
      const runs = JSON.parse((await front.ask('/runs', { app: 'app' })).body) as Record<string, number>;
      if (!REPEATABLE.includes(method)) expect(runs[`${method}-died`]).toBe(1);
    });
  });
});

/** sendAround sends bursts of all methods around the moments when an app ends idle connections; returns the statuses. */
async function sendAround(front: Front, app: string, idleMs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const statuses: number[] = [];
  const until = Date.now() + 22_000;
  for (let burst = 0; Date.now() < until; burst++) {
    const begun = performance.now();
    const answers = Array.from({ length: CLIENTS }, async (_one, client) => {
      await sleep(client * APART_MS);
      const method = METHODS[client % METHODS.length]!;
      const id = `${method}-${burst}-${client}`;
      const sent = front.ask(`/run?id=${id}`, { app, method, agent });
      return await sent.then(
        ({ status }) => status,
        () => 0,
      );
    });
    statuses.push(...(await Promise.all(answers)));
    const between = Math.max(
      0,
      idleMs - (CLIENTS * APART_MS) / 2 - (performance.now() - begun) + CLIENTS * APART_MS * 0.5,
    );
    await sleep(between);
  }
  agent.destroy();
  return statuses;
}
