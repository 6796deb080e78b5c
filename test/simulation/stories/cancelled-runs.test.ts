import { describe, expect, test } from '@jest/globals';
import { World } from '../world/world.ts';
import { deployed } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { convergence, failureOf } from './story.ts';

/** A runner ends a run 7.5 s after it has asked it to end; a second of these is for what a real machine takes. */
const LONGEST_END_MS = 6_500;

const api = (version: number, count: number) =>
  shop([service('api', { image: `api:${version}`, servers: count })], servers(count));

const MOMENTS: Readonly<Record<string, RegExp>> = {
  'when all have switched': /begins: drain/,
  'while they are proven': /begins: prove/,
  'while they switch': /begins: switch/,
};
const WANTED: Readonly<Record<string, number>> = {
  'the version before': 1,
  'the same version': 2,
  'a third version': 3,
};
const STORIES = [1, 2].flatMap((count) => [
  ...['while they are proven', 'while they switch'].map((moment) => ({ count, moment, isFirst: true })),
  ...Object.keys(MOMENTS).map((moment) => ({ count, moment, isFirst: false })),
]);

/** Somebody is connected to each copy of a service for a minute from now on. */
function stay(world: World): void {
  for (const name of world.machines.keys()) {
    for (const { namespace } of world.containersOf(name, 'service')) {
      const connection = { port: 3000, from: '10.200.0.3' };
      namespace.connections.add(connection);
      world.clock.after(60_000, () => namespace.connections.delete(connection));
    }
  }
}

/** Who is connected to a new copy when its traffic is taken back keeps its drain from ending in time. */
describe.each(STORIES)(
  '$moment on $count servers (a first deploy: $isFirst), a run is cancelled',
  (story) => {
    const { count, moment, isFirst } = story;
    test.each(Object.keys(WANTED))('ends in time, and the next run brings %s', async (next) => {
      const world = isFirst ? new World() : await deployed(api(1, count));
      const { run, ended } = world.start(api(2, count), {
        strikes: [{ at: MOMENTS[moment]!, how: 'cancelled' }],
      });
      let cancelledAt = 0;
      run.signal.addEventListener('abort', () => {
        cancelledAt = world.clock.now();
        stay(world);
      });
      expect(failureOf(await world.clock.finish(ended))).toMatchObject({ message: 'the run was cancelled' });
      expect(world.clock.now() - cancelledAt).toBeLessThan(LONGEST_END_MS);
      expect(await convergence(world, api(WANTED[next]!, count))).toBeUndefined();
    });
  },
);
