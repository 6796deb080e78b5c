import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder } from './lab-builders.ts';
import type { Inputs, Project } from './project.ts';
import { guardRegistry, type RegistryFront } from './registry-front.ts';
import { said } from './said.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(300_000);

/** The registry keeps what earlier runs have pushed: nothing of this one is there before. */
const RUN = randomBytes(8).toString('hex');
const DOMAIN = 'one-step.example.com';
const LOGIN = { 'registry-username': 'robot', 'registry-password': 'right-password' };

const app = (version: number) => `// ${RUN}
import { createServer } from 'node:http';
const server = createServer((_request, response) => response.end('version ${version}'));
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;

describe('a service that is built by the run that deploys it', () => {
  let lab: Fleet;
  let shop: Project;
  let registry: RegistryFront;
  let builder: LabBuilder;
  let env: Record<string, string>;

  beforeAll(async () => {
    lab = await fleet();
    const servers = lab.servers.slice(0, 2);
    builder = await labBuilder('engine', lab);
    registry = await guardRegistry(lab.registry.address, 'robot:right-password', servers);
    env = { ...builder.env, RUNNER_TEMP: join(lab.dir, `one-step-${RUN}`) };
    shop = await newProject(lab, 'one-step', servers, {
      web: { build: './web', port: 3000, domain: DOMAIN, servers: 2, healthcheck: { path: '/' } },
    });
    shop.edit((config) => {
      config.registry = `${registry.address}/built`;
    });
    const dockerfile = `FROM ${lab.images.node}\nCOPY app.mjs /\nUSER 1000\nCMD ["node", "/app.mjs"]\n`;
    await commit({ 'web/Dockerfile': dockerfile, 'web/app.mjs': app(1) });
  });

  afterAll(async () => {
    await shop?.leave();
    registry?.close();
    await builder?.forget('*/built/one-step-production-*');
  });

  async function commit(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(shop.folder, path)), { recursive: true });
      writeFileSync(join(shop.folder, path), text);
    }
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message', 'Another version');
  }

  const run = (action: string, inputs: Inputs = LOGIN): Promise<ActionRun> => shop.run(action, inputs, env);

  async function answers(): Promise<string[]> {
    return await Promise.all(
      shop.lab.servers.slice(0, 2).map(async (server) => (await ask(server, DOMAIN, '/')).body),
    );
  }

  /** Whether the registry behind the guard has an image. */
  async function isThere(image: string): Promise<boolean> {
    const [name, digest] = image.slice(`${registry.address}/`.length).split('@');
    const accept =
      'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json';
    const url = `http://${lab.registry.address}/v2/${name}/manifests/${digest}`;
    return (await fetch(url, { method: 'HEAD', headers: { accept } })).ok;
  }

  const outcomeOf = ({ outputs }: ActionRun): string => JSON.parse(outputs.built ?? '{}').web?.outcome;

  test('is not deployed by a run that may not push', async () => {
    const failed = await run('deploy', { ...LOGIN, 'registry-password': 'wrong-password' });
    expect(said(failed)).toMatch('does not take the login');
    expect(failed.log).not.toMatch(/wrong-password|::debug::begins/);
  });

  test('is planned without being built', async () => {
    const planned = await run('plan');
    expect(said(planned)).toMatch('build web, since ');
    expect(said(planned)).not.toMatch('::error');
    expect(planned.outputs.changed).toBe('true');
  });

  test('is built, pushed and deployed, and pulled by the servers with the login of the run', async () => {
    const deployed = await run('deploy');
    expect(said(deployed)).not.toMatch('::error');
    expect(outcomeOf(deployed)).toBe('built');
    expect(await answers()).toEqual(['version 1', 'version 1']);
    const { digest } = JSON.parse(deployed.outputs.built!).web;
    expect((await shop.release('web', 1))!.container.image).toMatch(`one-step-production-web@${digest}`);
  });

  test('leaves the login nowhere', async () => {
    const deployed = await run('deploy');
    expect(deployed.log).not.toMatch(/right-password|cm9ib3Q6cmlnaHQ/);
    for (const { exec } of shop.lab.servers.slice(0, 2)) {
      const { stdout } = await exec([
        'sh',
        '-c',
        'cat /root/.docker/config.json /home/*/.docker/config.json',
      ]);
      expect(stdout).not.toMatch(/cm9ib3Q6cmlnaHQ/);
    }
    expect(existsSync(join(env.RUNNER_TEMP!, 'docker'))).toBe(false);
  });

  fullSizeTest('is neither built nor deployed again', async () => {
    const before = await shop.standing();
    const again = await run('deploy');
    expect([outcomeOf(again), again.outputs.changed]).toEqual(['present', 'false']);
    expect(await shop.standing()).toEqual(before);
  });

  test('is replaced when it has changed', async () => {
    await commit({ 'web/app.mjs': app(2) });
    expect(outcomeOf(await run('toggle-deploy'))).toBe('built');
    expect(await answers()).toEqual(['version 2', 'version 2']);
  });

  test('goes back with the login of the run, to an image that the servers no longer have', async () => {
    const { image } = (await shop.release('web', 1))!.container;
    for (const { exec } of shop.lab.servers.slice(0, 2))
      await exec(['docker', 'image', 'rm', '--force', image]);
    expect(said(await run('rollback', { ...LOGIN, service: 'web' }))).not.toMatch('::error');
    expect(await answers()).toEqual(['version 1', 'version 1']);
  });

  fullSizeTest('leaves the registry when no release that is kept has it', async () => {
    const old = (await shop.release('web', 1))!.container.image;
    const images: string[] = [];
    expect(await isThere(old)).toBe(true);
    shop.edit((config) => {
      config.retain_releases = 2;
    });
    for (const version of [3, 4]) {
      await commit({ 'web/app.mjs': app(version) });
      const deployed = await run('deploy');
      expect(said(deployed)).not.toMatch('::error');
      images.push(JSON.parse(deployed.outputs.built!).web.image);
    }
    expect(await Promise.all([old, ...images].map(isThere))).toEqual([false, true, true]);
  });
});
