import type { ContainerSpec } from './spec.ts';

/** A shorter value is a word like any other: without it, a log could not be read. */
const SHORTEST_HIDDEN = 6;

/**
 * hiddenValues returns what of the secrets of a container must be kept out of logs: their values, by name, also as the
 * container's files have them. Whole files of the repository stand in no line of a log, and what is secret in them is
 * known by itself.
 */
export function hiddenValues(
  values: Readonly<Record<string, string>>,
  { files = [] }: Pick<ContainerSpec, 'files'>,
): string[] {
  const said = Object.entries(values)
    .map(([name, value]) => [name, isOfFile(name) ? value.trim() : value] as const)
    .filter(([name, text]) => text.length >= SHORTEST_HIDDEN && !(isOfFile(name) && text.includes('\n')));
  const encoded = new Set(
    files.flatMap(({ content }) =>
      'secret' in content && content.encoding === 'base64' ? [content.secret] : [],
    ),
  );
  return said.flatMap(([name, value]) =>
    encoded.has(name) ? [value, Buffer.from(value, 'base64').toString()] : [value],
  );
}

/** What is kept under such a name is a whole file of the repository. */
function isOfFile(name: string): boolean {
  return name.startsWith('file:');
}
