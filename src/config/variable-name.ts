import { UserError } from '../model/errors.ts';

/** Variables that Switchyard sets itself: `SWITCHYARD_<NAME>_HOST` and `_PORT` of every dependency. */
const RESERVED_PREFIX = 'SWITCHYARD_';

/** checkVariableName throws unless `name` can be a variable of a container: not empty, no `=`, no NUL. */
export function checkVariableName(name: string): void {
  if (!/^[^\s=\0]+$/.test(name)) {
    throw new UserError(`${JSON.stringify(name)} cannot be the name of an environment variable`, {
      hint: 'It must not be empty, nor hold spaces, = or NUL.',
    });
  }
  if (name.startsWith(RESERVED_PREFIX)) {
    throw new UserError(
      `variable ${JSON.stringify(name)} is reserved: names with ${RESERVED_PREFIX} are Switchyard's`,
    );
  }
}
