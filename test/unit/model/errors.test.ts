import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { failTogether, messageOf, reasonOf, UserError, UserErrors } from '../../../src/model/errors.ts';

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

test('reasonOf finds the reason of a wait that was aborted', async () => {
  const cancelled = new UserError('the run was cancelled');
  const aborted = await sleep(1_000, undefined, { signal: AbortSignal.abort(cancelled) }).catch(
    (error) => error,
  );
  expect(aborted).not.toBe(cancelled);
  expect(reasonOf(aborted)).toBe(cancelled);
  expect(reasonOf(second)).toBe(second);
});
