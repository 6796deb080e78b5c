import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { closed, key, parsed } from './key.ts';
import { duration, filledText, flag, positiveDuration, text, wholeNumber } from './scalars.ts';

/** checkPath returns a request path. It throws unless it begins with `/` and is printable ASCII, as HTTP asks. */
function checkPath(path: string): string {
  if (/^\/[!-~]*$/.test(path)) return path;
  throw new UserError(`${JSON.stringify(path)} is no path of a request`, {
    hint: 'Begin it with /, and write spaces, control characters and what is not ASCII as %20 and so on.',
  });
}

/** checkTest returns Compose's `test` in its list form: `['NONE']`, `['CMD', …]` or `['CMD-SHELL', line]`. */
function checkTest(test: string | string[]): string[] {
  const list = typeof test === 'string' ? ['CMD-SHELL', test] : test;
  const [kind, ...rest] = list;
  const isComplete =
    (kind === 'NONE' && rest.length === 0) ||
    (kind === 'CMD' && rest.length > 0 && rest[0] !== '') ||
    (kind === 'CMD-SHELL' && rest.length === 1 && rest[0]?.trim() !== '');
  if (isComplete) return list;
  throw new UserError('is no command of a health check', {
    hint: 'Write a line for the shell, or ["CMD", "program", "argument"], ["CMD-SHELL", "line"] or ["NONE"].',
  });
}

/** How a new container proves that it is healthy. Durations in milliseconds. */
export const healthcheck = closed({
  test: key(
    parsed(z.union([filledText, z.array(text)], { error: 'must be text or a list of text' }), checkTest),
    {
      from: 'Compose',
      description:
        'Command that is run inside the container and exits with 0 when it is healthy. A string is a line for the shell of the image. `["NONE"]` is the same as `disable: true`. Not together with `path`.',
      fallback: {
        words:
          "the check of a recognised image, else the image's own HEALTHCHECK, else a request for / (http) or a connection (tcp); of a worker, that it runs for `start_period` without a restart",
      },
      short: 'test: pg_isready -h 127.0.0.1',
      long: 'test: ["CMD", "pg_isready", "-h", "127.0.0.1"]',
    },
  ),
  path: key(parsed(z.string(), checkPath), {
    description:
      'Path that is requested from the container over HTTP; a 2xx or 3xx answer is healthy. Not together with `test`. Makes the protocol of the service `http`.',
    example: 'path: /health',
  }),
  disable: key(flag, {
    from: 'Compose',
    description:
      'Only ask whether the container runs and takes connections on its port, whatever the image or the name of the image say.',
    fallback: { value: false },
    example: 'disable: true',
  }),
  interval: key(positiveDuration, {
    from: 'Compose',
    description: 'Longest time between two checks: they begin 100 ms apart and the gap doubles up to this.',
    fallback: { value: DEFAULTS.healthcheck.interval },
    example: 'interval: 500ms',
  }),
  timeout: key(positiveDuration, {
    from: 'Compose',
    description: 'A check that takes longer than this has failed.',
    fallback: { value: DEFAULTS.healthcheck.timeout },
    example: 'timeout: 2s',
  }),
  retries: key(wholeNumber('a whole number, at least 1', 1, 1000), {
    from: 'Compose',
    description:
      'So many checks may fail after the start period. The new side is given up after `start_period + retries × (interval + timeout)`, at most 3 minutes.',
    fallback: { value: DEFAULTS.healthcheck.retries },
    example: 'retries: 5',
  }),
  start_period: key(duration, {
    from: 'Compose',
    description: 'Time the container has to start, in which a failed check does not count.',
    fallback: { value: DEFAULTS.healthcheck.start_period },
    example: 'start_period: 30s',
  }),
  start_interval: key(positiveDuration, {
    from: 'Compose',
    description:
      'Accepted so that a block of Compose pastes in unchanged, and without effect: checks begin 100 ms apart anyway.',
    example: 'start_interval: 1s',
  }),
});
