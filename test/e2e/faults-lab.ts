import { attachLab, type Lab, type LabServer, startLab } from '../lab/lab.ts';

/** What such a lab consists of. */
const FAULTS_SERVERS = [{}, {}, { docker: false }];

/** The lab of a test that breaks servers: two servers, and beside them one without Docker. */
export interface FaultsLab extends Lab {
  bare: LabServer;
}

/**
 * openFaultsLab starts a lab for a test that breaks servers, so that the fleet which other tests share stays
 * healthy. With SWITCHYARD_LAB=attach it is the one named faults, which runs already, and stays.
 */
export async function openFaultsLab(name: string): Promise<FaultsLab> {
  const isAttached = process.env.SWITCHYARD_LAB === 'attach';
  const lab = isAttached ? await attachLab('faults') : await startLab({ name, servers: FAULTS_SERVERS });
  const [bare] = lab.servers.filter(({ hasEngine }) => !hasEngine);
  if (bare === undefined) throw new Error(`The lab named ${lab.name} has no server without Docker`);
  const servers = lab.servers.filter(({ hasEngine }) => hasEngine);
  if (!isAttached) return { ...lab, servers, bare };
  await Promise.all(servers.map(clear));
  return { ...lab, servers, bare, down: async () => undefined };
}

/** clear removes all containers, networks and volumes from a server; its images stay. */
export async function clear(server: LabServer): Promise<void> {
  const containers = await idsOf(server, 'ps', '--all', '--quiet');
  if (containers.length > 0) await server.docker('rm', '--force', '--volumes', ...containers);
  await server.docker('network', 'prune', '--force');
  const volumes = await idsOf(server, 'volume', 'ls', '--quiet');
  if (volumes.length > 0) await server.docker('volume', 'rm', '--force', ...volumes);
}

async function idsOf(server: LabServer, ...listing: string[]): Promise<string[]> {
  return (await server.docker(...listing)).split('\n').filter((line) => line !== '');
}
