import { describe, expect, test } from '@jest/globals';
import { deployed } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { convergence, failureOf } from './story.ts';

/** A runner ends a run 7.5 s after it has asked it to end; a second of these is for what a real machine takes. */
const LONGEST_END_MS = 6_500;

const api = (version: number, count: number) =>
  shop([service('api', { image: `api:${version}`, servers: count })], servers(count));

/** Users open a stream that lasts for a minute with each new copy, as soon as it serves. */
describe.each([1, 2])(
  'a run on %i servers that is cancelled while users hold streams to the new copies',
  (count) => {
    test.each([
      ['when all have switched', /begins: drain/],
      ['while they are proven', /begins: prove/],
      ['while they switch', /begins: switch/],
    ])('%s, ends in time, and the next run finishes the work', async (_when, at) => {
      const world = await deployed(api(1, count));
      world.users.streamMs = 60_000;
      const { run, ended } = world.start(api(2, count), { strikes: [{ at, how: 'cancelled' }] });
      let cancelledAt = 0;
      run.signal.addEventListener('abort', () => {
        cancelledAt = world.clock.now();
      });
      expect(failureOf(await world.clock.finish(ended))).toMatchObject({ message: 'the run was cancelled' });
      expect(world.clock.now() - cancelledAt).toBeLessThan(LONGEST_END_MS);
      world.users.streamMs = 0;
      expect(await convergence(world, api(3, count))).toBeUndefined();
    });
  },
);
