import { passwordPath, SERVICES_FILE, urlPath } from '../../model/connection.ts';
import { SIDECAR_ALIAS, variableName } from '../../model/names.ts';
import type { ContainerSpec, FileSpec } from '../../model/spec.ts';

/** What the copies of a service are told of those that they depend on. */
export interface Told {
  /** Internal ports by `service`, and of further ports by `service.name`. */
  dependencies: Readonly<Record<string, number>>;
  connections: ContainerSpec['connections'];
}

/** The number of the form of the file; another one when a reader of this one would go wrong. */
const SCHEMA = 1;

/** toldVariables returns the variables of a container that say where services are and how to connect to them. Pure. */
export function toldVariables({ dependencies, connections = {} }: Told): Record<string, string> {
  const addresses = Object.entries(dependencies).flatMap(([key, port]) => {
    const [service = '', name] = key.split('.');
    if (name !== undefined) return [[`${prefixOf(service)}_PORT_${variableName(name)}`, String(port)]];
    return [
      [`${prefixOf(service)}_HOST`, SIDECAR_ALIAS],
      [`${prefixOf(service)}_PORT`, String(port)],
    ];
  });
  const others = Object.entries(connections).flatMap(([service, { user, database, hasPassword }]) => [
    ...(user === undefined ? [] : [[`${prefixOf(service)}_USER`, user]]),
    ...(database === undefined ? [] : [[`${prefixOf(service)}_DATABASE`, database]]),
    ...(hasPassword ? [[`${prefixOf(service)}_PASSWORD_FILE`, passwordPath(service)]] : []),
    [`${prefixOf(service)}_URL_FILE`, urlPath(service)],
  ]);
  return Object.fromEntries([...addresses, ...others]);
}

/**
 * toldFile returns the file with all of it, which names files of secrets and holds none; undefined where variables say
 * all that there is. Its bytes follow from what it says. Pure.
 */
export function toldFile({ dependencies, connections }: Told): FileSpec | undefined {
  if (connections === undefined) return undefined;
  const names = Object.keys(dependencies).filter((key) => !key.includes('.'));
  const services = names.sort().map((name) => [name, serviceOf(name, dependencies, connections)]);
  const text = `${JSON.stringify({ schema: SCHEMA, services: Object.fromEntries(services) }, null, 2)}\n`;
  return { target: SERVICES_FILE, mode: 0o444, uid: 0, gid: 0, content: { text } };
}

function serviceOf(
  name: string,
  dependencies: Told['dependencies'],
  connections: NonNullable<Told['connections']>,
): Record<string, unknown> {
  const further = Object.entries(dependencies)
    .filter(([key]) => key.startsWith(`${name}.`))
    .map(([key, port]) => [key.slice(name.length + 1), port] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const connection = Object.hasOwn(connections, name) ? connections[name] : undefined;
  return {
    host: SIDECAR_ALIAS,
    port: dependencies[name],
    ...(further.length > 0 && { ports: Object.fromEntries(further) }),
    ...(connection && {
      kind: connection.kind,
      ...(connection.user !== undefined && { user: connection.user }),
      ...(connection.database !== undefined && { database: connection.database }),
      ...(connection.hasPassword && { passwordFile: passwordPath(name) }),
      urlFile: urlPath(name),
    }),
  };
}

function prefixOf(service: string): string {
  return `SWITCHYARD_${variableName(service)}`;
}
