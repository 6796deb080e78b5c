import {
  type ContainerOptions,
  type EngineFields,
  type Option,
  type OptionName,
  optionNames,
  optionRow,
} from './container-options.ts';

/** fieldsOf returns the fields of the engine's request that options become; lists of several options are one. */
export function fieldsOf(options: ContainerOptions): EngineFields {
  const fields: EngineFields = {};
  for (const [name, value] of Object.entries(options)) {
    const { fields: paths, toFields } = optionRow(name as OptionName);
    const own = toFields?.(value) ?? Object.fromEntries(paths.map((path) => [path, value]));
    for (const [path, member] of Object.entries(own)) {
      const before = fields[path];
      fields[path] = Array.isArray(before) && Array.isArray(member) ? [...before, ...member] : member;
    }
  }
  return fields;
}

/** changedOptions returns the options of which a container has other fields than it was asked for. */
export function changedOptions(asked: EngineFields, is: EngineFields): OptionName[] {
  const changed = Object.entries(asked).flatMap(([path, value]) => {
    const name = optionNames().find((candidate) => optionRow(candidate).fields.includes(path));
    return name === undefined || isKept(value, is[path], optionRow(name).compared) ? [] : [name];
  });
  return [...new Set(changed)];
}

function isKept(asked: unknown, is: unknown, compared: Option<'text'>['compared']): boolean {
  if (isNothing(is)) return isNothing(asked) || compared === 'droppable';
  if (compared === 'contained' && isNothing(asked)) return true;
  const found = new Set(membersOf(is));
  const wanted = membersOf(asked);
  return wanted.every((one) => found.has(one)) && (compared === 'contained' || found.size === wanted.length);
}

/** The engine writes nothing in several ways. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The members of a list or map, whose order does not matter, as text; anything else is one by itself. */
function membersOf(value: unknown): string[] {
  if (Array.isArray(value)) return [...new Set(value.map(plain))];
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([name, member]) => `${name}=${plain(member)}`);
  }
  return [plain(value)];
}

/** Some engines write the names of capabilities with CAP_, and leave out what is empty. */
function plain(value: unknown): string {
  if (typeof value === 'string') return value.replace(/^CAP_/, '');
  if (typeof value !== 'object' || value === null) return String(value);
  const said = Object.entries(value).filter(([, member]) => !isNothing(member));
  return JSON.stringify(said.sort(([a], [b]) => (a < b ? -1 : 1)));
}
