import { bareServers, type Provisioned, toProvisioned } from './bare-servers.ts';
import { command } from './command.ts';
import { FLEET } from './inputs.ts';
import { readProject } from './project.ts';

/** doctor says what the servers of an environment lack, and changes nothing. */
export const doctor = command({
  title: 'Switchyard doctor',
  description: 'Say what the servers of an environment lack for deploys, and change nothing.',
  inputs: [...FLEET, 'exit-code'],
  meanings: {
    'exit-code': 'With `true`, end with code 2 when a server lacks something, and with 0 when none does.',
  },
  outputs: ['changed', 'servers'],
  async run({ 'exit-code': tells, ...inputs }, surroundings): Promise<Provisioned> {
    const { inspectServer } = await import('../bootstrap/bootstrap.ts');
    const project = await readProject(inputs, surroundings);
    const servers = bareServers(project, inputs, surroundings.log);
    const found = await toProvisioned(project.title, 'doctor', servers, inspectServer);
    const isLacking = found.servers.some(({ lacks }) => lacks.length > 0);
    return { ...found, ...(tells && isLacking && { exitCode: 2 }) };
  },
});
