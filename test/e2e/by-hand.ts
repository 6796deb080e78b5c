import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LabServer } from '../lab/lab.ts';
import type { Project } from './project.ts';

const run = promisify(execFile);

/** What people do to a server when they are in a hurry. */
export interface ByHand {
  /** remake removes a container and runs one of the same name, image, labels and network, with these flags more. */
  remake(name: string, flags: string[]): Promise<void>;
  /** copy runs another container of the same image, labels and network beside one. Later flags win. */
  copy(name: string, copy: string, flags: string[]): Promise<void>;
  /** writeLive writes a file into the configuration that an edge or sidecar serves, and has nobody read it. */
  writeLive(nginx: string, path: string, content: string): Promise<void>;
}

/** byHand returns what can be done by hand on a server, with nothing but its docker CLI. */
export function byHand(server: LabServer): ByHand {
  return {
    remake: async (name, flags) => {
      const like = await likeOf(server, name);
      await server.docker('rm', '--force', name);
      await server.docker('run', '--detach', '--name', name, ...like.flags, ...flags, like.image);
    },
    copy: async (name, copy, flags) => {
      const like = await likeOf(server, name);
      await server.docker('run', '--detach', '--name', copy, ...like.flags, ...flags, like.image);
    },
    writeLive: async (nginx, path, content) => {
      const pointer = await server.docker('exec', nginx, 'cat', '/etc/switchyard/nginx.conf');
      const slot = /\/etc\/switchyard\/([ab])\/main\.conf/.exec(pointer)?.[1];
      const script = ['sh', '-c', 'cat > "$0"', `/etc/switchyard/${slot}/${path}`];
      await server.exec(['docker', 'exec', '--interactive', nginx, ...script], { input: content });
    },
  };
}

/** editRecordByHand changes the record of a project's environment as somebody would: in a clone, by a commit. */
export async function editRecordByHand(project: Project, change: (text: string) => string): Promise<void> {
  const clone = mkdtempSync(join(tmpdir(), 'switchyard-clone-'));
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', ...args], { cwd: clone });
  try {
    await git('clone', '--quiet', '--branch', 'switchyard-state', project.origin, '.');
    const file = join(clone, 'state', project.config.project, `${project.environment}.json`);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    await git('commit', '--quiet', '--all', '--message', 'I know better');
    await git('push', '--quiet', 'origin', 'switchyard-state');
  } finally {
    rmSync(clone, { recursive: true });
  }
}

/** The flags that make a container look like another one to whoever reads labels. */
async function likeOf(server: LabServer, name: string): Promise<{ image: string; flags: string[] }> {
  const [found] = JSON.parse(await server.docker('inspect', name)) as [
    {
      Config: { Image: string; Labels: Record<string, string> };
      HostConfig: { NetworkMode: string; RestartPolicy: { Name: string } };
    },
  ];
  const { Config, HostConfig } = found;
  return {
    image: Config.Image,
    flags: [
      ...['--network', HostConfig.NetworkMode, '--restart', HostConfig.RestartPolicy.Name],
      ...['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'],
      ...Object.entries(Config.Labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ],
  };
}
