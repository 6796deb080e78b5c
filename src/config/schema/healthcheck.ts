import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { GRPC_NAME_MAX } from '../../model/grpc.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseStatusRanges } from '../status-ranges.ts';
import { closed, key, parsed } from './key.ts';
import { duration, filledText, flag, text, wholeNumber } from './scalars.ts';

/** checkPath returns a request path. It throws unless it begins with `/` and is printable ASCII, as HTTP asks. */
function checkPath(path: string): string {
  if (/^\/[!-~]*$/.test(path)) return path;
  throw new UserError(`${JSON.stringify(path)} is no path of a request`, {
    hint: 'Begin it with /, and write spaces, control characters and what is not ASCII as %20 and so on.',
  });
}

/** checkTest returns Compose's `test` in its list form: `['NONE']`, `['CMD', …]` or `['CMD-SHELL', line, …]`. */
function checkTest(test: string | string[]): string[] {
  const list = typeof test === 'string' ? ['CMD-SHELL', test] : test;
  const [kind, ...rest] = list;
  const isComplete =
    (kind === 'NONE' && rest.length === 0) ||
    (kind === 'CMD' && rest.length > 0 && rest[0] !== '') ||
    (kind === 'CMD-SHELL' && rest.length > 0 && rest[0]?.trim() !== '');
  if (isComplete) return list;
  throw new UserError('is no command of a health check', {
    hint: 'Write a line for the shell, or ["CMD", "program", "argument"], ["CMD-SHELL", "line"] or ["NONE"].',
  });
}

/** checkGrpc returns the full name of a service of gRPC, nothing for the whole server. It throws for what is no name. */
function checkGrpc(said: boolean | string): { service?: string } | undefined {
  if (typeof said === 'boolean') return said ? {} : undefined;
  if (said.length <= GRPC_NAME_MAX && /^\w+(?:\.\w+)*$/.test(said)) return { service: said };
  throw new UserError(`${JSON.stringify(said)} is no full name of a service`, {
    hint: `Write it as "package.Service", ${GRPC_NAME_MAX} characters at most, or true for the whole server.`,
  });
}

/** Headers that say where a request ends or what becomes of its connection: those are the client's own. */
const OF_THE_CONNECTION: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** checkHeaders returns headers with their names in lower case. It throws for what HTTP does not take (RFC 9110 §5). */
function checkHeaders(headers: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new UserError(`${JSON.stringify(name)} is no name of a header`);
    if (OF_THE_CONNECTION.includes(name.toLowerCase()))
      throw new UserError(`${name} is a header of the connection, which Switchyard says itself`);
    if (!/^[!-~](?:[ -~\t]*[!-~])?$/.test(String(value)))
      throw new UserError(`the value of ${name} is none of a header`, {
        hint: 'Write printable ASCII on one line, without spaces around it.',
      });
    return [name.toLowerCase(), String(value)];
  });
  return Object.fromEntries(pairs);
}

const headers = parsed(
  z.record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: 'must be text' }), {
    error: 'must be a map of headers',
  }),
  checkHeaders,
);

const statusText = z.union([z.string(), z.number()], { error: 'must be statuses such as 200-399' });

/** What a good answer is. */
const expectation = closed({
  status: key(
    parsed(
      z.union([statusText, z.array(statusText)], { error: 'must be statuses such as 200-399' }),
      (said): [from: number, to: number][] => [said].flat().flatMap((one) => parseStatusRanges(String(one))),
    ),
    {
      description: 'Statuses of a healthy answer: one, a range, several with commas, or a list of such.',
      fallback: {
        words:
          '`200-399` where there is a `path`; else every answer below 500, since `/` may ask for a login',
      },
      short: 'status: 200-399',
      long: 'status: [200, 204, 401]',
    },
  ),
  json: key(z.record(z.string(), z.unknown(), { error: 'must be a map' }), {
    description:
      'Members that the JSON of the answer must have at least, with these values; maps are compared in the same way, lists as a whole.',
    example: 'json: { status: ok, database: { connected: true } }',
  }),
});

