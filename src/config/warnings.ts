import type { Problem } from './problems.ts';
import { isMap } from './secret-text.ts';
import type { Path } from './source.ts';

/** Keys of a service that may be a list of `KEY=value`. */
const PAIRS = ['environment', 'labels', 'annotations', 'sysctls'];

/** serviceWarnings returns what is right in the service at `path` and probably not meant. Pure. */
export function serviceWarnings(path: Path, service: unknown): Problem[] {
  if (typeof service !== 'object' || service === null) return [];
  return Object.entries(service).flatMap(([name, value]) => {
    if (PAIRS.includes(name)) return twice([...path, name], value);
    if (name === 'healthcheck') return wordless([...path, name], value);
    return name === 'volumes' ? nameless([...path, name], value) : [];
  });
}

/** Of two values for one name the last one counts, as in Compose. */
function twice(path: Path, pairs: unknown): Problem[] {
  if (!Array.isArray(pairs)) return [];
  const names = pairs.map((pair) => String(pair).split('=', 1)[0]);
  return names.flatMap((name, index) =>
    names.indexOf(name) < index
      ? [{ path: [...path, index], message: `${name} is there twice, and the last one counts` }]
      : [],
  );
}

/** Compose keeps what a nameless volume holds; here each container has a new one. */
function nameless(path: Path, volumes: unknown): Problem[] {
  if (!Array.isArray(volumes)) return [];
  return volumes.flatMap((volume, index) =>
    typeof volume === 'string' && volume.startsWith('/') && !volume.includes(':')
      ? [
          {
            path: [...path, index],
            message: `the volume has no name, and is new in each container: write name:${volume} for what must stay`,
          },
        ]
      : [],
  );
}

/** A shell is given one line; what comes after it is for `$0`, `$1` and so on. */
function wordless(path: Path, healthcheck: unknown): Problem[] {
  const test = isMap(healthcheck) ? healthcheck.test : undefined;
  if (!Array.isArray(test) || test[0] !== 'CMD-SHELL' || test.length < 3) return [];
  const message = `the shell runs only ${JSON.stringify(String(test[1]))}: write CMD in place of CMD-SHELL, or all of it as one line`;
  return [{ path: [...path, 'test'], message }];
}
