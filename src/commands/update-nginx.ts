import { change } from './change.ts';
import { command } from './command.ts';
import { CHANGING, PROJECT } from './inputs.ts';

/** updateNginx makes edge and sidecar serve what is deployed, and leaves all copies as they are. */
export const updateNginx = command({
  title: 'Switchyard update-nginx',
  description:
    'Render the routes of all that is deployed in an environment and apply them where anything differs.',
  inputs: [...PROJECT, ...CHANGING, 'zones'],
  outputs: ['changed', 'releases', 'result', 'evidence'],
  run: (inputs, surroundings) => change(inputs, surroundings, { scope: 'routes' }),
});
