import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { startUsers } from './users.ts';
import { newWebShop } from './web-shop.ts';

const OURS = { project: 'tidy', environment: 'production' };
/** They look like ours but for one thing. */
const OTHER_PROJECT = { project: 'tidy-too', environment: 'production' };
const OTHER_ENVIRONMENT = { project: 'tidy', environment: 'staging' };

let lab: Fleet;
/** One with a new engine and one with an old one. */
let servers: LabServer[];
let shop: Project;
let traffic: HttpTraffic | undefined;

beforeEach(async () => {
  lab = await fleet();
  servers = lab.servers.slice(0, 2);
  shop = await newWebShop(lab, 'tidy', servers);
});

afterEach(async () => {
  await traffic?.stop();
  await shop.leave();
  await Promise.all(servers.map(cleanUp));
}, 120_000);

test('what nothing refers to goes, by its labels, and nobody else loses anything', async () => {
  const [first, second] = servers as [LabServer, LabServer];
  await container(second, 'tidy_staging_web', { ...OTHER_ENVIRONMENT, role: 'service', service: 'web' });
  await makeImage(first, 'tidy-web:other', OTHER_PROJECT.project);
  for (const version of [0, 1, 2, 3]) {
    // An engine tells the age of images in seconds.
    await Promise.all(servers.map((server) => makeImage(server, `tidy-web:${version}`, OURS.project)));
    await sleep(1_100);
  }
  await deployImage('tidy-web:1');
  // Release 1 stays on record, and version 3 may be about to be deployed: version 0 is what nothing refers to.
  expect(await deployImage('tidy-web:2')).toMatch(
    `· remove image tidy-web:0 from ${first.host}: nothing refers to it`,
  );
  expect(await imagesOn(first)).toEqual(['1', '2', '3', 'other'].map((tag) => `image tidy-web:${tag}`));
  // Here stands another environment of the project, whose releases may name any image.
  expect(await imagesOn(second)).toEqual(['0', '1', '2', '3'].map((tag) => `image tidy-web:${tag}`));
  traffic = startUsers(servers, 'tidy.example.com');
  await traffic.untilSent(100);
  await Promise.all([
    litter(first, 'ours', OURS),
    litter(second, 'ours', OURS),
    copyOfWeb(first),
    litter(first, 'unlabelled', {}),
    litter(first, 'project', OTHER_PROJECT),
    litter(second, 'environment', OTHER_ENVIRONMENT),
  ]);
  const littered = await Promise.all(servers.map(thingsOn));

  // A run for one service leaves alone what it was not asked for.
  await shop.deploy({ service: 'web' });
  const narrowed = await Promise.all(servers.map(thingsOn));
  expect(narrowed).toEqual([without(littered[0]!, ['container tidy_web_copy']), littered[1]]);

  await shop.deploy();
  const ours = ['helper', 'lock', 'gone'].map((name) => `container tidy_ours_${name}`);
  ours.push('network tidy_ours_network', 'volume tidy_ours_nginx');
  expect(await Promise.all(servers.map(thingsOn))).toEqual(narrowed.map((things) => without(things, ours)));
  expect((await shop.deploy()).outputs.changed).toBe('false');
  const { sent, lost, losses } = await traffic.stop();
  expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  console.log(`orphans: ${sent} requests, ${lost} lost`);
}, 300_000);

async function deployImage(image: string): Promise<string> {
  shop.edit(({ services }) => {
    Object.assign(services.web!, { image, pull_policy: 'never' });
  });
  return (await shop.deploy()).log;
}

/** One of everything that killed runs and hands leave behind. */
async function litter(server: LabServer, name: string, labels: Record<string, string>): Promise<void> {
  const prefix = `tidy_${name}`;
  const isLabelled = Object.keys(labels).length > 0;
  const withRole = (role: string) => (isLabelled ? { ...labels, role } : {});
  await Promise.all([
    container(server, `${prefix}_helper`, withRole('helper')),
    container(server, `${prefix}_lock`, withRole('edge-lock')),
    container(server, `${prefix}_gone`, isLabelled ? { ...withRole('service'), service: 'gone' } : {}),
    server.docker('network', 'create', ...labelled(labels), `${prefix}_network`),
    server.docker('volume', 'create', ...labelled(withRole('sidecar')), `${prefix}_nginx`),
  ]);
}

/** Created, never started: as a run leaves it that was killed in between. */
async function container(server: LabServer, name: string, labels: Record<string, string>): Promise<void> {
  const limits = ['--network', 'none', '--name', name];
  await server.docker('create', ...limits, ...labelled(labels), lab.images.web('v1'));
}

/** A second container with the labels of the one that serves, as somebody starts it who wants to try something. */
async function copyOfWeb(server: LabServer): Promise<void> {
  const [serving = ''] = await shop.containers(server, 'web');
  const labels = await server.docker('inspect', '--format', '{{json .Config.Labels}}', serving);
  const pairs = Object.entries(JSON.parse(labels) as Record<string, string>);
  const same = pairs.flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  await server.docker('run', '--detach', '--name', 'tidy_web_copy', ...same, 'tidy-web:2');
}

/** makeImage gives the lab's app a label, as a build for the project does. */
async function makeImage(server: LabServer, name: string, project: string): Promise<void> {
  await server.docker('create', '--name', 'tidy_build', lab.images.web('v1'));
  await server.docker('commit', '--change', `LABEL switchyard.project=${project}`, 'tidy_build', name);
  await server.docker('rm', 'tidy_build');
}

function labelled(labels: Record<string, string>): string[] {
  return Object.entries(labels).flatMap(([key, value]) => ['--label', `switchyard.${key}=${value}`]);
}

/** Everything on a server that this test knows by its name. */
async function thingsOn(server: LabServer): Promise<string[]> {
  const named = ['--filter', 'name=tidy'];
  const listings = await Promise.all([
    server.docker('ps', '--all', '--format', 'container {{.Names}}', ...named),
    server.docker('network', 'ls', '--format', 'network {{.Name}}', ...named),
    server.docker('volume', 'ls', '--format', 'volume {{.Name}}', ...named),
    server.docker('image', 'ls', '--format', 'image {{.Repository}}:{{.Tag}}', 'tidy-web'),
  ]);
  return listings
    .flatMap((listing) => listing.split('\n'))
    .filter((line) => line !== '')
    .sort();
}

async function imagesOn(server: LabServer): Promise<string[]> {
  return (await thingsOn(server)).filter((thing) => thing.startsWith('image '));
}

function without(things: readonly string[], gone: readonly string[]): string[] {
  expect(things).toEqual(expect.arrayContaining([...gone]));
  return things.filter((thing) => !gone.includes(thing));
}

async function cleanUp(server: LabServer): Promise<void> {
  for (const kind of ['container', 'network', 'volume', 'image']) {
    const here = (await thingsOn(server)).filter((thing) => thing.startsWith(`${kind} `));
    const names = here.map((thing) => thing.slice(kind.length + 1));
    const force = kind === 'network' ? [] : ['--force'];
    if (names.length > 0) await server.docker(kind, 'rm', ...force, ...names);
  }
}
