import { expect, test } from '@jest/globals';
import { withoutComments } from '../../../scripts/without-comments.ts';

test.each([
  [
    'comments and blank lines go',
    '/* a */\nconst a = 1; // b\n\n\n  /** c */\n  f(a);\n',
    'const a = 1;\n  f(a);\n',
  ],
  [
    'four spaces of indentation are a tab',
    'if (a) {\n        b();\n      c();\n}\n',
    'if (a) {\n\t\tb();\n\t  c();\n}\n',
  ],
  [
    'strings and templates stay',
    "f('// no', `/* no */\n\n${'//'}`);",
    "f('// no', `/* no */\n\n${'//'}`);\n",
  ],
  ['regular expressions stay', 'f(/\\/\\/[/*]/g); // c', 'f(/\\/\\/[/*]/g);\n'],
  ['a line break in a comment still ends a statement', 'const a = b /*\n*/ c()', 'const a = b\n   c()\n'],
  ['a comment between two words leaves a space', 'return/**/a', 'return a\n'],
])('%s', (_what, code, result) => {
  expect(withoutComments(code)).toBe(result);
});
