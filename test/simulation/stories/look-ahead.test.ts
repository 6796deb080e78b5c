import { expect, test } from '@jest/globals';
import { deployed } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { failureOf } from './story.ts';

/** A run looks at the servers while its lease is on its way to the remote; what it saw counts if nobody came in between. */

const api = (version: number) => shop([service('api', { image: `api:${version}`, servers: 2 })], servers(2));
const BASE = 'shop_production_api';
const LISTED = /GET \/?containers\/json/;

test('the look at the servers costs no time of its own', async () => {
  const world = await deployed(api(1));
  const { timeline } = await world.deploy(api(2));
  const spanOf = (phase: string) => timeline.spans.filter((span) => span.phase === phase);
  const [[lease], looks] = [spanOf('lease'), spanOf('observe')];
  expect(looks).toHaveLength(1);
  expect(looks[0]!.startMs).toBeLessThan(lease!.endMs);
});

test('of two runs that look at once, the second one acts by what the first one has left', async () => {
  const world = await deployed(api(1));
  const runs = [world.start(api(2)), world.start(api(3))];
  const ended = await world.finish(...runs);
  expect(ended.map(failureOf)).toEqual([undefined, undefined]);
  const looks = runs.map(({ run }) => run.calls.filter((call) => LISTED.test(call)).length);
  // Both looked before either had the lease; whoever did not get it has looked once more at each of the servers.
  expect(Math.abs(looks[0]! - looks[1]!)).toBeGreaterThanOrEqual(2);
  expect(world.state.services.api).toMatchObject({ release: 3, previous: 2 });
  expect([world.running('a'), world.running('b')]).toEqual([[BASE], [BASE]]);
});

test('a service that the run has no image of keeps the one that serves', async () => {
  const both = (image: string) =>
    shop([service('api', { image }), service('web', { image: image === 'api:1' ? 'web:1' : 'web' })]);
  const world = await deployed(both('api:1'));
  await world.deploy(both('api:2'), { keptImages: ['web'] });
  const { api, web } = world.state.services;
  expect([api?.image, web?.image, web?.release]).toEqual(['api:2', 'web:1', 1]);
});
