import { describe, expect, test } from '@jest/globals';
import { type Directive, parseDirectives } from '../../../src/model/directives.ts';
import { parseConfiguration } from '../../../src/nginx/configuration.ts';

/** written returns directives as nginx would read them again, for people: each word apart, blocks in braces. */
function written(directives: readonly Directive[]): string {
  return directives
    .map(({ words, isBlock, body }) => `${words.join(' ')}${isBlock ? `{${written(body)}}` : ';'}`)
    .join('');
}

describe('one file', () => {
  const words = (text: string) => parseDirectives(text).directives.map((directive) => directive.words);

  test('directives, and blocks within blocks', () => {
    const { directives, mistake } = parseDirectives('a 1 2;\nb { c; d x { e; } }\nf {}');
    expect(written(directives)).toBe('a 1 2;b{c;d x{e;}}f{}');
    expect(mistake).toBeUndefined();
  });

  test('an empty block is not the same as none', () => {
    expect(parseDirectives('a {}').directives).toEqual([{ words: ['a'], isBlock: true, body: [] }]);
    expect(parseDirectives('a;').directives).toEqual([{ words: ['a'], isBlock: false, body: [] }]);
  });

  test.each([
    ['comments stand between words only', 'a b#c # d; }\n e;', [['a', 'b#c', 'e']]],
    ['quotes make one word of anything', `a "b ; {" 'c # "d"' '';`, [['a', 'b ; {', 'c # "d"', '']]],
    ['quotes within a word are part of it', 'a b"c;', [['a', 'b"c']]],
    [
      'backslashes keep quotes and themselves',
      String.raw`a "b\"c" d\\e f\;g;`,
      [['a', 'b"c', 'd\\e', 'f\\;g']],
    ],
    ['other backslashes are for regular expressions', String.raw`a ~^/x\.html$;`, [['a', '~^/x\\.html$']]],
    ['tabs and line ends have names', String.raw`a "b\tc\n";`, [['a', 'b\tc\n']]],
    ['a variable in braces opens no block', 'a ${b}c x${d} $e;', [['a', '${b}c', 'x${d}', '$e']]],
    ['a brace that closes ends no word', 'a ~^x}$;', [['a', '~^x}$']]],
    ['a string may end a condition', 'if ($a !~ "b$") { return 1; }', [['if', '($a', '!~', 'b$', ')']]],
  ])('%s', (_what, text, expected) => {
    expect(words(text)).toEqual(expected);
    expect(parseDirectives(text).mistake).toBeUndefined();
  });

  test.each([
    ['a; }', 'unexpected "}"'],
    ['a { b }', 'unexpected "}"'],
    ['a;;', 'unexpected ";"'],
    ['{ a; }', 'unexpected "{"'],
    ['a', 'unexpected end of file'],
    ['a { b;', 'unexpected end of file'],
    ['a "b', 'unexpected "\\""'],
    ['a "b"c;', 'unexpected "c"'],
  ])('nginx refuses %j', (text, mistake) => {
    expect(parseDirectives(text).mistake).toBe(mistake);
  });

  test('what follows a mistake is read as well as can be', () => {
    expect(written(parseDirectives('a { b } c;').directives)).toBe('a{}c;');
    expect(written(parseDirectives('a "b"c; d { e;').directives)).toBe('a b c;d{e;}');
  });
});

describe('a configuration of several files', () => {
  const MAIN = '/etc/nginx/nginx.conf';
  const parse = (files: Record<string, string>) => parseConfiguration(new Map(Object.entries(files)), MAIN);

  test('what is included stands in the place of its include, in blocks too', () => {
    const { directives, mistake } = parse({
      [MAIN]: 'a; include /b.conf; http { include /c.conf; d; }',
      '/b.conf': 'b;',
      '/c.conf': 'server { include /b.conf; }',
    });
    expect(written(directives)).toBe('a;b;http{server{b;}d;}');
    expect(mistake).toBeUndefined();
  });

  test('names are relative to the main file, and wildcards stay in their folder, in order', () => {
    const { directives, mistake } = parse({
      [MAIN]: 'include conf.d/*.conf; include /none/*.conf; include conf.d/deep/?.txt;',
      '/etc/nginx/conf.d/2.conf': 'second;',
      '/etc/nginx/conf.d/1.conf': 'first;',
      '/etc/nginx/conf.d/1xconf': 'no;',
      '/etc/nginx/conf.d/deep/3.conf': 'no;',
      '/etc/nginx/conf.d/deep/4.txt': 'third;',
    });
    expect(written(directives)).toBe('first;second;third;');
    expect(mistake).toBeUndefined();
  });

  test('a file that is named has to be there', () => {
    expect(parse({}).mistake).toBe(`${MAIN} is missing`);
    expect(parse({ [MAIN]: 'include /b.conf;' }).mistake).toBe('/b.conf is missing');
  });

  test('a file that includes itself is no endless one', () => {
    expect(parse({ [MAIN]: 'include /b.conf;', '/b.conf': 'include /b.conf;' }).mistake).toBe(
      '/b.conf includes itself',
    );
  });

  test('each file is whole, and the first mistake is named with its file', () => {
    const files = { [MAIN]: 'http { include /b.conf; include /c.conf; }', '/b.conf': 'a; }', '/c.conf': 'a' };
    expect(parse(files).mistake).toBe('unexpected "}" in /b.conf');
  });
});
