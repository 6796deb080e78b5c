import { describe, expect, test } from '@jest/globals';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { deployed, NOTHING, newWorld } from './deployed.ts';
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

  test('gets a certificate, for which a run asks it as a CA and a browser will', async () => {
    const acme = { url: 'https://ca.example.com/directory' };
    const tls = {
      mode: 'http-01' as const,
      domains: {},
      policy: 'modern' as const,
      redirect: true,
      hstsSeconds: 60,
      acme,
    };
    const one = fronted(plain('api:1'));
    const secured: EnvironmentSpec = { ...one, nginx: { ...one.nginx, tls, ports: ['443/tcp'] } };
    const world = newWorld();
    await world.deploy(secured);
    expect(world.authority.issued).toEqual(['api.example.com']);
    expect(await world.describe(secured)).toEqual(NOTHING);
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
