import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { ContainerSummary } from '@docker/node-sdk';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { findLeftovers } from '../../../src/deploy/observation/leftovers.ts';
import { type SweepStep, sweep } from '../../../src/deploy/steps/sweep.ts';
import type { Engine } from '../../../src/docker/engine.ts';
import { EngineClient } from '../../../src/docker/engine-client.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { servers } from '../../simulation/stories/specs.ts';
import { contextOf, writtenLog } from './contexts.ts';

const SHOP = { project: 'shop', environment: 'production' };

interface Thing {
  Labels: Record<string, string>;
}

/** What an engine has, as its API shows it. */
const kept = {
  networks: [] as (Thing & { Id: string; Name: string; Containers?: Record<string, object> })[],
  volumes: [] as (Thing & { Name: string })[],
  images: [] as (Thing & {
    Id: string;
    RepoTags: string[] | null;
    RepoDigests: string[] | null;
    Created: number;
  })[],
  /** Containers that are found by their image. */
  users: [] as ContainerSummary[],
};
let refused = '';
let removed: string[] = [];

/** An engine that knows labels. */
const engineServer = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://docker');
  const wanted = ((JSON.parse(searchParams.get('filters') ?? '{}') as { label?: string[] }).label ?? []).map(
    (label) => label.split('='),
  );
  const labelled = <T extends Thing>(things: T[]) =>
    things.filter(({ Labels }) => wanted.every(([key = '', value]) => Labels[key] === value));
  const [, kind = '', id = ''] = pathname.split('/');
  if (request.method === 'DELETE') {
    if (id === refused) response.writeHead(409).end('{"message":"in use"}');
    else {
      removed.push(`${kind}/${id}`);
      response.writeHead(204).end();
    }
    return;
  }
  const answers: Record<string, unknown> = {
    networks: id === '' ? labelled(kept.networks) : kept.networks.find(({ Id }) => Id === id),
    volumes: { Volumes: labelled(kept.volumes) },
    images: labelled(kept.images),
    containers: kept.users,
  };
  response.end(JSON.stringify(answers[kind]));
});
let engine: Engine;

beforeAll(async () => {
  await new Promise<void>((resolve) => engineServer.listen(0, '127.0.0.1', resolve));
  const { port } = engineServer.address() as AddressInfo;
  engine = new EngineClient(async () => connect(port, '127.0.0.1'));
});

afterEach(() => {
  for (const things of Object.values(kept)) things.length = 0;
  refused = '';
  removed = [];
});

afterAll(async () => {
  await engine.close();
  engineServer.close();
});

const labels = (changes: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries({ ...SHOP, ...changes }).map(([key, value]) => [`switchyard.${key}`, value]),
  );

function container(id: string, role: string, changes: Partial<ContainerSummary> = {}): ContainerSummary {
  return { Id: id, Names: [`/${id}`], Labels: labels({ role }), ImageID: `image of ${id}`, ...changes };
}

test('nothing is left over where all is in use', async () => {
  kept.networks.push({ Id: 'n1', Name: 'shop_production_network', Labels: labels() });
  kept.images.push({
    Id: 'image of web',
    RepoTags: ['web:1'],
    RepoDigests: null,
    Created: 1,
    Labels: labels(),
  });
  const web = container('web', 'service', { State: 'running' });
  const watching = container('h', 'helper', { HostConfig: { NetworkMode: 'container:web' } });
  expect(await findLeftovers({ engine }, SHOP, [web, watching])).toEqual({
    helpers: [],
    networks: [],
    volumes: [],
    transfers: [],
    images: [{ id: 'image of web', names: ['web:1'], createdAt: 1, isUsed: true }],
  });
});

test('helpers without their container, and locks, are; those of others are not', async () => {
  const found = await findLeftovers({ engine }, SHOP, [
    container('stopped', 'service', { State: 'exited' }),
    container('of stopped', 'helper', { HostConfig: { NetworkMode: 'container:stopped' } }),
    container('front', '', { State: 'running', Labels: {} }),
    container('of a front', 'helper', { HostConfig: { NetworkMode: 'container:front' } }),
    container('bridge', 'edge-bridge', { Labels: { 'switchyard.role': 'edge-bridge' } }),
    container('divert', 'edge-divert', { Labels: { 'switchyard.role': 'edge-divert' } }),
    container('of nobody', 'helper', { HostConfig: { NetworkMode: 'container:gone' } }),
    container('lock', 'edge-lock'),
    container('hook', 'hook'),
    container('staging', 'helper', { Labels: labels({ role: 'helper', environment: 'staging' }) }),
    container('other', 'edge-lock', { Labels: labels({ role: 'edge-lock', project: 'other' }) }),
  ]);
  expect(found.helpers.map(({ name }) => name)).toEqual(['of stopped', 'of nobody', 'lock']);
});

