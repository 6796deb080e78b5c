import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** commitByHand changes one file of a branch of a project's origin, as somebody would who edits it. */
export async function commitByHand(
  project: Project,
  branch: string,
  path: string,
  content: unknown,
): Promise<void> {
  const { stdout: origin } = await project.git('remote', 'get-url', 'origin');
  const clone = mkdtempSync(join(tmpdir(), 'switchyard-clone-'));
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', ...args], { cwd: clone });
  try {
    await git('clone', '--quiet', '--branch', branch, origin.trim(), '.');
    writeFileSync(join(clone, path), `${JSON.stringify(content, null, 2)}\n`);
    await git('commit', '--quiet', '--all', '--message', 'I know better');
    await git('push', '--quiet', 'origin', branch);
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
