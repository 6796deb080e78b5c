import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { ask } from './ask.ts';
import { Example } from './example.ts';
import { borrow, type LentServers } from './fleet.ts';

jest.setTimeout(600_000);

/** The databases make their own passwords where they can; here the run has them. */
const SECRETS = {
  secrets: JSON.stringify({ DB_PASSWORD: 'ofPostgresInTheLab', CACHE_PASSWORD: 'ofRedisInTheLab' }),
};

let lab: LentServers;

beforeAll(async () => {
  lab = await borrow(1);
});

afterAll(() => lab?.giveBack());

test('the example stack is built and deployed, and an order goes through api, redis and worker into postgres', async () => {
  const stack = await Example.copy(lab, 'stack');
  const { code, log } = await stack.run('deploy', SECRETS);
  expect({ code, log: code === 0 ? '' : log }).toEqual({ code: 0, log: '' });
  const [server] = lab.servers;
  const answer = await ask(server!, 'stack.example.com', '/api/orders', 'lamp');
  expect(answer.status).toBe(202);
  const seen = async (): Promise<string> => (await ask(server!, 'stack.example.com', '/')).body;
  const deadline = performance.now() + 20_000;
  let page = await seen();
  while (!page.includes('lamp') && performance.now() < deadline) page = await seen();
  expect(page).toBe('Ordered so far: lamp\n');
});
