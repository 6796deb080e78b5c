import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ask } from './ask.ts';
import type { Fleet } from './fleet.ts';
import type { LabBuilder } from './lab-builders.ts';
import type { Project } from './project.ts';
import { size } from './size.ts';
import { newProject } from './web-shop.ts';

/** Files by path: their text, or what they say as JSON. */
export type Files = Record<string, string | object>;

type Server = Fleet['servers'][number];

/** So long an app may take to end when it has answered: far less than the 10 s after which it is killed. */
export const ENDS_MS = 2_000 * size.patience;

/** shopOf returns a project whose services are built; they are told by their templates, and stand on one server. */
export async function shopOf(
  lab: Fleet,
  name: string,
  services: Record<string, { template: object; port?: number }>,
): Promise<Project> {
  const told = Object.entries(services).map(([service, { template, port }]) => [
    service,
    {
      build: { context: `./${service}`, template },
      ...(port !== undefined && {
        port,
        domain: `${service}.${name}.example.com`,
        healthcheck: { path: '/' },
      }),
      drain: { timeout: '5s' },
    },
  ]);
  const shop = await newProject(lab, name, lab.servers.slice(0, 1), Object.fromEntries(told));
  return shop.edit((config) => {
    config.registry = `${lab.registry.address}/templates`;
  });
}

/** commit writes files, and commits all that is there. */
export async function commit(shop: Project, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const place = join(shop.folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content));
  }
  await shop.git('add', '--all');
  await shop.git('commit', '--quiet', '--message', 'Another version');
}

/** push builds and deploys what is committed, and returns what became of each image. */
export async function push(shop: Project, { env }: Pick<LabBuilder, 'env'>): Promise<Record<string, string>> {
  const built = await shop.run('build-push', { 'ssh-private-key': '' }, env);
  if (built.code !== 0) throw new Error(`the build failed:\n${built.log}`);
  await shop.deploy({ images: built.outputs.images ?? '' });
  const outcomes = JSON.parse(built.outputs.built ?? '{}') as Record<string, { outcome: string }>;
  return Object.fromEntries(Object.entries(outcomes).map(([name, { outcome }]) => [name, outcome]));
}

/** proven looks at the container of a service: who it runs as, and how it ends when it is asked something. */
export async function proven(lab: Fleet, shop: Project, service: string, slow?: string) {
  const [server] = lab.servers as [Server];
  const [container] = (await shop.containers(server, service)) as [string];
  const user = (await server.docker('exec', container, 'id', '-u')).trim();
  const asked = slow && ask(server, `${service}.${shop.config.project}.example.com`, slow);
  // The request is at the app before that has to end.
  if (asked) await Promise.race([asked, heard(server, container)]);
  const begun = performance.now();
  await server.docker('stop', '--time', '10', container);
  const ms = performance.now() - begun;
  const code = Number(await server.docker('inspect', '--format', '{{.State.ExitCode}}', container));
  return { user, ms, code, answer: asked && (await asked).body };
}

/** heard waits until an app has said that `/slow` was asked. */
async function heard(server: Server, container: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await server.docker('logs', container)).includes('slow is asked')) {
    if (performance.now() > deadline) throw new Error(`nobody has asked ${container}`);
  }
}
