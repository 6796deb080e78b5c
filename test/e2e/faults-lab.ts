import { attachLab, type Lab, type LabServer, type ServerOptions, startLab } from '../lab/lab.ts';

/**
 * openFaultsLab returns the lab of the tests that break servers: theirs alone, so that the fleet which other
 * tests share stays healthy. With SWITCHYARD_LAB=attach a lab that runs already is used, and stays.
 */
export async function openFaultsLab(servers: number | ServerOptions[] = 2): Promise<Lab> {
  if (process.env.SWITCHYARD_LAB !== 'attach') return await startLab({ name: 'faults', servers });
  const lab = await attachLab('faults');
  await Promise.all(lab.servers.filter(({ hasEngine }) => hasEngine).map(clear));
  return { ...lab, down: async () => undefined };
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
