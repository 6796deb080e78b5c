import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, specHash } from '../../../src/model/spec.ts';

describe('specHash', () => {
  test('is the same whatever the order of keys, at every depth', () => {
    expect(specHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(specHash({ b: { d: null, c: [1, 2] }, a: 1 }));
  });

  test('counts an undefined member as none', () => {
    expect(specHash({ a: 1, b: undefined })).toBe(specHash({ a: 1 }));
  });

  test.each([
    [{ a: 1 }, { a: '1' }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: null }, {}],
    [{ a: '' }, { a: ' ' }],
  ])('tells %j from %j', (a, b) => {
    expect(specHash(a)).not.toBe(specHash(b));
  });

  test('is short and stable: python3 -c "import hashlib; print(hashlib.sha256(b\'{\\"a\\":1,\\"b\\":[true]}\').hexdigest()[:16])"', () => {
    expect(specHash({ b: [true], a: 1 })).toBe('90eddf64b875cb5f');
  });

  test('canonical JSON reads back as what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.stringify(JSON.parse(canonicalJson(value)))).toBe(
          canonicalJson(JSON.parse(canonicalJson(value))),
        );
        expect(specHash(JSON.parse(JSON.stringify(value)))).toBe(specHash(value));
      }),
    );
  });
});
