import { describe, expect, test } from '@jest/globals';
import { RunnerLog } from '../../../src/actions/log.ts';
import { escapeMarkdown } from '../../../src/report/markdown.ts';

/** hiding returns a log that has been told these secrets. */
function hiding(...values: string[]): RunnerLog {
  const log = new RunnerLog();
  for (const value of values) log.hide(value);
  return log;
}

describe('secrets', () => {
  test('a value is hidden wherever it stands', () => {
    expect(hiding('hunter2').clean('hunter2 and "hunter2" and xhunter2x')).toBe('*** and "***" and x***x');
  });

  test('each line of a value by itself: logs are read line by line', () => {
    const key = '-----BEGIN KEY-----\nAAAABBBB\r\nCCCCDDDD\n-----END KEY-----';
    expect(hiding(key).clean('it says AAAABBBB, then CCCCDDDD')).toBe('it says ***, then ***');
  });

  test('as JSON has it, and in base64', () => {
    const log = hiding('quote " and\nline');
    expect(log.clean(JSON.stringify({ TOKEN: 'quote " and\nline' }))).toBe('{"TOKEN":"***"}');
    expect(log.clean(Buffer.from('quote " and\nline').toString('base64'))).toBe('***');
  });

  test('as addresses have it', () => {
    expect(hiding('p@ss/w?rd').clean(`postgres://app:${encodeURIComponent('p@ss/w?rd')}@db`)).toBe(
      'postgres://app:***@db',
    );
    expect(hiding('>>>???').clean(Buffer.from('>>>???').toString('base64url'))).toBe('***');
  });

  test('as Markdown has it', () => {
    expect(hiding('pa_ss*w').clean(escapeMarkdown('says pa_ss*w'))).toBe('says ***');
  });

  test('characters that mean something elsewhere are taken literally', () => {
    expect(hiding('$& $1 (.*) [x').clean('a $& $1 (.*) [x b')).toBe('a *** b');
  });

  test('a secret within a longer one does not keep the rest of it visible', () => {
    expect(hiding('secret', 'secret-and-more').clean('secret-and-more')).toBe('***');
  });

  test('what is too short to hide would only blank out the log', () => {
    expect(hiding('abc', '', '\n').clean('abc: nothing')).toBe('abc: nothing');
  });
});

describe("the runner's own commands", () => {
  test.each([
    ['::set-output name=x::y'],
    ['  ::add-mask::x'],
    ['fine\n::error::no'],
    ['fine\r\n\t::error::no'],
    ['fine\r::error::no'],
    ['\u00a0\u0085::error::no'],
    ['##[error]no'],
    ['fine ##[set-env name=PATH]/tmp'],
  ])('%j has no effect, and can still be read', (text) => {
    const cleaned = new RunnerLog().clean(text);
    for (const line of cleaned.split(/\r?\n|\r/)) {
      expect(line.replace(/^[\s\u0085]+/, '')).not.toMatch(/^::/);
      expect(line).not.toContain('##[');
    }
    expect(cleaned.replaceAll('\u200b', '')).toBe(text);
  });

  test('colons within a line are left alone', () => {
    expect(new RunnerLog().clean('a::b http://[::1]:80')).toBe('a::b http://[::1]:80');
  });

  test('a command that appears only when a secret is taken out is none either', () => {
    expect(hiding('secret::').clean('secret::::error::no')).not.toMatch(/^::/);
  });
});
