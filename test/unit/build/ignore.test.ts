import { describe, expect, test } from '@jest/globals';
import { parseIgnore } from '../../../src/build/ignore.ts';
import { IGNORE_TABLE } from './ignore-table.ts';

describe('what a .dockerignore leaves out', () => {
  test.each(IGNORE_TABLE)('$rules', ({ rules, kept, left }) => {
    const { isIgnored } = parseIgnore(rules.join('\n'));
    expect({ kept: kept.filter((path) => !isIgnored(path)), left: left.filter(isIgnored) }).toEqual({
      kept,
      left,
    });
  });

  test('what means something in an expression means nothing here, as in BuildKit since 2022', () => {
    const { isIgnored } = parseIgnore('a+b\n(c)\n{d}\n$e');
    expect(['a+b', '(c)', '{d}', '$e'].filter(isIgnored)).toHaveLength(4);
    expect(isIgnored('aab')).toBe(false);
  });

  test('a byte order mark, comments and blank lines say nothing', () => {
    const { isIgnored } = parseIgnore('\uFEFFa\r\n\n# b\n   \n');
    expect([isIgnored('a'), isIgnored('b')]).toEqual([true, false]);
  });

  test.each(['[', '!', 'a['])('%s is no pattern', (pattern) => {
    expect(() => parseIgnore(pattern)).toThrow(/a \.dockerignore has/);
  });
});
