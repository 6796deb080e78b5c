import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Plan, stepsOf } from '../../../src/deploy/planning/plan.ts';
import { LABEL } from '../../../src/model/labels.ts';
import type { EdgePort, EnvironmentSpec, NginxSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, rest } from './story.ts';

/** The edge is replaced by one of another image, or with other ports, and nobody notices. */

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** The shop with other settings of nginx, and another image of its service. */
function file(nginx: Partial<NginxSpec> = {}, image = 'api:1', on = servers(1)): EnvironmentSpec {
  const spec = shop([service('api', { image, servers: on.length })], on);
  return { ...spec, nginx: { ...spec.nginx, ...nginx } };
}

const NEWER: Partial<NginxSpec> = { image: 'nginx:1.31', ports: ['443/tcp'] };

async function deployed(on = servers(1)): Promise<void> {
  world.addServers(on);
  await world.deploy(file({}, 'api:1', on));
  await rest(world);
}

/** What the container with the ports of a server is made of. */
function edge(server = 'a'): { image: string | undefined; ports: string[] } {
  const { request } = world.machine(server).need('switchyard_edge');
  return { image: request.Image, ports: Object.keys(request.HostConfig?.PortBindings ?? {}) };
}

/** The containers of edges, bridges and what goes with them. */
function around(server = 'a'): string[] {
  return [...world.machine(server).containers.values()]
    .filter(({ labels }) => (labels[LABEL.role] ?? '').startsWith('edge') || labels[LABEL.role] === 'helper')
    .map(({ name }) => name);
}

const UPGRADED = { image: 'nginx:1.31', ports: ['80/tcp', '443/tcp'] };

describe('another image, and a port more', () => {
  test('are in the plan, and come without a lost request', async () => {
    await deployed();
    expect((await world.describe(file(NEWER))).slice(1)).toEqual([
      '  · pull nginx:1.31 on a',
      '  · make the new routes ready on a',
      '  · give a its routes',
      '  · prove the routes on a',
      '  · upgrade the edge on a: nginx 1.30 → 1.31, publish 443',
      '  · send new connections on a to the new edge, and wait until those of the old one are over',
      '  · stop switchyard_edge on a',
      '  · remove switchyard_edge on a',
      '  · give the edge its ports on a',
    ]);
    await world.deploy(file(NEWER));
    expect(edge()).toEqual(UPGRADED);
    await rest(world);
    expect(around()).toEqual(['switchyard_edge']);
    expect((await world.plan(file(NEWER))).changed).toBe(false);
  });
});
