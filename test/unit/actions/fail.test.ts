import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fail } from '../../../src/actions/fail.ts';
import { RunnerLog } from '../../../src/actions/log.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';

const { write } = process.stdout;
let written: string[];

beforeEach(() => {
  written = [];
  process.stdout.write = ((text: string) => {
    written.push(text);
    return true;
  }) as typeof process.stdout.write;
});
afterEach(() => {
  process.stdout.write = write;
  process.exitCode = undefined;
});

/** annotations returns what the runner was told. */
function annotations(error: unknown, log = new RunnerLog()): string[] {
  fail(error, log);
  return written.join('').trimEnd().split('\n');
}

describe("a user's mistake", () => {
  const location = { file: 'switchyard.yml', line: 12, column: 5 };

  test('is a sentence and a hint, on the line it came from, without a stack', () => {
    const [line, ...more] = annotations(new UserError('no image', { hint: 'Set "image".', location }));
    expect(line).toBe(
      '::error title=Switchyard,file=switchyard.yml,line=12,col=5::switchyard.yml:12:5: no image%0A→ Set "image".',
    );
    expect(more).toEqual([]);
    expect(process.exitCode).toBe(1);
  });

  test('ten of them are annotations of their own, the rest one together: the runner drops more', () => {
    const errors = Array.from({ length: 13 }, (_, index) => new UserError(`mistake ${index + 1}`));
    const lines = annotations(new UserErrors(errors));
    expect(lines).toHaveLength(11);
    expect(lines[10]).toBe('::error::mistake 11%0Amistake 12%0Amistake 13');
  });

  test('holds no secret', () => {
    const log = new RunnerLog();
    log.hide('hunter2');
    expect(annotations(new UserError('is hunter2 right?'), log)).toEqual([
      '::error title=Switchyard::is *** right?',
    ]);
  });
});

describe('our own', () => {
  test('keeps its stack and asks to be reported', () => {
    const [line] = annotations(new Error('boom'));
    expect(line).toMatch(/^::error title=Switchyard%3A a bug%2C please report it::Error: boom%0A\s+at /);
  });
});
