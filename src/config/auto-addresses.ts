import type { ConnectionKind } from '../model/connection.ts';
import { variableName } from '../model/names.ts';
import { didYouMean, listed } from './nearest.ts';
import type { ServiceInput } from './schema/service.ts';

/** The word in place of a value. */
const AUTO = /^auto(?::(?<service>.*))?$/s;
/** Only these are addresses: an app has a MODE of its own that may be `auto`. */
const ADDRESS = /^(?<stem>.+)_(?:URL|URI|DSN)(?<file>_FILE)?$/;

const DATABASES: readonly ConnectionKind[] = ['postgres', 'mysql', 'mongodb'];

/** AUTO_NAMES says what a variable is the address of by what stands before `_URL`, `_URI` or `_DSN`, beside the names of services. */
export const AUTO_NAMES: Readonly<Record<string, readonly ConnectionKind[]>> = {
  DATABASE: DATABASES,
  DB: DATABASES,
  POSTGRES: ['postgres'],
  POSTGRESQL: ['postgres'],
  PG: ['postgres'],
  MYSQL: ['mysql'],
  MARIADB: ['mysql'],
  MONGO: ['mongodb'],
  MONGODB: ['mongodb'],
  REDIS: ['redis'],
  VALKEY: ['redis'],
  AMQP: ['amqp'],
  RABBITMQ: ['amqp'],
  OPENSEARCH: ['opensearch'],
  ELASTICSEARCH: ['opensearch'],
  S3: ['s3'],
  S3_ENDPOINT: ['s3'],
  AWS_ENDPOINT: ['s3'],
  MINIO: ['s3'],
};

/** A variable that shall be the address of a service. */
export interface AutoAddress {
  variable: string;
  /** What stands before `_URL`: `DATABASE`. */
  stem: string;
  /** The service that `auto:` names. */
  service?: string;
  /** The variable is the path of a file that has it. */
  isFile: boolean;
}

/** autoAddressesOf takes the variables that shall be addresses from what a service says of its environment. Pure. */
export function autoAddressesOf(said: NonNullable<ServiceInput['environment']>): {
  addresses: AutoAddress[];
  others: NonNullable<ServiceInput['environment']>;
} {
  const addresses = Object.entries(said).flatMap(([variable, value]): AutoAddress[] => {
    const auto = typeof value === 'string' ? AUTO.exec(value) : null;
    const { stem, file } = ADDRESS.exec(variable)?.groups ?? {};
    if (auto === null || stem === undefined) return [];
    const service = auto.groups?.service;
    return [{ variable, stem, isFile: file !== undefined, ...(service !== undefined && { service }) }];
  });
  const taken = new Set(addresses.map(({ variable }) => variable));
  return { addresses, others: Object.fromEntries(Object.entries(said).filter(([name]) => !taken.has(name))) };
}

/** A service that a variable may mean. */
export interface Candidate {
  name: string;
  /** Undefined where nobody knows how apps connect to it. */
  kind: ConnectionKind | undefined;
  isDependency: boolean;
}

/** Which service is meant, or why nobody knows. */
export type Meant = { service: string } | { message: string; hint: string };

/**
 * meantService returns which service a variable is the address of. What `auto:` names wins, then a service that the variable
 * is called after, then the only dependency of a kind that it is called after. Pure.
 */
export function meantService(
  { variable, stem, service }: Pick<AutoAddress, 'variable' | 'stem' | 'service'>,
  candidates: readonly Candidate[],
): Meant {
  if (service !== undefined) return namedService(service, candidates);
  const dependencies = candidates.filter(({ isDependency }) => isDependency);
  const called = dependencies.find(({ name }) => variableName(name) === stem);
  if (called !== undefined) return namedService(called.name, candidates);
  const kinds = Object.hasOwn(AUTO_NAMES, stem) ? AUTO_NAMES[stem]! : [];
  const isOfKind = ({ kind }: Candidate) => kind !== undefined && kinds.includes(kind);
  const found = dependencies.filter(isOfKind);
  const [only] = found;
  if (only !== undefined && found.length === 1) return { service: only.name };
  if (found.length > 1) {
    const names = found.map(({ name }) => name);
    return {
      message: `${variable} may be the address of ${listed(names, 'or')}`,
      hint: `Write which one: ${variable}: auto:${names[0]}.`,
    };
  }
  const elsewhere = candidates.find((one) => isOfKind(one) || variableName(one.name) === stem);
  if (elsewhere !== undefined) return namedService(elsewhere.name, candidates);
  return {
    message: `nothing says of which service ${variable} is the address`,
    hint: unknownHint(dependencies),
  };
}

function namedService(service: string, candidates: readonly Candidate[]): Meant {
  const found = candidates.find(({ name }) => name === service);
  if (found === undefined) {
    const names = candidates.map(({ name }) => name);
    return {
      message: `there is no service ${JSON.stringify(service)}${didYouMean(service, names)}`,
      hint: `The services are ${listed(names)}.`,
    };
  }
  if (!found.isDependency) {
    return {
      message: `the service does not depend on ${JSON.stringify(service)}`,
      hint: `Add it: depends_on: [${service}].`,
    };
  }
  if (found.kind !== undefined) return { service };
  return {
    message: `nobody knows how to connect to ${JSON.stringify(service)}`,
    hint: `Say it there: connection: { kind: postgres, user: app, database: app, password: db-password }. Host and port alone are SWITCHYARD_${variableName(service)}_HOST and _PORT.`,
  };
}

function unknownHint(dependencies: readonly Candidate[]): string {
  const names = dependencies.filter(({ kind }) => kind !== undefined).map(({ name }) => name);
  const which =
    names.length > 0
      ? `Write which one: ${names.map((name) => `auto:${name}`).join(' or ')}.`
      : 'The service depends on none that has an address: name one under depends_on.';
  return `${which} If the app shall get the word "auto" itself, put it into an env_file.`;
}
