import { isCollection, isMap, isNode, isPair, isSeq, parseDocument } from 'yaml';
import * as z from 'zod';
import { config } from './schema/config.ts';
import type { KeyDoc } from './schema/key.ts';
import type { Path } from './source.ts';

/** A key of the file on the way to a value. */
interface Documented {
  name: string;
  schema: z.core.$ZodType;
  /** What of the way comes after it. */
  rest: Path;
}

/**
 * exampleHint returns a sentence with what the documentation of the file's keys shows for the value at `path`: an entry of
 * its list, or all of it. Undefined where it shows nothing that fits on a line. Pure.
 */
export function exampleHint(path: Path): string | undefined {
  const { name, schema, rest } = documentedAt(path);
  if (rest.length > 1) return undefined;
  const entries =
    typeof rest[0] === 'number' ? examplesOf(schema).flatMap((yaml) => partsOf(yaml, name, isSeq)) : [];
  const words = entries.find(({ isCollection }) => !isCollection);
  const map = entries.find(({ isCollection }) => isCollection);
  const said = [words, map].flatMap((entry) => entry?.text ?? []);
  if (said.length > 0) return `An entry looks like this: ${said.join(', or ')}`;
  const whole = wholeExample(name, schema);
  return whole && `For example: ${whole}`;
}

function examplesOf(schema: z.core.$ZodType): string[] {
  const { short, example, long }: Partial<KeyDoc> = z.globalRegistry.get(schema) ?? {};
  return [short, example, long].filter((yaml) => yaml !== undefined);
}

/** wholeExample returns an example of a key on one line; one with several keys or entries is shown with the first of them. */
function wholeExample(name: string, schema: z.core.$ZodType): string | undefined {
  const examples = examplesOf(schema);
  const line = examples.find(isOneLine);
  if (line !== undefined) return line;
  const [entry] = examples.flatMap((yaml) => partsOf(yaml, name, isSeq));
  if (entry !== undefined) return `${name}: [${entry.text}]`;
  const [member] = examples.flatMap((yaml) => partsOf(yaml, name, isMap));
  if (member !== undefined) return `${name}: { ${member.text} }`;
  const shapes = formsOf(schema).flatMap((form) => (form instanceof z.ZodObject ? [form.shape] : []));
  const keys = shapes.flatMap((shape) => Object.entries<z.core.$ZodType>(shape));
  const [inner] = keys.flatMap(([key, below]) => wholeExample(key, below) ?? []);
  return inner && `${name}: { ${inner} }`;
}

function isOneLine(text: string): boolean {
  return !text.includes('\n');
}

/** partsOf returns the entries of a list, or the pairs of a map, as an example has them, as far as they are of one line. */
function partsOf(
  yaml: string,
  name: string,
  isMeant: (node: unknown) => boolean,
): { text: string; isCollection: boolean }[] {
  const { contents } = parseDocument(yaml);
  const value = isMap(contents) ? contents.get(name, true) : undefined;
  const items: unknown[] = isCollection(value) && isMeant(value) ? value.items : [];
  return items.flatMap((item) => {
    const [first, last] = isPair(item) ? [item.key, item.value] : [item, item];
    if (!isNode(first) || !isNode(last)) return [];
    const text = yaml.slice(first.range?.[0], last.range?.[1]).trimEnd();
    return isOneLine(text) ? [{ text, isCollection: isCollection(item) }] : [];
  });
}

/** documentedAt finds the last key on a path that the schema knows. */
function documentedAt(path: Path): Documented {
  let found: Documented = { name: '', schema: config, rest: path };
  let forms: z.core.$ZodType[] = [config];
  for (const [index, step] of path.entries()) {
    forms = forms.flatMap(formsOf).flatMap((form) => below(form, step));
    const schema = forms.find((form) => z.globalRegistry.has(form));
    if (typeof step === 'string' && schema !== undefined) {
      found = { name: step, schema, rest: path.slice(index + 1) };
    }
  }
  return found;
}

/** formsOf returns all that a value may be, without what is made of it afterwards. */
function formsOf(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional) return formsOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return formsOf(schema.def.in);
  if (schema instanceof z.ZodUnion) return schema.def.options.flatMap(formsOf);
  return [schema];
}

function below(schema: z.core.$ZodType, step: string | number): z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return typeof step === 'number' ? [schema.def.element] : [];
  if (typeof step === 'number') return [];
  if (schema instanceof z.ZodRecord) return [schema.def.valueType];
  const member =
    schema instanceof z.ZodObject && Object.hasOwn(schema.shape, step) ? schema.shape[step] : undefined;
  return member === undefined ? [] : [member as z.core.$ZodType];
}
