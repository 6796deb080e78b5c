import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Directive } from '../../../src/model/directives.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import { directivesOf, edgeOf, type Said } from './edge-of-file.ts';
import { hostile, PAGES, PLACES, serviceWith } from './hostile-values.ts';

/** What an edge of the file would be told; undefined where the file is refused with a sentence. */
function toldBy(said: Said): Directive[] | undefined {
  let files: Map<string, string>;
  try {
    files = edgeOf(said, PAGES);
  } catch (error) {
    if (error instanceof UserError || error instanceof UserErrors) return undefined;
    throw error;
  }
  return directivesOf(files);
}

const HASHED = /_[0-9a-f]{16}\b/g;
/** What stands in them are values, and no directives. */
const TABLES = ['map', 'geo', 'types', 'split_clients'];

/** The directives, without what people may say: their names, how many words they have, and what they hold. */
function shapeOf(directives: readonly Directive[]): string[] {
  return directives
    .map(({ words: [name = '', ...words], body }) => {
      const within = TABLES.includes(name) ? [String(body.length)] : shapeOf(body);
      return `${name} ${words.length} {${within.join(' ')}}`;
    })
    .sort();
}

/** The variables that anything means. */
function variablesOf(directives: readonly Directive[]): Set<string> {
  return new Set(
    directives.flatMap(({ words, body }) => [
      ...words.flatMap((word) =>
        [...word.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name.replace(HASHED, '')),
      ),
      ...variablesOf(body),
    ]),
  );
}

describe.each(PLACES)('$name of the file', (place) => {
  const fine = toldBy(place.said(place.fine));

  test('is taken as it is meant', () => {
    expect(fine).toBeDefined();
  });

  test('means nothing else to nginx, whatever is written there', () => {
    fc.assert(
      fc.property(hostile(place), (text) => {
        const told = toldBy(place.said(text));
        if (told === undefined) return;
        expect(shapeOf(told)).toEqual(shapeOf(fine!));
        expect(variablesOf(told)).toEqual(variablesOf(fine!));
      }),
      { numRuns: 30, seed: 11 },
    );
  });
});

test('what a shape is tells a value from a directive', () => {
  const shape = (text: string) => shapeOf(directivesOf(new Map([['nginx.conf', text]])));
  expect(shape('a b;')).toEqual(shape('a "c;}";'));
  expect(shape('a b;')).not.toEqual(shape('a b; c d;'));
  expect(shape('a b;')).not.toEqual(shape('a b c;'));
});

describe('what is too long for nginx is refused, or written in pieces', () => {
  const label = 'a'.repeat(60);
  const origin = `https://${[label, label, label, label].join('.')}`;

  test.each<[string, Said]>([
    ['a header', { headers: { 'Content-Security-Policy': 'a'.repeat(4_001) } }],
    ['a header with quotes', { headers: { 'X-A': '"'.repeat(2_001) } }],
    ['a name of a header', { headers: { [`X-${'a'.repeat(4_000)}`]: 'a' } }],
    [
      'a list of headers',
      {
        cors: { origins: [origin], headers: Array.from({ length: 300 }, (_, index) => `X-Header-${index}`) },
      },
    ],
    ['an origin', { cors: `${origin}.${label}` }],
    ['a media type', { gzip: { types: [`application/${'a'.repeat(35)}`] } }],
  ])('%s', (_what, edge) => {
    expect(toldBy(serviceWith({ edge }))).toBeUndefined();
  });

  test('no word of any domain with many paths is longer than nginx reads', () => {
    const redirects = Array.from({ length: 300 }, (_, index) => ({
      from: `api.example.com/old/articles/number-${index}`,
      to: `/new/${index}`,
    }));
    const words = (directives: readonly Directive[]): string[] =>
      directives.flatMap((directive) => [...directive.words, ...words(directive.body)]);
    const longest = Math.max(...words(toldBy(serviceWith({ redirects }))!).map(({ length }) => length));
    expect([longest > 3_000, longest < 4_000]).toEqual([true, true]);
  });

  test('a time below a millisecond is one that nginx knows', () => {
    const files = edgeOf(serviceWith({ idle_timeout: '1500us' }));
    expect([...files.values()].join('')).toContain('proxy_read_timeout 2ms;');
  });
});