/** A time, or 0 for none said, as the engine has it. */
const timeIfAny = parsed(duration, (milliseconds) => milliseconds || undefined).meta({ takes: 'duration' });

/** A number of checks, or 0 for none said. */
const triesIfAny = parsed(
  wholeNumber('a whole number, at most 1000', 0, 1000),
  (number) => number || undefined,
).meta({
  takes: 'number',
});

/** A time that the image's own HEALTHCHECK may say too. */
const timeOf = (value: string | number) => ({
  words: `\`${value}\`; where the image's own HEALTHCHECK is the check, what that says`,
});

/** How a new container proves that it is healthy. Durations in milliseconds. */
export const healthcheck = closed({
  test: key(
    parsed(z.union([filledText, z.array(text)], { error: 'must be text or a list of text' }), checkTest),
    {
      from: 'Compose',
      description:
        'Command that is run inside the container and exits with 0 when it is healthy; then the port of the service has to take a connection from outside of it. A string is a line for the shell of the image. `["NONE"]` is the same as `disable: true`. Not together with `path`.',
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
      'Path that is requested from the container over HTTP; a 2xx or 3xx answer is healthy, unless `expect` says otherwise. Redirects are not followed. Not together with `test`. Makes the protocol of the service `http`.',
    example: 'path: /health',
  }),
  headers: key(headers, {
    description:
      'Headers of the requests to `path` (`/` without one), by health check, proof and probe. `Host` is the first domain of the service that has no `*`, else its name, unless it is said here; through the edge the probe has to come by a domain. What stands here is in the record as it is written: no place for a secret.',
    example: 'headers: { Host: localhost, X-Forwarded-Proto: https }',
  }),
  expect: key(expectation, {
    description: 'What the answer to `path` (`/` without one) has to be. Not together with `test`.',
    example: 'expect: { status: 200-399, json: { status: ok } }',
  }),
  grpc: key(
    parsed(z.union([flag, filledText], { error: 'must be true, or the full name of a service' }), checkGrpc),
    {
      description:
        'Asks by the health protocol of gRPC (`grpc.health.v1.Health/Check`), for the whole server or for a service of it; `SERVING` is healthy. Makes the protocol of the service `grpc`. Not together with `test`.',
      fallback: {
        words:
          'where `protocol` is `grpc`, the whole server is asked, and one that does not know that protocol has to answer',
      },
      short: 'grpc: true',
      long: 'grpc: shop.Catalog',
    },
  ),
  disable: key(flag, {
    from: 'Compose',
    description:
      'Only ask whether the container runs and takes connections on its port, whatever the image or the name of the image say.',
    fallback: { value: false },
    example: 'disable: true',
  }),
  interval: key(timeIfAny, {
    from: 'Compose',
    description:
      'Longest time between two checks: in the first second they come 50 ms apart, then the gap begins with 100 ms and doubles up to this.',
    fallback: timeOf(DEFAULTS.healthcheck.interval),
    example: 'interval: 500ms',
  }),
  timeout: key(timeIfAny, {
    from: 'Compose',
    description: 'A check that takes longer than this has failed.',
    fallback: timeOf(DEFAULTS.healthcheck.timeout),
    example: 'timeout: 2s',
  }),
  retries: key(triesIfAny, {
    from: 'Compose',
    description:
      'So many checks may fail after the start period. The new side is given up after `start_period + retries × (interval + timeout)`, however long that is: only the end of the job comes before.',
    fallback: timeOf(DEFAULTS.healthcheck.retries),
    example: 'retries: 5',
  }),
  start_period: key(duration, {
    from: 'Compose',
    description: 'Time the container has to start, in which a failed check does not count.',
    fallback: timeOf(DEFAULTS.healthcheck.start_period),
    example: 'start_period: 30s',
  }),
  start_interval: key(timeIfAny, {
    from: 'Compose',
    description:
      'Accepted so that a block of Compose pastes in unchanged, and without effect: checks begin 50 ms apart anyway.',
    example: 'start_interval: 1s',
  }),
});
