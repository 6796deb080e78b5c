import { posix } from 'node:path';
import {
  passwordKey,
  passwordPath,
  SERVICES_FILE,
  type ToldConnection,
  urlKey,
  urlPath,
} from '../model/connection.ts';
import { type FileSpec, isWorker, type ServiceSpec } from '../model/spec.ts';
import { type AutoAddress, meantService } from './auto-addresses.ts';
import type { ResolvedService } from './resolve-service.ts';
import type { NamedSecret } from './service-secrets.ts';

/** Report is told of a mistake at a key of a service. */
type Report = (service: string, path: readonly (string | number)[], message: string, hint?: string) => void;

/**
 * connectServices returns services with what their containers are told of those that they depend on: passwords and
 * addresses as files, and the variables that shall be addresses. What cannot be told is reported. What an address is
 * follows when ports are known, see connectionValues.
 */
export function connectServices(services: readonly ResolvedService[], report: Report): ResolvedService[] {
  const specs = services.map(({ spec }) => spec);
  for (const { name, connection, ...ports } of specs) {
    if (connection === undefined) continue;
    if (isWorker(ports))
      report(name, ['connection'], 'needs a port: nobody connects to a worker', 'Write port: 5432.');
    if (connection.tls && connection.kind !== 'opensearch' && connection.kind !== 's3')
      report(name, ['connection', 'tls'], 'is for opensearch and s3', 'Leave it out.');
  }
  return services.map((service) => connected(service, specs, report));
}

function connected(service: ResolvedService, specs: readonly ServiceSpec[], report: Report): ResolvedService {
  const { spec, secrets, addresses } = service;
  const { name: consumer, dependsOn, container } = spec;
  const chosen = chosenServices(service, specs, report);
  const told: Record<string, ToldConnection> = {};
  const files: FileSpec[] = [];
  const passwords: Record<string, NamedSecret> = {};
  for (const [index, name] of dependsOn.entries()) {
    const connection = specs.find((one) => one.name === name)?.connection;
    if (connection === undefined) continue;
    const { passwordSecret, ...rest } = connection;
    const variables = addresses.filter(({ variable, isFile }) => !isFile && chosen.get(variable) === name);
    told[name] = {
      ...rest,
      ...(passwordSecret !== undefined && { hasPassword: true }),
      ...(variables.length > 0 && { variables: variables.map(({ variable }) => variable).sort() }),
    };
    files.push(secretFile(urlPath(name), urlKey(name)));
    if (passwordSecret === undefined) continue;
    files.push(secretFile(passwordPath(name), passwordKey(name)));
    passwords[passwordKey(name)] = { secret: passwordSecret, place: ['depends_on', index] };
  }
  if (Object.keys(told).length === 0) return service;
  checkPlace(spec, (message, hint) => report(consumer, [], message, hint));
  const values = addresses.filter(({ variable, isFile }) => !isFile && chosen.has(variable));
  return {
    ...service,
    spec: {
      ...spec,
      container: {
        ...container,
        environment: { ...fileVariables(addresses, chosen), ...container.environment },
        secrets: [...container.secrets, ...values.map(({ variable }) => variable)].sort(),
        files: [...(container.files ?? []), ...files],
        connections: told,
      },
    },
    secrets: { ...secrets, ...passwords },
  };
}

/** Which service each of the variables means that shall be an address. */
function chosenServices(
  { spec: { name: consumer, dependsOn }, addresses }: ResolvedService,
  specs: readonly ServiceSpec[],
  report: Report,
): Map<string, string> {
  const candidates = specs
    .filter(({ name }) => name !== consumer)
    .map(({ name, connection }) => ({
      name,
      kind: connection?.kind,
      isDependency: dependsOn.includes(name),
    }));
  const chosen = new Map<string, string>();
  for (const address of addresses) {
    const meant = meantService(address, candidates);
    if ('service' in meant) chosen.set(address.variable, meant.service);
    else report(consumer, ['environment', address.variable], meant.message, meant.hint);
  }
  return chosen;
}

/** The paths of files, also beside each variable that is the address itself; one that was asked for comes last. */
function fileVariables(
  addresses: readonly AutoAddress[],
  chosen: ReadonlyMap<string, string>,
): Record<string, string> {
  const paths = addresses.flatMap(({ variable, isFile }) => {
    const service = chosen.get(variable);
    return service === undefined ? [] : [{ variable, isFile, path: urlPath(service) }];
  });
  const beside = paths.filter(({ isFile }) => !isFile);
  return Object.fromEntries([
    ...beside.map(({ variable, path }) => [`${variable}_FILE`, path]),
    ...paths.filter(({ isFile }) => isFile).map(({ variable, path }) => [variable, path]),
  ]);
}

/** For the user of the container alone, like every file of a secret. */
function secretFile(target: string, secret: string): FileSpec {
  return { target, mode: 0o400, content: { secret } };
}

/** The folder is ours: whatever else is there would hide the file. */
function checkPlace({ container }: ServiceSpec, complain: (message: string, hint: string) => void): void {
  const targets = [...(container.files ?? []), ...container.volumes].map(({ target }) => target);
  const taken = targets.find((target) => `${target}/`.startsWith(`${posix.dirname(SERVICES_FILE)}/`));
  if (taken !== undefined)
    complain(`nothing can be put at ${taken}: addresses of services are there`, 'Give it another target.');
}
