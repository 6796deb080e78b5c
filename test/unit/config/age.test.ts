import { describe, expect, test } from '@jest/globals';
import { openAge, parseAgeKeys } from '../../../src/config/age.ts';

// What age 1.1.1 has written: a key that is used nowhere else, and one text twice.
const KEY = 'AGE-SECRET-KEY-1EZEZDRWTXZHLR52Z3AU27Z3FJGQURRVS746ZTGZU7L2J7SURZAVQTFMWW2';
const KEY_FILE = `# created: 2026-11-30T16:29:19Z
# public key: age1jxjhwt7wxddvn2j9xh3pmem6rfwy4htj25fw00meytk9tnc2zq2q54yynd
${KEY}
`;
const OTHER_KEY = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX';
const TEXT = 'p@ss:/?#%\nline two';
const ARMORED = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBmYjNFSkJKQW1NYTREK2Rw
cmJNZzliMHZiendxbDVKSHg4M1BlS2dsWm1zClA2MFNlMTZHaHJKSm9LcFBlQWhp
M3QvMW4vRHp6Tkl6cXZNLzVjcmZQcDgKLS0tIE5zcklKTlhQRXFTMHgwQnhIdTF3
ZjVoOUJFdDA2N2tvdEJ6bUw4dGc0Z2MKQQEuH79JSGIo7B8Iq3uyOMN+e3gntlse
OJDqdKt7Mtw+HCzpD3Q4NxztNJwWACBysnM=
-----END AGE ENCRYPTED FILE-----
`;
const BINARY = Buffer.from(
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBXaWdiN0dQblZQMlRTTGlTNnVlVHZUamdiclE4ZUlBR0grdGRXeXFZd2hnCk1NdVl4czN2TUlZWDZETk80c2x4MUZtbTdoZDlwQTNLZCtlZHZXbFRZVEkKLS0tIHMvNWx3R1VGWEUrUnBZd2hLeUdQVUl5VlVWSG43aTI2R1pqRXRoZnRoQXcKeCADA80MUB0bPlLAt5kpJQffK6ogQTbIygGIsB7FJwAesMvdHIF/DYzYS8Oj1KYoFP4=',
  'base64',
);

describe('a file that age has encrypted', () => {
  test.each([
    ['as text', Buffer.from(ARMORED)],
    ['as text that an editor has put blanks around', Buffer.from(`\n${ARMORED}\n\n`)],
    ['as it is', BINARY],
  ])('is opened byte for byte, %s', async (_how, content) => {
    expect((await openAge('token.age', content, [OTHER_KEY, KEY])).toString()).toBe(TEXT);
  });

  test('stays closed without a key', async () => {
    await expect(openAge('token.age', BINARY, [])).rejects.toThrow(
      'token.age is encrypted, and the input age-key is empty',
    );
  });

  test('stays closed to the key of somebody else', async () => {
    await expect(openAge('token.age', BINARY, [OTHER_KEY])).rejects.toThrow(
      'no key of the input age-key opens token.age',
    );
  });

  test.each([
    ['cut off', BINARY.subarray(0, -1)],
    ['changed', Buffer.from(ARMORED.replace('OJDq', 'OJDr'))],
    ['of nothing', Buffer.from('')],
    ['of something else', Buffer.from('TOKEN=1')],
  ])('is told of when it is %s', async (_what, content) => {
    await expect(openAge('token.age', content, [KEY])).rejects.toThrow(/^token\.age cannot be opened: /);
  });
});

describe('keys of age', () => {
  test('are taken from a file of age-keygen, several of them, and from a secret in one line', () => {
    expect(parseAgeKeys(KEY_FILE)).toEqual([KEY]);
    expect(parseAgeKeys(`${KEY}\r\n\r\n${OTHER_KEY}`)).toEqual([KEY, OTHER_KEY]);
    expect(parseAgeKeys(`# a key\\n${KEY}\\n`)).toEqual([KEY]);
    expect(parseAgeKeys(' \n')).toEqual([]);
  });

  test('are refused where they are none, and not repeated', () => {
    expect(() => parseAgeKeys(`${KEY}\nhunter2`)).toThrow('holds a line that is no key of age');
    expect(() => parseAgeKeys('age1jxjhwt7')).toThrow(/^(?!.*age1jx)/);
  });
});
