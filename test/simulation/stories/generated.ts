import { UserError } from '../../../src/model/errors.ts';
import type { RunOptions } from '../world/world.ts';

/** Who can open encrypted copies, and with which of their keys a run comes. */
export interface Sealing {
  recipients?: string[];
  key?: string;
}

/**
 * withPassword returns a run whose service `api` has a generated secret as its variable `PASSWORD`. What age does with real
 * keys is told elsewhere: here an encrypted copy names whom it is for, and only their keys open it.
 */
export function withPassword({ recipients = [], key }: Sealing = {}, length = 32): RunOptions {
  return {
    generated: {
      needed: { password: length },
      recipients,
      complete: ({ password }) => ({ api: { PASSWORD: password ?? '' } }),
      seal: async (value) => JSON.stringify({ for: recipients, sealed: Buffer.from(value).toString('hex') }),
      ...(key !== undefined && {
        open: async (name: string, age: string) => {
          const { for: whom, sealed } = JSON.parse(age);
          if (!whom.includes(key))
            throw new UserError(`no key of the input age-key opens the copy of ${name}`);
          return Buffer.from(sealed, 'hex').toString();
        },
      }),
    },
  };
}
