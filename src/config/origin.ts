import type { LoadedConfig } from './load.ts';
import type { Path } from './source.ts';

/**
 * originsOf returns the two places that a key of a service may come from, in the order in which they win:
 * the environment, then the file's own services. `path` begins with `services` and the service's name.
 */
export function originsOf(environment: string, path: Path): [Path, Path] {
  return [['environments', environment, ...path], path];
}

/** originOf returns the first of them that the file has, and the file's own services when it has neither. */
export function originOf(loaded: Pick<LoadedConfig, 'has'>, environment: string, path: Path): Path {
  const [over, base] = originsOf(environment, path);
  return loaded.has(over) ? over : base;
}
