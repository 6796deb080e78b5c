import ts from 'typescript';

/**
 * withoutComments returns JavaScript without its comments and blank lines, indented with tabs, and otherwise letter by
 * letter as it was. Half of what is bundled is comments; a minified bundle would be smaller still, but its diffs and the
 * stacks in bug reports could not be read.
 */
export function withoutComments(code: string): string {
  const file = ts.createSourceFile('bundle.js', code, ts.ScriptTarget.ES2024, false, ts.ScriptKind.JS);
  const parts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(file);
    if (children.length > 0) {
      for (const child of children) visit(child);
      return;
    }
    const start = node.getStart(file, false);
    parts.push(spaceOf(code.slice(node.getFullStart(), start)), code.slice(start, node.end));
  };
  visit(file);
  return `${parts.join('').trim()}\n`;
}

/** spaceOf returns what is left of the text between two tokens: a line break stays one, it can end a statement. */
function spaceOf(between: string): string {
  const space = between.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n\r]*/g, ' ');
  if (!/[\n\r\u2028\u2029]/.test(between)) return space;
  const indent = /[^\n\r]*$/.exec(space)?.[0] ?? '';
  return `\n${indent.replaceAll('    ', '\t')}`;
}
