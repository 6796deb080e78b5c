import { expect, test } from '@jest/globals';
import { markerOf, withSignature } from '../../../src/report/plan-comment.ts';

test('the marker of a comment cannot end its HTML comment', () => {
  expect(markerOf({ config: 'shop/switchyard.yml', environment: 'production' })).toBe(
    '<!-- switchyard plan shop/switchyard.yml production -->',
  );
  expect(markerOf({ config: 'a -->\n<b>', environment: 'x--y' })).toBe('<!-- switchyard plan a-b- x-y -->');
});

test('a comment says which run has written it', () => {
  expect(withSignature('## Plan\n', { run: 'https://x/1', sha: '0123456789abcdef' })).toBe(
    '## Plan\n\n<sub>Commit 0123456789, [run](https://x/1)</sub>\n',
  );
  expect(withSignature('## Plan\n', { run: 'local' })).toBe('## Plan\n\n<sub>[run](local)</sub>\n');
});
