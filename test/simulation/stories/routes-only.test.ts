import { expect, test } from '@jest/globals';
import { deployed } from './deployed.ts';
import { service, shop } from './specs.ts';

/** update-nginx: what it compares, and what it leaves to a deploy. */

const api = (image = 'api:1') => shop([service('api', { image })]);
const ROUTES_ONLY = { routesOnly: true };
const NOTHING_ROUTED =
  'shop production: nothing to do: edge and sidecar serve what is deployed (api 1). Images and settings of the file were not compared, a deploy does that';

test('with nothing to do says what was compared', async () => {
  const world = await deployed(api());
  expect(await world.describe(api(), ROUTES_ONLY)).toEqual([NOTHING_ROUTED]);
  expect((await world.deploy(api(), ROUTES_ONLY)).notes).toEqual([]);
});

test('names what the file says otherwise, and what does not run', async () => {
  const world = await deployed(api());
  const machine = world.machine('a');
  await world.clock.finish(machine.stop(machine.need('shop_production_api'), 0));
  const file = shop([service('api', { image: 'api:2' }), service('web')]);
  const notes = [
    'api: shop_production_api on a does not run; a deploy repairs it',
    'api: the file has another image (api:2) than release 1 (api:1); a deploy brings it',
    'web is in the file and not deployed; a deploy brings it',
  ];
  expect(await world.describe(file, ROUTES_ONLY)).toEqual([NOTHING_ROUTED]);
  expect((await world.plan(file, ROUTES_ONLY)).notes).toEqual(notes);
  const { notes: told, changed } = await world.deploy(file, ROUTES_ONLY);
  expect({ told, changed }).toEqual({ told: notes, changed: false });
  await world.deploy(file);
});

test('names other settings of the same image', async () => {
  const world = await deployed(api());
  const file = shop([service('api', { environment: { LEVEL: 'debug' } })]);
  expect((await world.plan(file, ROUTES_ONLY)).notes).toEqual([
    'api: the file has other settings than release 1 (api:1); a deploy brings them',
  ]);
});

test('a deploy of one service says that it compared no other', async () => {
  const world = await deployed(shop([service('api'), service('web')]));
  const changed = shop([service('api'), service('web', { image: 'web:2' })]);
  expect(await world.describe(changed, { services: ['api'] })).toEqual([
    'shop production: nothing to do for api, as the file says; other services were not compared',
  ]);
});
