import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, rest } from './story.ts';

/** A service of gRPC goes the way of HTTP: domains, flags, proofs, probes. */

let world: World;
beforeEach(() => {
  world = new World();
  world.addServers(servers(2));
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const HEALTH = { kind: 'tcp', intervalMs: 1_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 } as const;

/** The shop with a service of gRPC on two servers. */
function file(image: string) {
  const changes = { image, servers: 2, protocol: 'grpc', policy: { healthcheck: HEALTH } } as const;
  return shop([service('calls', changes)], servers(2));
}

describe('a service of gRPC', () => {
  test('toggles by its flag, without a reload, and nobody loses a call', async () => {
    await world.deploy(file('calls:1'));
    await rest(world);
    await world.deploy(file('calls:2'));
    expect(world.answering('calls.example.com')).toEqual(['shop_production_calls_secondary']);
    expect(await convergence(world, file('calls:2'))).toBeUndefined();
  });

  test('is given back its old version where the new one does not come up', async () => {
    await world.deploy(file('calls:1'));
    await rest(world);
    world.registry.define('calls:2', { crashesAfterMs: 50 });
    await expect(world.deploy(file('calls:2'))).rejects.toThrow('crash');
    expect(await convergence(world, file('calls:1'))).toBeUndefined();
  });

  test('that spoke HTTP before changes its ports in one switch', async () => {
    const before = shop([service('calls', { servers: 2 })], servers(2));
    await world.deploy(before);
    await rest(world);
    await world.deploy(file('calls:2'));
    expect(await convergence(world, file('calls:2'))).toBeUndefined();
  });
});