test('networks that nobody is in and volumes of a sidecar are, by both labels', async () => {
  kept.networks.push(
    { Id: 'n1', Name: 'old', Labels: labels() },
    { Id: 'n2', Name: 'used', Labels: labels(), Containers: { c1: {} } },
    { Id: 'n3', Name: 'staging', Labels: labels({ environment: 'staging' }) },
    { Id: 'n4', Name: 'shop_old', Labels: {} },
  );
  kept.volumes.push(
    { Name: 'old', Labels: labels({ role: 'sidecar' }) },
    { Name: 'shop_production_data', Labels: labels() },
    { Name: 'other', Labels: labels({ role: 'sidecar', project: 'other' }) },
  );
  const found = await findLeftovers({ engine }, SHOP, []);
  expect(found.networks).toEqual([{ id: 'n1', name: 'old' }]);
  expect(found.volumes).toEqual([{ id: 'old', name: 'old' }]);
});

test('images of the project are told with who uses them, and not where another environment stands', async () => {
  const image = (Id: string, more: object = {}) => ({
    Id,
    RepoTags: [`docker.io/library/${Id}:1`],
    RepoDigests: [`${Id}@sha256:0`],
    Created: 1,
    Labels: labels(),
    ...more,
  });
  kept.images.push(
    image('unused'),
    image('borrowed'),
    image('nameless', { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] }),
    image('other', { Labels: labels({ project: 'other' }) }),
  );
  kept.users.push({ ImageID: 'borrowed' });
  const { images } = await findLeftovers({ engine }, SHOP, []);
  expect(images).toEqual([
    { id: 'unused', names: ['unused:1', 'unused@sha256:0'], createdAt: 1, isUsed: false },
    { id: 'borrowed', names: ['borrowed:1', 'borrowed@sha256:0'], createdAt: 1, isUsed: true },
    { id: 'nameless', names: [], createdAt: 1, isUsed: false },
  ]);
  const staging = container('s', 'sidecar', { Labels: labels({ role: 'sidecar', environment: 'staging' }) });
  expect((await findLeftovers({ engine }, SHOP, [staging])).images).toEqual([]);
});

test('names that images had on their way here are told apart from those that they keep', async () => {
  const way = `127.0.0.1:40123/${'0f'.repeat(16)}/shop-production-api@sha256:0`;
  kept.images.push({
    Id: 'half',
    RepoTags: ['shop-production-api:sha256-0'],
    RepoDigests: [way, '127.0.0.1:5000/api@sha256:0'],
    Created: 1,
    Labels: labels(),
  });
  expect(await findLeftovers({ engine }, SHOP, [])).toMatchObject({
    images: [{ id: 'half', names: ['shop-production-api:sha256-0', '127.0.0.1:5000/api@sha256:0'] }],
    transfers: [{ id: way, name: way }],
  });
});

test('what the engine refuses to remove is a warning, and the others are removed', async () => {
  refused = 'i1';
  const log = writtenLog();
  const [spec] = servers(1);
  const server = { spec: spec!, name: spec!.name, engine } as Server;
  const context = await contextOf([server], { clock: systemClock, log });
  const step = (what: SweepStep['what'], id: string): SweepStep => ({
    kind: 'sweep',
    server: 'a',
    what,
    id,
    name: id,
  });
  const steps = [step('image', 'i1'), step('image', 'i2'), step('network', 'n1'), step('volume', 'v1')];
  for (const one of [...steps, step('container', 'c1')]) await sweep.run(one, context);
  expect(log.lines).toEqual([expect.stringMatching(/^warning: a leftover stays: image i1 on a: .*in use$/)]);
  expect(removed).toEqual(['images/i2', 'networks/n1', 'volumes/v1', 'containers/c1']);
});
