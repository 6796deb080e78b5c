import { describe, expect, test } from '@jest/globals';
import { read } from './documents.ts';
import { messagesOf, sourceText } from './messages.ts';

const operations = read('docs/operations.md');
const table = operations.slice(operations.indexOf('## Every error'));
const source = sourceText();

/** The sentences that the first column of a table quotes. */
const quoted = [...table.matchAll(/^\| (.+?) \|/gm)]
  .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, sentence = '']) => sentence))
  .filter((sentence) => /[a-z]{2}/.test(sentence));

/** Parts of a sentence between what is put in at run time, without the marks around them. */
function fragmentsOf(sentence: string): string[] {
  return sentence
    .split('…')
    .map((part) => part.replaceAll(/^[^\p{L}\p{N}-]+|[^\p{L}\p{N}-]+$/gu, ''))
    .filter((part) => part !== '');
}

/** Errors of the file name their line and need no row. */
const folders = [
  'acme',
  'actions',
  'backup',
  'bootstrap',
  'build',
  'commands',
  'deploy',
  'docker',
  'fleet',
  'git',
  'github',
  'model',
  'nginx',
  'registry',
  'ssh',
  'state',
];
const messages = folders.flatMap(messagesOf).filter(({ text }) => fragmentsOf(text).length > 0);

describe('docs/operations.md', () => {
  test('quotes many errors', () => {
    expect(quoted.length).toBeGreaterThan(50);
    expect(messages.length).toBeGreaterThan(50);
  });

  test.each(quoted)('quotes what the code says: %s', (sentence) => {
    for (const fragment of fragmentsOf(sentence)) expect(source).toContain(fragment);
  });

  test.each(messages)('explains what $file says: $text', ({ text }) => {
    const longest = fragmentsOf(text).reduce((a, b) => (b.length > a.length ? b : a));
    expect(table).toContain(longest);
  });
});
