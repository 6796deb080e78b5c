import { describe, expect, test } from '@jest/globals';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { deployed, NOTHING } from './deployed.ts';
import { service, shop } from './specs.ts';
import { rest } from './story.ts';

const plain = (image: string) => shop([service('api', { image })]);
const fronted = (wanted: EnvironmentSpec): EnvironmentSpec => ({
  ...wanted,
  nginx: { ...wanted.nginx, trustedProxies: ['10.0.0.0/8'], proxyProtocol: true },
});

describe('an edge behind a balancer that speaks PROXY', () => {
  test('is probed during a toggle, where a run may ask it', async () => {
    const world = await deployed(fronted(plain('api:1')));
    const { probes } = await world.deploy(fronted(plain('api:2')));
    await rest(world);
    expect(probes.get('api')).toMatchObject({ lost: 0, unknown: 0 });
    expect(probes.get('api')?.sent).toBeGreaterThan(0);
    expect(await world.describe(fronted(plain('api:2')))).toEqual(NOTHING);
  });

  test.each([
    ['begins', plain, (image: string) => fronted(plain(image))],
    ['ends', (image: string) => fronted(plain(image)), plain],
  ])('that %s to do so is not taken for one that loses requests', async (_what, from, to) => {
    const world = await deployed(from('api:1'));
    const { probes } = await world.deploy(to('api:2'));
    await rest(world);
    expect(probes.get('api')?.lost ?? 0).toBe(0);
    expect(await world.describe(to('api:2'))).toEqual(NOTHING);
  });
});
