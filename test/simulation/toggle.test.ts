import { describe, expect, test } from '@jest/globals';
import { servers, service, shop } from './specs.ts';
import { World } from './world.ts';

const api = (version: number) => shop([service('api', { image: `api:${version}`, servers: 2 })], servers(2));

describe('A deploy on two servers', () => {
  test('brings a service up, and the next one goes to the other side', async () => {
    const world = new World();
    await world.deploy(api(1));
    expect(world.serving('api', 'b')).toBe('shop_production_api');
    await world.deploy(api(2));
    expect(world.running('a')).toEqual(['shop_production_api_secondary']);
    expect((await world.deploy(api(2))).changed).toBe(false);
    expect(await world.describe(api(2))).toEqual([
      'shop production: nothing to do, everything is as the file says',
    ]);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
  });
});
