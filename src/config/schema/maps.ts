import * as z from 'zod';
import { parsed } from './key.ts';
import { text } from './scalars.ts';

/** fromPairs turns Compose's list form `KEY=value` or `KEY` into a map; a key alone has `bare` as value, and of two the last one counts. */
export function fromPairs<T>(list: readonly string[], bare: T): Record<string, string | T> {
  return Object.fromEntries(
    list.map((pair): [string, string | T] => {
      const equals = pair.indexOf('=');
      return equals === -1 ? [pair, bare] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** textMap is a map, or a list of `KEY=value`, whose values become text; `checkKey` throws for keys that cannot be. */
export function textMap(checkKey: (name: string) => void = () => undefined) {
  const name = parsed(z.string(), (value) => {
    checkKey(value);
    return value;
  });
  const value = z.union([text, z.number(), z.boolean(), z.null()], {
    error: 'must be text, a number, true or false',
  });
  return parsed(
    z.union([z.record(name, value), z.array(text)], { error: 'must be a map or a list of KEY=value' }),
    (said): Record<string, string> => {
      const map = Array.isArray(said) ? fromPairs(said, '') : said;
      if (Array.isArray(said)) Object.keys(map).forEach(checkKey);
      return Object.fromEntries(Object.entries(map).map(([key, member]) => [key, String(member ?? '')]));
    },
  );
}
