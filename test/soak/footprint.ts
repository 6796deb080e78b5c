import { readdirSync } from 'node:fs';
import type { Project } from '../e2e/project.ts';
import type { LabServer } from '../lab/lab.ts';

/** What stands on the servers, and in the repository, and takes room there. */
export type Footprint = Record<keyof typeof ALLOWED_GROWTH, number>;

/**
 * How much more each may be at the end of a soak than at its beginning. A record is there to grow; the runner empties
 * its temporary folder, also after a run that was killed. Old images stay on purpose, but a soak deploys the same ones
 * in turn.
 */
export const ALLOWED_GROWTH = {
  containers: bound({}),
  images: bound({}),
  volumes: bound({}),
  networks: bound({}),
  'nginx processes': bound({}),
  'KB in volumes': bound({ most: 512 }),
  'git objects of the record': bound({ perDeploy: 30 }),
  'folders of killed runs': bound({ perKilled: 1 }),
};

function bound({ most = 0, perDeploy = 0, perKilled = 0 }) {
  return { most, perDeploy, perKilled };
}

/** footprintOf measures, over all servers; `temporary` is the folder that the runs of the soak got as RUNNER_TEMP. */
export async function footprintOf(
  project: Project,
  servers: readonly LabServer[],
  temporary: string,
): Promise<Footprint> {
  const sum = async (measure: (server: LabServer) => Promise<number>) =>
    (await Promise.all(servers.map(measure))).reduce((total, one) => total + one, 0);
  const listed = (...listing: string[]) =>
    sum(async (server) => (await server.docker(...listing)).split('\n').filter(Boolean).length);
  return {
    containers: await listed('ps', '--all', '--quiet'),
    images: await listed('image', 'ls', '--all', '--quiet'),
    volumes: await listed('volume', 'ls', '--quiet'),
    networks: await listed('network', 'ls', '--quiet'),
    'nginx processes': await sum(nginxProcesses),
    'KB in volumes': await sum(kilobytesInVolumes),
    'git objects of the record': await gitObjects(project),
    'folders of killed runs': readdirSync(temporary).length,
  };
}

async function nginxProcesses(server: LabServer): Promise<number> {
  const { stdout } = await server.exec(['pgrep', '--count', '--exact', 'nginx']);
  return Number(stdout);
}

async function kilobytesInVolumes(server: LabServer): Promise<number> {
  const { stdout } = await server.exec(['du', '--summarize', '--block-size=1K', '/var/lib/docker/volumes']);
  return Number.parseInt(stdout, 10);
}

async function gitObjects(project: Project): Promise<number> {
  const origin = (await project.git('remote', 'get-url', 'origin')).stdout.trim();
  const { stdout } = await project.git('--git-dir', origin, 'count-objects', '-v');
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  return count('count') + count('in-pack');
}
