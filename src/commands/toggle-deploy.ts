import { bring } from './change.ts';
import { command } from './command.ts';
import { BUILDING, CHANGING, PROJECT, REGISTRY, RELEASING } from './inputs.ts';

/** toggleDeploy brings some services of an environment to what the file says, or all. */
export const toggleDeploy = command({
  title: 'Switchyard toggle-deploy',
  description:
    'Start new containers beside the old ones, prove them healthy, switch nginx on every server, drain and stop the old ones.',
  inputs: [
    ...PROJECT,
    ...CHANGING,
    ...RELEASING,
    'age-key',
    ...REGISTRY,
    ...BUILDING,
    'service',
    'zones',
    'unfinished-hook',
  ],
  outputs: ['changed', 'releases', 'result', 'images', 'digests', 'built', 'evidence'],
  run: (inputs, surroundings) => bring(inputs, surroundings, { scope: 'services' }),
});
