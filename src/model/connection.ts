/** What speaks on the main port of a service that others connect to, by the scheme of its addresses. */
export type ConnectionKind = 'postgres' | 'mysql' | 'mongodb' | 'redis' | 'opensearch' | 'amqp' | 's3';

/** How apps connect to a service that they depend on: what an address says beside host and port. */
export interface ConnectionSpec {
  kind: ConnectionKind;
  /** Absent where the service knows no users. */
  user?: string;
  /** The database, the virtual host or the bucket; absent where there are none. */
  database?: string;
  /** The name of the secret, among those of the file, that has the password; absent where none is asked for. */
  passwordSecret?: string;
  /** It speaks TLS on its port: of those that are reached over HTTP. */
  tls?: true;
}

/** What a container is told of a service that it depends on, beside host and ports. It holds no secret. */
export interface ToldConnection extends Omit<ConnectionSpec, 'passwordSecret'> {
  /** The password is one of its files. */
  hasPassword?: true;
  /** Those of its variables that are the address itself; absent where it only has the file. */
  variables?: string[];
}

/** Where a container has what it is told of services, as JSON. */
export const SERVICES_FILE = '/run/switchyard/services.json';

/** The folder of the files that have passwords and addresses. */
const FOLDER = '/run/secrets/switchyard';

/** passwordPath returns where a container has the password of a service as a file. */
export function passwordPath(service: string): string {
  return `${FOLDER}/${service}/password`;
}

/** urlPath returns where a container has the address of a service as a file. */
export function urlPath(service: string): string {
  return `${FOLDER}/${service}/url`;
}

/** passwordKey returns under what name a container's secret set has the password of a service: no variable has a blank in its own. */
export function passwordKey(service: string): string {
  return `password of ${service}`;
}

/** urlKey is passwordKey for its address. */
export function urlKey(service: string): string {
  return `url of ${service}`;
}
