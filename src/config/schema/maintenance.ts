import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { ranges } from './edge-options.ts';
import { closed, key, parsed } from './key.ts';
import { filledText, flag, positiveDuration, wholeNumber } from './scalars.ts';

const page = parsed(filledText, (path) => {
  if (/^\.{1,2}\//.test(path)) return path;
  throw new UserError(`${JSON.stringify(path)} is no path of the repository`, {
    hint: 'Write it from the folder of this file: ./maintenance.html.',
  });
});

const settings = closed({
  enabled: key(flag, {
    description:
      'Whether users get the page from the next deploy on. The other keys alone switch nothing on: they say what the action `maintenance` shows.',
    fallback: { value: false },
    example: 'enabled: true',
  }),
  page: key(page, {
    description: 'HTML file of the repository, at most 64 KB, in place of the page that there is.',
    fallback: { words: 'a simple page' },
    example: 'page: ./maintenance.html',
  }),
  allow: key(ranges, {
    description:
      'Addresses and ranges of clients that pass all the same, by the address that the edge knows them by (`trusted_proxies`).',
    fallback: { words: 'nobody passes' },
    example: 'allow: [203.0.113.0/24]',
  }),
  retry_after: key(positiveDuration, {
    description: 'What `Retry-After` tells clients and search engines, in whole seconds.',
    fallback: { value: DEFAULTS.maintenance.retry_after },
    example: 'retry_after: 30m',
  }),
  status: key(wholeNumber('a status from 400 to 599', 400, 599), {
    description: 'Status of the answer. Search engines take 503 for what it is.',
    fallback: { value: DEFAULTS.maintenance.status },
    example: 'status: 503',
  }),
});

/** Maintenance as the file has it, always as a map. Durations in milliseconds. */
export type MaintenanceInput = z.infer<typeof settings>;

/** Whether users get a page instead of the app, and which. */
export const maintenance = z.union([flag.transform((enabled): MaintenanceInput => ({ enabled })), settings], {
  error: 'must be true, false or a map such as { enabled: true, page: ./maintenance.html }',
});
