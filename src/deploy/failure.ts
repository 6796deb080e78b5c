import { UserError, UserErrors } from '../model/errors.ts';
import type { StepFailure } from './execute.ts';

/**
 * failureOf returns why a run fails whose steps have failed: the first error that is no user's, else all users' errors
 * together, each once. A cancelled run ends with one error everywhere.
 */
export function failureOf(failures: readonly Pick<StepFailure, 'error'>[]): unknown {
  const errors = [...new Set(failures.map(({ error }) => error))];
  const ours = errors.find((error) => !(error instanceof UserError));
  if (ours !== undefined) return ours;
  return errors.length === 1 ? errors[0] : new UserErrors(errors as UserError[]);
}
