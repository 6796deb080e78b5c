import { expect, test } from '@jest/globals';
import { isTunnelBroken } from '../../../src/model/errors.ts';
import { servers } from '../stories/specs.ts';
import type { Strike } from './faults.ts';
import { Simulation } from './simulation.ts';

/** A run that makes three networks on a server, and what becomes of it. */
async function making(...strikes: Strike[]) {
  const simulation = new Simulation();
  simulation.addServers(servers(2));
  const ended = await simulation.run(
    async ({ provider, signal }) => {
      const { engine } = await provider.connect(simulation.machine('a').spec);
      for (const Name of ['one', 'two', 'three']) {
        signal.throwIfAborted();
        await engine.createNetwork({ Name });
      }
      return await engine.findNetwork('three');
    },
    { strikes },
  );
  const made = [...simulation.machine('a').networks.keys()].filter((name) => name !== 'bridge');
  return { simulation, ended, made, calls: simulation.runs[0]!.calls };
}

test('calls are counted, and named', async () => {
  const { ended, calls } = await making();
  expect(ended.how).toBe('done');
  expect(calls).toEqual([
    'a POST networks/create one',
    'a POST networks/create two',
    'a POST networks/create three',
    'a GET networks/three',
  ]);
});

test('with a seed calls overtake each other, in the same way each time', async () => {
  const orderWith = async (seed?: number) => {
    const simulation = new Simulation(seed === undefined ? {} : { seed });
    simulation.addServers(servers(1));
    await simulation.run(async ({ provider }) => {
      const { engine } = await provider.connect(simulation.machine('a').spec);
      const names = ['one', 'two', 'three', 'four'];
      await Promise.all(names.map((Name) => engine.createNetwork({ Name })));
    });
    return [...simulation.machine('a').networks.keys()].slice(1).join(' ');
  };
  expect(await orderWith()).toBe('one two three four');
  const orders = await Promise.all([1, 2, 3, 4, 5].map(orderWith));
  expect(new Set(orders).size).toBeGreaterThan(2);
  expect(await orderWith(3)).toBe(orders[2]);
});

test.each<[string, Strike, string[]]>([
  ['before its second call', { at: 2, how: 'killed' }, ['one']],
  ['after its second call was done', { at: 2, when: 'after', how: 'killed' }, ['one', 'two']],
  ['at a call with a name', { at: /create three/, how: 'killed' }, ['one', 'two']],
])('a run that is killed %s does no more, and nobody hears of it', async (_when, strike, left) => {
  const { ended, made } = await making(strike);
  expect([ended.how, made]).toEqual(['killed', left]);
});

test('a run that is cancelled hears of it, and may still do what has to be done', async () => {
  const { ended, made } = await making({ at: 2, how: 'cancelled' });
  expect(ended).toMatchObject({ how: 'failed', error: { message: 'the run was cancelled' } });
  expect(made).toEqual(['one', 'two']);
});

test.each<[Strike['when'], string[]]>([
  ['before', ['one']],
  ['after', ['one', 'two']],
])('a run whose tunnel breaks %s a call cannot know whether it was done', async (when, left) => {
  const { ended, made } = await making({ at: 2, how: 'cut off', ...(when && { when }) });
  expect([ended.how, made]).toEqual(['failed', left]);
  if (ended.how === 'failed') expect(isTunnelBroken(ended.error)).toBe(true);
});

test('a tunnel that breaks for a moment is opened again, for what only reads', async () => {
  const { ended } = await making({ at: /GET networks/, when: 'after', how: 'cut off', forMs: 0 });
  expect(ended).toMatchObject({ how: 'done', value: { Name: 'three' } });
});

test('a server without power answers nobody, and is back with what its restart policies say', async () => {
  const { simulation, ended } = await making({ at: 3, how: 'switched off', forMs: 60_000 });
  expect(ended.how).toBe('failed');
  const machine = simulation.machine('a');
  expect(machine.isOff).toBe(true);
  await expect(simulation.run(({ provider }) => provider.connect(machine.spec))).resolves.toMatchObject({
    how: 'failed',
    error: { message: expect.stringContaining('cannot connect') },
  });
  await simulation.clock.pass(60_000);
  expect(machine.isOff).toBe(false);
  const { how } = await simulation.run(({ provider }) => provider.connect(machine.spec));
  expect(how).toBe('done');
});
