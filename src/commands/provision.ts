import { bareServers, type Provisioned, toProvisioned } from './bare-servers.ts';
import { command } from './command.ts';
import { FLEET } from './inputs.ts';
import { readProject } from './project.ts';

/** provision sets the servers of an environment up, or says what it would do. */
export const provision = command({
  title: 'Switchyard provision',
  description:
    'Set bare servers up for deploys: Docker, the deploy user, SSH, a firewall, security updates; or say what they lack.',
  inputs: [...FLEET, 'mode'],
  outputs: ['changed', 'servers'],
  async run({ mode, ...inputs }, surroundings): Promise<Provisioned> {
    const { inspectServer, setUpServer } = await import('../bootstrap/bootstrap.ts');
    const project = await readProject(inputs, surroundings);
    const servers = bareServers(project, inputs, surroundings.log);
    const isApplied = mode === 'apply';
    return await toProvisioned(project.title, isApplied ? 'apply' : 'plan', servers, (server) =>
      isApplied ? setUpServer(server, surroundings.log) : inspectServer(server),
    );
  },
});
