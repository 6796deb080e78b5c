import { passwordKey, urlKey } from '../../model/connection.ts';
import { connectionUrl } from '../../model/connection-url.ts';
import { SIDECAR_ALIAS } from '../../model/names.ts';
import type { ServicePorts } from '../../model/ports.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import { type Facts, numbersOfAll } from './build-input.ts';
import { selectedOf } from './narrowing.ts';

/** Values of secrets by name. */
type Values = Readonly<Record<string, string>>;

/**
 * withConnectionValues returns facts with the addresses of services among the secrets of those that depend on them. They
 * have ports in them, which nobody knows before the servers were asked, and are there before secret sets are numbered: a
 * new password is a new set. What a rollback brings back keeps the addresses that it had. Pure.
 */
export function withConnectionValues(facts: Facts): Facts {
  const { wanted, narrowing, restored, secrets } = facts;
  const consumers = selectedOf(wanted, narrowing).flatMap((spec) => {
    const given = secrets[spec.name];
    // A run without any, which makes no containers, has none for this either.
    if (spec.container.connections === undefined || given === undefined || restored?.has(spec.name))
      return [];
    return [{ spec, given }];
  });
  if (consumers.length === 0) return facts;
  const ports = numbersOfAll(facts);
  const made = consumers.map(({ spec, given }) => [spec.name, connectionValues(spec, given, ports)] as const);
  return { ...facts, secrets: { ...secrets, ...Object.fromEntries(made) } };
}

/** connectionValues returns the values of a service's secrets, with the addresses of services that it depends on. Pure. */
export function connectionValues(
  { name: consumer, container: { connections = {} } }: Pick<ServiceSpec, 'name' | 'container'>,
  given: Values,
  ports: ReadonlyMap<string, ServicePorts>,
): Values {
  const made: Record<string, string> = {};
  for (const [service, { hasPassword, variables = [], ...connection }] of Object.entries(connections)) {
    const numbers = ports.get(service);
    if (numbers === undefined) throw new Error(`no ports were given to ${service}, which ${consumer} uses`);
    const password = hasPassword ? withoutLineEnd(given[passwordKey(service)]) : undefined;
    if (hasPassword && password === undefined) throw new Error(`nobody has the ${passwordKey(service)}`);
    const url = connectionUrl(connection, { host: SIDECAR_ALIAS, port: numbers.internal, password });
    if (password !== undefined) made[passwordKey(service)] = password;
    for (const name of [urlKey(service), ...variables]) made[name] = url;
  }
  return { ...given, ...made };
}

/** Images read the files of passwords by a shell, which leaves line ends at their end out. */
function withoutLineEnd(text: string | undefined): string | undefined {
  return text?.replace(/[\r\n]+$/, '');
}
