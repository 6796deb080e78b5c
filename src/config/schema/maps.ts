import * as z from 'zod';
import { parsed } from './key.ts';
import { text } from './scalars.ts';

/** pairOf reads Compose's `KEY=value`, or `KEY`, which has `bare` as its value. */
export function pairOf<T>(text: string, bare: T): [name: string, value: string | T] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, bare] : [text.slice(0, equals), text.slice(equals + 1)];
}

/**
 * textMap is a map, or a list of `KEY=value` in which the last one of a name counts, whose values become text; `checkKey`
 * throws for keys that cannot be.
 */
export function textMap(checkKey: (name: string) => void = () => undefined) {
  const name = parsed(z.string(), (value) => {
    checkKey(value);
    return value;
  });
  const value = z.union([text, z.number(), z.boolean(), z.null()], {
    error: 'must be text, a number, true or false',
  });
  const pair = parsed(text, (said) => {
    const [key, member] = pairOf(said, '');
    checkKey(key);
    return [key, member] as [string, string];
  });
  return z
    .union([z.record(name, value), z.array(pair)], { error: 'must be a map or a list of KEY=value' })
    .transform((said): Record<string, string> => {
      const pairs: [string, unknown][] = Array.isArray(said) ? said : Object.entries(said);
      return Object.fromEntries(pairs.map(([key, member]) => [key, String(member ?? '')]));
    });
}
