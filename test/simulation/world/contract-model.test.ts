import { beforeEach, test } from '@jest/globals';
import { CONTRACT, type Given } from './contract.ts';
import { NGINX_CONTRACT } from './contract-nginx.ts';
import { Simulation } from './simulation.ts';

const IMAGES = { nginx: 'registry.test/nginx:1.30', app: 'registry.test/acme/web:v1' };

let simulation: Simulation;

beforeEach(() => {
  simulation = new Simulation({ images: 'digests' });
  simulation.registry.define(IMAGES.app, {
    says: ['web v1 listening on 3000'],
    bootMs: 0,
    environment: { VERSION: 'v1' },
  });
  simulation.registry.drop(`${IMAGES.app}-none`);
  simulation.registry.defineNginx(IMAGES.nginx, '1.30.6');
  simulation.addServers([
    {
      name: 's1',
      host: '203.0.113.1',
      port: 22,
      user: 'deploy',
      privateIp: '10.0.0.1',
      zone: 'lon1',
      hostKeys: [],
    },
  ]);
  const { images } = simulation.machine('s1');
  for (const image of Object.values(IMAGES)) images.add(image, simulation.registry.find(image));
});

test.each([...CONTRACT, ...NGINX_CONTRACT])('$title', async ({ run }) => {
  const machine = simulation.machine('s1');
  const ended = await simulation.run(async ({ provider, clock }) => {
    const given: Given = {
      server: await provider.connect(machine.spec),
      clock,
      images: IMAGES,
      pause: async (name) => machine.pause(machine.need(name)),
      crash: async (name) => machine.crash(machine.need(name)),
    };
    await run(given, 'case');
  });
  if (ended.how === 'failed') throw ended.error;
});
