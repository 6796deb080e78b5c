import { expect, test } from '@jest/globals';
import { hiddenValues } from '../../../src/model/hidden-values.ts';

test('values are hidden as they are kept, and as files have them', () => {
  const base64 = Buffer.from('licence text').toString('base64');
  const licence = {
    target: '/run/secrets/licence',
    mode: 0o400,
    content: { secret: 'secret licence', encoding: 'base64' as const },
  };
  expect(hiddenValues({ URL: 'postgres://app', 'secret licence': base64 }, { files: [licence] })).toEqual([
    'postgres://app',
    base64,
    'licence text',
  ]);
});

test('of files of the repository only those of one line, and no value that is as short as a word', () => {
  const values = { 'file:/a': 'one\ntwo three\n', 'file:/b': 'open-sesame\n', SHORT: 'true' };
  expect(hiddenValues(values, {})).toEqual(['open-sesame']);
});
