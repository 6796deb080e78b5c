import type { Release } from '../../model/release.ts';

/** A shorter value is in many texts by chance: it is looked for as a whole. */
const SHORTEST_PART = 8;
/** Words as short as this are everywhere. */
const SHORTEST_WHOLE = 4;

/**
 * exposedSecrets returns, as sentences, which releases on the record have the value of one of these secrets in the clear,
 * and where: written by hand into the file once, or put together where nobody knew that it was a secret. Pure.
 */
export function exposedSecrets(
  releases: readonly Release[],
  secrets: Readonly<Record<string, string>>,
): string[] {
  const known = Object.entries(secrets).filter(([, value]) => value.trim().length >= SHORTEST_WHOLE);
  const found = new Map<string, { service: string; secret: string; path: string; numbers: number[] }>();
  for (const { service, number, container, policy } of releases) {
    for (const [path, text] of [...textsIn('', container), ...textsIn('', policy)]) {
      for (const [secret, value] of known) {
        if (text !== value && (value.length < SHORTEST_PART || !text.includes(value))) continue;
        const key = JSON.stringify([service, secret, path]);
        const before = found.get(key)?.numbers ?? [];
        found.set(key, { service, secret, path, numbers: [...before, number] });
      }
    }
  }
  return [...found.values()].map(
    ({ service, secret, path, numbers }) =>
      `the value of the secret ${secret} is on the state branch, for all to read who may read the repository: ${path} of ${service}, release ${numbers.join(', ')}. Give it another value, and take the old one off the branch`,
  );
}

/** textsIn returns all texts in a value, by their paths. */
function textsIn(path: string, value: unknown): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    textsIn(path === '' ? key : `${path}.${key}`, member),
  );
}
