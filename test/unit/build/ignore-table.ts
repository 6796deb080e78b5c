/** Rules of a `.dockerignore`, and what they keep and leave out; the lab asks a real BuildKit for the same. */
export interface IgnoreRow {
  rules: string[];
  kept: string[];
  left: string[];
}

/** IGNORE_TABLE is what both our reading and BuildKit's have to agree on. */
export const IGNORE_TABLE: IgnoreRow[] = [
  {
    rules: ['node_modules'],
    kept: ['a', 'sub/node_modules/x'],
    left: ['node_modules/x', 'node_modules/y/z'],
  },
  {
    rules: ['**/node_modules'],
    kept: ['a', 'my_node_modules'],
    left: ['node_modules/x', 'sub/deep/node_modules/x'],
  },
  { rules: ['/dist'], kept: ['sub/dist/x'], left: ['dist/x'] },
  { rules: ['dist/'], kept: ['distant'], left: ['dist/x'] },
  { rules: ['./dist'], kept: ['a'], left: ['dist/x'] },
  { rules: ['*.md', '!README.md'], kept: ['README.md', 'paper/b.md'], left: ['a.md'] },
  { rules: ['!README.md', '*.md'], kept: ['a'], left: ['README.md'] },
  { rules: ['*', '!src', '!package.json'], kept: ['src/a', 'src/b/c', 'package.json'], left: ['a', '.env'] },
  { rules: ['docs', '!docs/keep'], kept: ['docs/keep/a'], left: ['docs/b', 'docs/sub/c'] },
  { rules: ['**'], kept: [], left: ['a', 'b/c'] },
  { rules: ['**/*.log'], kept: ['a.logs'], left: ['a.log', 'b/c/d.log'] },
  { rules: ['temp?'], kept: ['temp', 'temp12'], left: ['temp1'] },
  { rules: ['*/temp*'], kept: ['temp', 'a/b/temp'], left: ['a/temp', 'a/temporary'] },
  { rules: ['a/**/z'], kept: ['a/x'], left: ['a/z', 'a/b/c/z'] },
  { rules: ['a/**'], kept: ['b'], left: ['a/x', 'a/b/c'] },
  { rules: ['[ab]c'], kept: ['cc'], left: ['ac', 'bc'] },
  { rules: ['[^a]c'], kept: ['ac'], left: ['bc'] },
  { rules: ['  spaced  '], kept: ['a'], left: ['spaced'] },
  { rules: ['with space'], kept: ['with'], left: ['with space/x'] },
  { rules: ['\\*star'], kept: ['xstar'], left: ['*star'] },
  { rules: ['.git', '.env*'], kept: ['env'], left: ['.git/config', '.env', '.env.local'] },
  { rules: ['A'], kept: ['a'], left: ['A'] },
];
