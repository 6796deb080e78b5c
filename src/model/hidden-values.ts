import { passwordKey } from './connection.ts';
import { encodePart } from './connection-url.ts';
import type { ContainerSpec } from './spec.ts';

/** A shorter value is a word like any other: without it, a log could not be read. */
const SHORTEST_HIDDEN = 6;

/**
 * hiddenValues returns what of the secrets of a container must be kept out of logs: their values, by name, also as the
 * container's files, and addresses, have them. A file of the repository with several lines stands in no line of a log, and what is secret
 * in it is known by itself.
 */
export function hiddenValues(
  values: Readonly<Record<string, string>>,
  { files = [], connections = {} }: Pick<ContainerSpec, 'files' | 'connections'>,
): string[] {
  const encoded = new Set(
    files.flatMap(({ content }) =>
      'secret' in content && content.encoding === 'base64' ? [content.secret] : [],
    ),
  );
  const inAddresses = new Set(Object.keys(connections).map(passwordKey));
  return Object.entries(values).flatMap(([name, value]) => {
    const isOfRepository = name.startsWith('file:');
    const text = isOfRepository ? value.trim() : value;
    if (text.length < SHORTEST_HIDDEN || (isOfRepository && text.includes('\n'))) return [];
    if (inAddresses.has(name)) return [text, encodePart(text)];
    return encoded.has(name) ? [text, Buffer.from(text, 'base64').toString()] : [text];
  });
}
