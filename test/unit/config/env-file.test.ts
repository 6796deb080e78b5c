import { describe, expect, test } from '@jest/globals';
import { parseEnvFile } from '../../../src/config/env-file.ts';
import { errorsOf } from './files.ts';

const RUN = { HOST: 'db.internal', EMPTY: '' };
const read = (text: string, format?: 'raw') =>
  Object.fromEntries(parseEnvFile(text, '.env', RUN, format).map(({ name, value }) => [name, value]));

describe('an env file', () => {
  test.each<[string, string, Record<string, string>]>([
    ['comments and blank lines', '# one\n\n  # two\nA=1\n', { A: '1' }],
    ['line ends of Windows, and a mark of the byte order', '\uFEFFA=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['export', 'export A=1', { A: '1' }],
    ['a colon', 'A: 1', { A: '1' }],
    ['blanks around', '  A = 1  ', { A: '1' }],
    ['no value', 'A=\nB=2', { A: '', B: '2' }],
    ['a comment after a value', 'A=1 # one\nB=1#one', { A: '1', B: '1#one' }],
    ['an = in a value', 'A=b=c==', { A: 'b=c==' }],
    ['single quotes', 'A=\'x $HOST # "y"\' # z', { A: 'x $HOST # "y"' }],
    ['double quotes', 'A="x # y" # z', { A: 'x # y' }],
    ['escapes', 'A="a\\nb\\t\\"c\\" \\$HOST"', { A: 'a\nb\t"c" $HOST' }],
    ['several lines', 'A="one\ntwo"\nB=\'three\nfour\'\nC=5', { A: 'one\ntwo', B: 'three\nfour', C: '5' }],
    ['references', 'A=$HOST\nB="${HOST}:${PORT:-5432}"', { A: 'db.internal', B: 'db.internal:5432' }],
    ['references to what stands above', 'A=1\nB=${A}2', { A: '1', B: '12' }],
    [
      'the environment of the run before what stands above',
      'HOST=own\nB=$HOST',
      { HOST: 'own', B: 'db.internal' },
    ],
    ['a dollar sign', 'A=5$$', { A: '5$' }],
    ['a name alone', 'HOST\nNOBODY\nEMPTY', { HOST: 'db.internal', EMPTY: '' }],
    ['of two the last', 'A=1\nA=2', { A: '2' }],
  ])('has %s as Compose does', (_what, text, values) => {
    expect(read(text)).toEqual(values);
  });

  test('that is raw is taken line by line as it stands', () => {
    expect(read('# c\nA="1"\nB=$HOST # x\nC\n', 'raw')).toEqual({ A: '"1"', B: '$HOST # x' });
  });

  test.each([
    ['A=1\n=2', '.env:2: is no assignment'],
    ['A B=1', '.env:1: is no assignment'],
    [`A="x"y`, '.env:1: there is text after the closing quote'],
    ['A="1\n', '.env:1: a quote is not closed'],
    ["A='1", '.env:1: a quote is not closed'],
    ['A=1\n\nPASSWORD=pa$word', '.env:3: a reference after "$" cannot be replaced'],
  ])('%j is refused with its line, and nothing of a value', (text, message) => {
    const [error] = errorsOf(() => read(text));
    expect(error?.message).toBe(message);
    expect(`${error?.message} ${error?.hint}`).not.toContain('word ');
  });
});
