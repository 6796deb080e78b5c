import { expect, test } from '@jest/globals';
import { failTogether, messageOf, UserError, UserErrors } from '../../../src/model/errors.ts';

const first = new UserError('first', { hint: 'do this', location: { file: 'f', line: 1, column: 2 } });
const second = new UserError('second', { cause: new Error('why') });

test('a UserError keeps its hint, place and cause', () => {
  expect(first).toMatchObject({
    name: 'UserError',
    hint: 'do this',
    location: { file: 'f', line: 1, column: 2 },
  });
  expect(second.cause).toEqual(new Error('why'));
});

test('failTogether throws nothing, the one error itself, or all as one', () => {
  expect(() => failTogether([])).not.toThrow();
  expect(() => failTogether([first])).toThrow(first);
  expect(() => failTogether([first, second])).toThrow(new UserErrors([first, second]));
  expect(new UserErrors([first, second])).toMatchObject({
    message: 'first\nsecond',
    errors: [first, second],
  });
});

test('messageOf takes anything that can be thrown', () => {
  expect(messageOf(first)).toBe('first');
  expect(messageOf('text')).toBe('text');
});
