import { pathText } from './problems.ts';
import { isMap } from './secret-text.ts';
import type { Path } from './source.ts';

/** Keys below which the names are the user's own, where `x-…` is one like any other. */
const USERS_NAMES: readonly string[] = [
  'services',
  'configs',
  'environments',
  'environment',
  'secrets',
  'labels',
  'annotations',
  'sysctls',
  'options',
  'extra_hosts',
  'storage_opt',
  'headers',
];

/** Keys below which everything is the user's own. */
const USERS_VALUES: readonly string[] = ['json'];

/** withoutExtensions leaves out Compose's extension keys, `x-…`, wherever a key could stand. */
export function withoutExtensions(value: unknown, areNamesOurs = true): unknown {
  if (Array.isArray(value)) return value.map((member) => withoutExtensions(member));
  if (!isMap(value)) return value;
  const members = Object.entries(value).filter(([name]) => !areNamesOurs || !name.startsWith('x-'));
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      areNamesOurs && USERS_VALUES.includes(name)
        ? member
        : withoutExtensions(member, !(areNamesOurs && USERS_NAMES.includes(name))),
    ]),
  );
}

/** withoutPaths leaves out the keys at the ends of these paths. */
export function withoutPaths(value: unknown, paths: readonly Path[], at: Path = []): unknown {
  const isLeftOut = (path: Path) => paths.some((one) => pathText(one) === pathText(path));
  if (Array.isArray(value)) {
    return value.map((member, index) => withoutPaths(member, paths, [...at, index]));
  }
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !isLeftOut([...at, name]))
      .map(([name, member]) => [name, withoutPaths(member, paths, [...at, name])]),
  );
}

/** valueAt returns what a value has at `path`, undefined where it has nothing. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, step) => {
    if (Array.isArray(parent)) return parent[Number(step)];
    return isMap(parent) && Object.hasOwn(parent, step) ? parent[step] : undefined;
  }, value);
}

/** asMap returns a map as it is, and none for what is no map. */
export function asMap(value: unknown): Record<string, unknown> {
  return isMap(value) ? value : {};
}

/** servicePaths returns the path of every service, those of the environments included. */
export function servicePaths(value: unknown): Path[] {
  const within = (parent: Path): Path[] =>
    Object.keys(asMap(valueAt(value, parent))).map((name) => [...parent, name]);
  const environments = Object.keys(asMap(asMap(value).environments));
  return [
    ...within(['services']),
    ...environments.flatMap((environment) => within(['environments', environment, 'services'])),
  ];
}
