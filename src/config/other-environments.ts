import { asMap, valueAt } from './file-value.ts';
import type { Problem } from './problems.ts';
import { isMap } from './secret-text.ts';
import type { Path } from './source.ts';

/** What is missing, and nobody needs but environments that are not chosen. */
export interface NeededByOthers {
  missing: readonly Problem[];
  /** The file can be read without what is at these paths: values that are replaced, and environments that miss something. */
  left: readonly Path[];
}

/** neededByOthers tells which references to nothing are no matter of the chosen environment: none where none is chosen. Pure. */
export function neededByOthers(
  value: unknown,
  chosen: string | undefined,
  problems: readonly Problem[],
): NeededByOthers {
  if (chosen === undefined) return { missing: [], left: [] };
  const missing = problems.filter(({ error }) => error !== undefined);
  const isNeededBy = (environment: string, path: Path): boolean =>
    path[0] === 'environments'
      ? path[1] === environment
      : replacedPath(value, environment, path) === undefined;
  const unneeded = missing.filter(({ path }) => !isNeededBy(chosen, path));
  const lacking = Object.keys(asMap(asMap(value).environments)).filter(
    (name) => name !== chosen && missing.some(({ path }) => isNeededBy(name, path)),
  );
  return {
    missing: unneeded,
    left: [
      ...lacking.map((name) => ['environments', name]),
      ...unneeded.flatMap(({ path }) => [replacedPath(value, chosen, path) ?? []]),
    ],
  };
}

/** Keys of a service that are maps in whatever form they are written, and merged by name. */
const BY_NAME: readonly string[] = [
  'environment',
  'labels',
  'annotations',
  'sysctls',
  'storage_opt',
  'tmpfs',
];

/**
 * replacedPath returns the path, at or above `path`, of what an environment has another value for, undefined where it
 * takes the one of the file: maps are merged, and definitions, lists and single values replaced.
 */
function replacedPath(value: unknown, environment: string, path: Path): Path | undefined {
  for (const length of path.keys()) {
    const at = path.slice(0, length + 1);
    const [said, over] = [valueAt(value, at), valueAt(value, ['environments', environment, ...at])];
    if (over === undefined || over === null) return undefined;
    const isDefinition = at.length === 2 && (at[0] === 'configs' || at[0] === 'secrets');
    if (isDefinition) return at;
    if (isMap(said) && isMap(over)) continue;
    const isByName = at.length === 3 && BY_NAME.includes(String(at[2]));
    return isByName || isMap(said) || isMap(over) ? undefined : at;
  }
  return undefined;
}
