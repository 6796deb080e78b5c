import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { docker } from './command.ts';
import { buildImages, contentId, type Log } from './images.ts';

/** A client of Docker that is not the one of this machine. */
export interface DockerClient {
  /** The folder of the program, for a search path. */
  folder: string;
  /** A configuration of its own, which names its plugins. */
  config: string;
}

/** What of a server's image its client is, from its root: where that is, and where it has to be. */
const PROGRAMS = {
  // 20.10, which has a BuildKit inside.
  bookworm: [['usr/bin/docker', 'bin/docker']],
  // 28.5, which builds by buildx alone.
  forky: [
    ['usr/bin/docker', 'bin/docker'],
    ['usr/libexec/docker/cli-plugins/docker-buildx', 'config/cli-plugins/docker-buildx'],
  ],
} as const;

/**
 * dockerClient returns the client of Docker of a Debian suite, so that tests build with the same programs on every machine.
 * It is copied out of the suite's server image, once.
 */
export async function dockerClient(
  suite: keyof typeof PROGRAMS,
  log: Log = () => undefined,
): Promise<DockerClient> {
  const name = `server-${suite}` as const;
  const { [name]: image = '' } = await buildImages([name], log);
  const place = join(tmpdir(), 'switchyard-lab-clients', `${suite}-${contentId(image)}`);
  if (!existsSync(place)) await copyOut(image, PROGRAMS[suite], place);
  return { folder: join(place, 'bin'), config: join(place, 'config') };
}

/** Whoever comes second finds it whole, or makes another one. */
async function copyOut(
  image: string,
  programs: readonly (readonly [from: string, to: string])[],
  place: string,
): Promise<void> {
  const half = `${place}.${process.pid}`;
  mkdirSync(join(half, 'config'), { recursive: true });
  const container = await docker(['create', image]);
  try {
    for (const [from, to] of programs) {
      mkdirSync(dirname(join(half, to)), { recursive: true });
      await docker(['cp', `${container}:/${from}`, join(half, to)]);
    }
  } finally {
    await docker(['rm', container]);
  }
  try {
    renameSync(half, place);
  } catch {
    rmSync(half, { recursive: true });
  }
}
