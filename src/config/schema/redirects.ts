import * as z from 'zod';
import { REDIRECT_STATUSES, type Redirect } from '../../model/addresses.ts';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseAddress } from '../domain.ts';
import { parseRedirectTarget } from '../redirect-target.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { decimal, flag } from './scalars.ts';

const STATUSES: readonly number[] = REDIRECT_STATUSES;

const redirect = closed({
  from: requiredKey(parsed(z.string(), parseAddress), {
    description:
      'Where whoever comes is sent elsewhere: a domain, or a path below one, in the forms of `domain`. The longest path wins, among redirects and services.',
    example: 'from: www.example.com',
  }),
  to: requiredKey(parsed(z.string(), parseRedirectTarget), {
    description:
      'Where they are sent: a URL of http or https, or a path of the domain that they came to. What has a meaning in a URL is encoded (`%24` for `$`).',
    example: 'to: https://example.com',
  }),
  status: key(
    decimal(STATUSES.join(', '), (value) => STATUSES.includes(value)),
    {
      description:
        'Status of the answer. `308` and `301` are for good, and browsers keep them; `307` and `302` are for now. `308` and `307` keep method and body of a request, with the others a POST becomes a GET.',
      fallback: { value: DEFAULTS.redirect.status },
      example: 'status: 301',
    },
  ),
  keep_path: key(flag, {
    description:
      'What follows `from` in the path, and the query, is put behind `to`. With `false` everybody gets `to` as it is.',
    fallback: { value: DEFAULTS.redirect.keep_path },
    example: 'keep_path: false',
  }),
});

/** What the edge answers by sending elsewhere. */
export const redirects = z.array(
  parsed(redirect, ({ from, to, status = DEFAULTS.redirect.status, keep_path: keepsPath }): Redirect => {
    if (to.isWhole && keepsPath !== false) {
      throw new UserError(`nothing can be put behind ${JSON.stringify(to.to)}`, {
        hint: 'Write keep_path: false, or a target without ? and #.',
      });
    }
    const known = REDIRECT_STATUSES.find((one) => one === status) ?? DEFAULTS.redirect.status;
    return { from, to: to.to, status: known, ...(keepsPath === false && { dropsPath: true as const }) };
  }),
);
