import { expect, test } from '@jest/globals';
import type { Server } from '../../../src/fleet/server.ts';
import { LABEL } from '../../../src/model/labels.ts';
import { SIDECAR_ALIAS, scopeName } from '../../../src/model/names.ts';
import type { ServerSpec } from '../../../src/model/spec.ts';
import { compose, flagChanges, scopeWish } from '../../../src/nginx/compose.ts';
import { ensureEdge, ensureSidecar } from '../../../src/nginx/install.ts';
import type { NginxInstance } from '../../../src/nginx/instance.ts';
import { prove } from '../../../src/nginx/prove.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { web } from '../../unit/nginx/routes-of-shop.ts';
import { REPOSITORY } from '../stories/specs.ts';
import { Simulation } from './simulation.ts';

const SHOP = { project: 'shop', environment: 'production' };
const NGINX = { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2_000 };
const S1: ServerSpec = {
  name: 's1',
  host: '203.0.113.1',
  port: 22,
  user: 'deploy',
  privateIp: '10.0.0.1',
  zone: 'lon1',
  hostKeys: [],
};

function api(slot: 'base' | 'secondary'): Route {
  return web({ domains: ['api.example.com'], provePath: '/', copies: [{ server: 's1', slot, weight: 1 }] });
}

/** A server with edge, sidecar and a copy of the api that serves nothing yet. */
async function prepared() {
  const world = new Simulation();
  world.addServers([S1]);
  const machine = world.machine('s1');
  machine.images.add('nginx:1.30', world.registry.find('nginx:1.30'));
  machine.images.add('api:1', world.registry.find('api:1'));
  return { world, machine };
}

test('an nginx that is made by the product serves what it was told to', async () => {
  const { world } = await prepared();
  const ended = await world.run(async ({ provider, clock }) => {
    const server = await provider.connect(S1);
    const sidecar = await ensureSidecar(
      server,
      SHOP,
      NGINX,
      { repository: REPOSITORY, aliases: [SIDECAR_ALIAS] },
      clock,
    );
    const edge = await ensureEdge(server, SHOP, NGINX, clock);
    await startCopy(server, 'base');
    await startCopy(server, 'secondary');
    await clock.sleep(500);
    for (const nginx of [sidecar, edge]) {
      await switchTo(nginx, 'base');
      await switchTo(nginx, 'secondary');
    }
    return await edge.version();
  });
  if (ended.how === 'failed') throw ended.error;
  expect(ended).toEqual({ how: 'done', value: '1.30.6' });

  async function switchTo(nginx: NginxInstance, slot: 'base' | 'secondary') {
    const { clock } = world;
    const { tree, folder } = await nginx.look(scopeName(SHOP), clock);
    const routes = [api(slot)];
    const facts = { scope: SHOP, repository: REPOSITORY, routes, settings: NGINX, on: S1, servers: [S1] };
    const wanted = scopeWish(nginx.kind, facts);
    const next = compose(nginx.kind, { ...tree, live: folder }, wanted);
    await nginx.stage(next);
    await nginx.commit(next.folder, clock);
    await nginx.awaitGeneration(scopeName(SHOP), next.generation, clock);
    await nginx.look(scopeName(SHOP), clock);
    await nginx.setFlags(flagChanges(tree, wanted), clock);
    const copy = world.machine('s1').find(`shop_production_api${slot === 'base' ? '' : '_secondary'}`);
    const address = `${copy?.endpoints.get('shop_production_network')?.address}:3000`;
    const { service, ports } = routes[0]!;
    const proof = { service, port: ports[0]!, own: [address], all: [address] };
    await prove(nginx, SHOP, next.generation, proof, clock);
  }
});

async function startCopy({ engine }: Server, slot: 'base' | 'secondary') {
  const network = 'shop_production_network';
  const id = await engine.createContainer(`shop_production_api${slot === 'base' ? '' : '_secondary'}`, {
    Image: 'api:1',
    ExposedPorts: { '3000/tcp': {} },
    Labels: { [LABEL.role]: 'service' },
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: ['api'] } } },
  });
  await engine.startContainer(id);
}
