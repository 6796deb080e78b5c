import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InterpolationError, interpolate } from '../../../src/config/interpolate.ts';

const VARIABLES = { SET: 'value', EMPTY: '', OTHER: 'other', DOLLAR: '$SET', undefinedOne: undefined };

describe('as Compose does it', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['$SET', 'value'],
    ['a-$SET-b', 'a-value-b'],
    ['$SET.$OTHER', 'value.other'],
    ['${SET}', 'value'],
    ['${SET}text${OTHER}', 'valuetextother'],
    ['$EMPTY${EMPTY}', ''],
    ['${SET:-default}', 'value'],
    ['${EMPTY:-default}', 'default'],
    ['${UNSET:-default}', 'default'],
    ['${UNSET:-}', ''],
    ['${EMPTY-default}', ''],
    ['${UNSET-default}', 'default'],
    ['${UNSET:-a:-b?c}', 'a:-b?c'],
    ['${UNSET:-${SET}}', 'value'],
    ['${UNSET:-${UNSET:-${OTHER}}}!', 'other!'],
    ['${UNSET:-two\nlines}', 'two\nlines'],
    ['${SET:?needed}', 'value'],
    ['${EMPTY?needed}', ''],
    ['${SET:+replacement}', 'replacement'],
    ['${EMPTY:+replacement}', ''],
    ['${EMPTY+replacement}', 'replacement'],
    ['${UNSET+replacement}', ''],
    ['${SET:+$OTHER}', 'other'],
    ['$$SET', '$SET'],
    ['$${SET}', '${SET}'],
    ['$$$SET', '$value'],
    ['100$$', '100$'],
    ['${UNSET:-$$x}', '$x'],
  ])('%j is %j', (text, expected) => {
    expect(interpolate(text, VARIABLES)).toBe(expected);
  });

  test('a value is not read for references again', () => {
    expect(interpolate('$DOLLAR', VARIABLES)).toBe('$SET');
  });

  test('a default that is not needed is not evaluated', () => {
    expect(interpolate('${SET:-${UNSET}}', VARIABLES)).toBe('value');
  });
});

describe('errors', () => {
  test.each([
    ['$UNSET', '$UNSET', 'variable UNSET is not set'],
    ['${UNSET}', '${UNSET}', 'variable UNSET is not set'],
    ['$undefinedOne', '$undefinedOne', 'variable undefinedOne is not set'],
    ['$constructor', '$constructor', 'variable constructor is not set'],
    [
      'a ${UNSET:?for the database} b',
      '${UNSET:?for the database}',
      'variable UNSET is not set: for the database',
    ],
    ['${EMPTY:?}', '${EMPTY:?}', 'variable EMPTY is empty'],
    ['${EMPTY:?see $OTHER}', '${EMPTY:?see $OTHER}', 'variable EMPTY is empty: see other'],
    ['${', '${', 'invalid reference "${"'],
    ['${}', '${}', 'invalid reference "${}"'],
    ['${SET', '${SET', 'invalid reference'],
    ['${SET!x}', '${SET!x}', 'invalid reference'],
    ['${SET x}', '${SET x}', 'invalid reference'],
    ['${1A}', '${1A}', 'invalid reference'],
    ['a $', '$', 'invalid reference "$"'],
    ['$1', '$1', 'invalid reference "$1"'],
    ['$(date)', '$(', 'invalid reference "$("'],
  ])('%j', (text, reference, message) => {
    try {
      interpolate(text, VARIABLES);
    } catch (error) {
      expect(error).toBeInstanceOf(InterpolationError);
      expect((error as InterpolationError).message).toContain(message);
      expect((error as InterpolationError).reference).toBe(reference);
      return;
    }
    throw new Error('nothing was thrown');
  });

  test("GitHub's expressions are named as such", () => {
    expect(() => interpolate('api:${{ github.sha }}', VARIABLES)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('GitHub expressions are not evaluated') }),
    );
  });
});

test('what comes out holds no reference any more', () => {
  const name = fc.constantFrom('SET', 'EMPTY', 'OTHER', 'UNSET');
  const part = fc.oneof(
    fc.string().map((text) => text.replaceAll(/[${}]/g, '')),
    fc
      .tuple(name, fc.constantFrom(':-', '-', ':+', '+'), fc.string())
      .map(([variable, operator, word]) => `\${${variable}${operator}${word.replaceAll(/[${}]/g, '')}}`),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const { DOLLAR: _, ...plain } = VARIABLES;
      expect(interpolate(parts.join(''), plain)).not.toContain('$');
    }),
  );
});

test('any text either comes out or is a mistake of the user', () => {
  const text = fc
    .array(fc.constantFrom('$', '{', '}', ':', '-', '?', '+', 'SET', 'UNSET', ' ', '\n'))
    .map((all) => all.join(''));
  fc.assert(
    fc.property(text, (template) => {
      try {
        interpolate(template, VARIABLES);
      } catch (error) {
        expect(error).toBeInstanceOf(InterpolationError);
        expect(template).toContain((error as InterpolationError).reference);
      }
    }),
    { numRuns: 2000 },
  );
});
