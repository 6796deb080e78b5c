import { resolveEnvironment } from '../config/resolve.ts';
import { failTogether, UserError, UserErrors } from '../model/errors.ts';
import { bring } from './change.ts';
import { command } from './command.ts';
import { BUILDING, CHANGING, PROJECT, REGISTRY, RELEASING } from './inputs.ts';
import type { Project } from './project.ts';

/** deploy brings a whole environment to what the file says. */
export const deploy = command({
  title: 'Switchyard',
  description: 'Deploy everything of an environment to your own servers, without losing a request.',
  inputs: [...PROJECT, ...CHANGING, ...RELEASING, 'age-key', ...REGISTRY, ...BUILDING, 'unfinished-hook'],
  outputs: ['changed', 'releases', 'result', 'images', 'digests', 'built', 'evidence'],
  run: (inputs, surroundings) =>
    bring(inputs, surroundings, { scope: 'services', check: checkAllEnvironments }),
});

/**
 * It says everything that is wrong with the file, also in environments that it does not deploy. Those that refer to what
 * this run does not have are not among them: their own runs have it.
 */
function checkAllEnvironments({ config }: Project): void {
  const errors: UserError[] = [];
  for (const environment of Object.keys(config.config.environments)) {
    try {
      resolveEnvironment(config, environment, { isStarted: () => false });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(...(error instanceof UserErrors ? error.errors : [error]));
    }
  }
  failTogether(errors);
}
