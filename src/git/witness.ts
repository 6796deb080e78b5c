import { UserError } from '../model/errors.ts';
import type { Setting } from './configuration.ts';

/** A setting that means nothing, and is seen where settings in the environment arrive: git before 2.31 passes over them. */
export const WITNESS: Setting = { key: 'switchyard.witness', value: 'seen' };

/** requireWitness throws a UserError where {@link WITNESS} is not among the settings that git has listed. */
export function requireWitness(settings: readonly Setting[]): void {
  if (settings.some(({ key }) => key === WITNESS.key)) return;
  throw new UserError('the git of this machine is too old', { hint: 'Install git 2.32 or newer.' });
}
