import { describe, expect, test } from '@jest/globals';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import { renderFailure, textOf } from '../../../src/report/failure.ts';

const location = { file: 'switchyard.yml', line: 3, column: 1 };

describe('an error as text', () => {
  test("a user's mistake has its place, and what to do next", () => {
    expect(textOf(new UserError('no', { location, hint: 'Do that.' }))).toBe(
      'switchyard.yml:3:1: no\n→ Do that.',
    );
  });

  test('of several each has its own', () => {
    const errors = [new UserError('no', { location }), new UserError('never', { hint: 'Do that.' })];
    expect(textOf(new UserErrors(errors))).toBe('switchyard.yml:3:1: no\nnever\n→ Do that.');
  });

  test('whatever was thrown has a text', () => {
    expect(textOf('just text')).toBe('just text');
    expect(textOf(undefined)).toBe('undefined');
    const bare = new Error('boom');
    expect(textOf(bare)).toMatch(/^Error: boom\n\s+at /);
    bare.stack = undefined;
    expect(textOf(bare)).toBe('boom');
  });
});

test('a run that has nothing to show but an error', () => {
  const error = new UserError('no', { location, hint: 'Do that.' });
  expect(renderFailure('production: the plan', error)).toBe(
    '## ❌ production: the plan failed\n\n> [!CAUTION]\n> switchyard.yml:3:1: no\n> → Do that.\n',
  );
});
