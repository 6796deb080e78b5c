import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..', '..');

/** A sentence that the code can end a run with; `…` stands for what is put in at run time. */
export interface Message {
  /** From the root of the repository. */
  file: string;
  text: string;
}

/** Functions of src/ that make an error from the sentence they are handed first. */
const MAKERS = ['fail'];

/** messagesOf returns the sentences of all user errors below a folder of src/, as the code has them. */
export function messagesOf(folder: string): Message[] {
  return sourceFiles(join(root, 'src', folder)).flatMap((path) => {
    const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
    const found: Message[] = [];
    const visit = (node: ts.Node): void => {
      const sentence = sentenceOf(node);
      if (sentence !== undefined) found.push({ file: relative(root, path), text: sentence });
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

/** sourceText returns all of src/ as one text. */
export function sourceText(): string {
  return sourceFiles(join(root, 'src'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

function sentenceOf(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && /^(User|Certificate)Error$/.test(node.expression.getText()))
    return textOf(node.arguments?.[0]);
  if (ts.isCallExpression(node) && MAKERS.includes(node.expression.getText()))
    return textOf(node.arguments[0]);
  const isSuper = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword;
  if (isSuper && /extends UserError\b/.test(node.getSourceFile().text)) return textOf(node.arguments[0]);
  // git/failures.ts says what happened and what to do in a pair.
  const isWhat = ts.isPropertyAssignment(node) && node.name.getText() === 'what';
  return isWhat ? textOf(node.initializer) : undefined;
}

function textOf(node: ts.Expression | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
}

/** sourceFiles returns the paths of all TypeScript below a folder. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
