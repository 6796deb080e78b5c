import { UserError } from '../model/errors.ts';

/** What Linux takes of one variable, with its name, the sign between and the byte at its end (MAX_ARG_STRLEN). */
const VARIABLE_MAX_BYTES = 128 * 1024;

/** checkVariableSize throws for a variable with which no program can be started. */
export function checkVariableSize(name: string, value: string): void {
  const bytes = Buffer.byteLength(`${name}=${value}`) + 1;
  if (bytes <= VARIABLE_MAX_BYTES) return;
  throw new UserError(
    `variable ${name} has ${Math.ceil(bytes / 1024)} KB, and Linux starts no program with more than 128 KB in one`,
    { hint: 'Give it to the service as a file, by configs or secrets.' },
  );
}
