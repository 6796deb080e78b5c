import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { splitWords } from '../shell-words.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { flag, positiveDuration, text } from './scalars.ts';

/** Words of a command that says something. */
const words = parsed(
  z.union([text, z.array(text)], { error: 'must be text or a list of text' }),
  (value): string[] => {
    const list = typeof value === 'string' ? splitWords(value) : value;
    if (list[0] === undefined || list[0].trim() === '') throw new UserError('is empty');
    return list;
  },
);

const long = closed({
  command: requiredKey(words, {
    description:
      'Command that is run, in the forms of `command` of a service. The entrypoint of the service, or of its image, stays in front of it.',
    short: 'command: node migrate.js',
    long: 'command: ["node", "migrate.js"]',
  }),
  timeout: key(positiveDuration, {
    description: 'A command that takes longer is stopped, and the run fails.',
    fallback: { value: DEFAULTS.hook.timeout },
    example: 'timeout: 30m',
  }),
  idempotent: key(flag, {
    description:
      'Says that the command may be run a second time for the same release: when nobody knows how it ended, it is, instead of asking.',
    fallback: { value: false },
    example: 'idempotent: true',
  }),
});

/** A hook as the file has it, always in its long form. Durations in milliseconds. */
export type HookInput = z.infer<typeof long>;

/** A command that is run once per release. */
export const hook = z.union([words.transform((command): HookInput => ({ command })), long], {
  error: 'must be a command, or a map with one',
});
