import { expect, jest, test } from '@jest/globals';
import { ask } from './ask.ts';
import { Example } from './example.ts';
import { borrow, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';

jest.setTimeout(600_000);

test('the example stack tells what its presets stand for', async () => {
  const stack = await Example.copy(await fleet(), 'stack');
  const { code, log } = await stack.run('plan', { presets: 'true' });
  expect({ code, log }).toEqual({
    code: 0,
    log: expect.stringMatching(/^db: postgres 18, [\s\S]*^cache: redis 8, /m),
  });
});

fullSizeTest(
  'the example stack is built and deployed, and an order goes through it into postgres',
  async () => {
    const lab = await borrow(1);
    try {
      const [server] = lab.servers;
      const stack = await Example.copy(lab, 'stack');
      const { code, log } = await stack.run('deploy');
      expect({ code, log: code === 0 ? '' : log }).toEqual({ code: 0, log: '' });
      expect(await ask(server!, 'stack.example.com', '/api/orders', 'lamp')).toMatchObject({ status: 202 });
      const seen = async (): Promise<string> => (await ask(server!, 'stack.example.com', '/')).body;
      const deadline = performance.now() + 20_000;
      let page = await seen();
      while (!page.includes('lamp') && performance.now() < deadline) page = await seen();
      expect(page).toBe('Ordered so far: lamp\n');
    } finally {
      lab.giveBack();
    }
  },
);
