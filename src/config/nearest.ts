import { closestMatch } from 'leven';

/**
 * nearest returns the one of `known` that `name` was probably meant to be, or undefined when none is
 * close: at most a third of its letters may differ, and case does not count.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const byLowerCase = new Map(known.map((one) => [one.toLowerCase(), one]));
  const maxDistance = Math.max(1, Math.ceil(name.length / 3));
  const found = closestMatch(name.toLowerCase(), [...byLowerCase.keys()], { maxDistance });
  return found === undefined ? undefined : byLowerCase.get(found);
}

/** didYouMean returns `; did you mean "…"?`, or nothing when no known name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  return found === undefined ? '' : `; did you mean "${found}"?`;
}

/** listed returns `"a", "b" and "c"`, or `none`. */
export function listed(names: readonly string[], joint: 'and' | 'or' = 'and'): string {
  const quoted = names.map((name) => JSON.stringify(name));
  if (quoted.length < 2) return quoted[0] ?? 'none';
  return `${quoted.slice(0, -1).join(', ')} ${joint} ${quoted.at(-1)}`;
}
