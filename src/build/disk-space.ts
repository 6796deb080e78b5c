import { statfs } from 'node:fs/promises';
import { type DockerRun, runDocker } from './run-docker.ts';

/** Less than this is told of before a build: base images and layers are often larger. */
const FEW_BYTES = 2 * 1024 ** 3;

/**
 * freeSpace returns how many bytes are free where the engine of this machine keeps its images; undefined where nobody can
 * tell, as for an engine elsewhere.
 */
export async function freeSpace(run: DockerRun): Promise<number | undefined> {
  const { DOCKER_HOST = '' } = run.env;
  if (DOCKER_HOST !== '' && !DOCKER_HOST.startsWith('unix:///var/run/')) return undefined;
  const { code, lines } = await runDocker(['info', '--format', '{{.DockerRootDir}}'], run);
  const folder = lines.find((line) => line.startsWith('/'));
  if (code !== 0 || folder === undefined) return undefined;
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** spaceWarning returns what to say where little is free; undefined where there is enough, or nobody knows. Pure. */
export function spaceWarning(freeBytes: number | undefined): string | undefined {
  if (freeBytes === undefined || freeBytes >= FEW_BYTES) return undefined;
  const free = (freeBytes / 1024 ** 3).toFixed(1);
  return `only ${free} GB are free where images are built: remove what is not needed (docker system prune --all), or the build may fail`;
}
