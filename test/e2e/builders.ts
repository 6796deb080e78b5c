import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { docker, dockerList } from '../lab/command.ts';

/** A way of building images that this machine has. */
export interface BuilderHere {
  /** `buildx`, or `engine` for the BuildKit that clients of Docker before 23 have inside. */
  kind: 'buildx' | 'engine';
  /** The environment that an action finds it in. */
  env: Record<string, string>;
}

/** buildersHere returns the ways of building that this machine has, each once; it throws where there is none. */
export function buildersHere(): BuilderHere[] {
  const path = process.env.PATH ?? '';
  const { DOCKER_CONFIG } = process.env;
  const found = path
    .split(delimiter)
    .filter((folder) => existsSync(join(folder, 'docker')))
    .flatMap((folder): BuilderHere[] => {
      const env = {
        PATH: [folder, path].join(delimiter),
        ...(DOCKER_CONFIG !== undefined && { DOCKER_CONFIG }),
      };
      const kind = kindOf(join(folder, 'docker'), env);
      return kind === undefined ? [] : [{ kind, env }];
    });
  const first = found.filter(({ kind }, index) => found.findIndex((one) => one.kind === kind) === index);
  if (first.length > 0) return first;
  throw new Error('Nothing on this machine builds: install docker-buildx, or Docker before version 23');
}

/** forgetBuilt takes the images below a name off the engine of this machine, where a builder has left them. */
export async function forgetBuilt(name: string): Promise<void> {
  const format = ['--format', '{{.Repository}}:{{.Tag}}'];
  const names = await dockerList(['image', 'ls', ...format, '--filter', `reference=${name}`]);
  if (names.length > 0) await docker(['image', 'rm', ...names]);
}

function kindOf(docker: string, env: Record<string, string>): BuilderHere['kind'] | undefined {
  const run = (...args: string[]) => spawnSync(docker, args, { env, encoding: 'utf8' });
  if (run('buildx', 'version').status === 0) return 'buildx';
  return Number.parseInt(run('version', '--format', '{{.Client.Version}}').stdout, 10) < 23
    ? 'engine'
    : undefined;
}
