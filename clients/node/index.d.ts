/** What is spoken with a service. */
export type Kind = 'postgres' | 'mysql' | 'mongodb' | 'redis' | 'opensearch' | 'amqp' | 's3';

/** A service that this app depends on. */
export interface Service {
  readonly name: string;
  readonly host: string;
  /** Of its main port; it never changes. */
  readonly port: number;
  /** Further ports, by their names. */
  readonly ports: Readonly<Record<string, number>>;
  /** Undefined of one that has no `connection`, as are all that follow. */
  readonly kind?: Kind;
  readonly user?: string;
  /** The database, the virtual host or the bucket. */
  readonly database?: string;
  /** The path of the file with the password. */
  readonly passwordFile?: string;
  /** The path of the file with the whole address. */
  readonly urlFile?: string;
  /** The password, read from its file. */
  readonly password?: string;
  /** The whole address with the password in it, read from its file. */
  readonly url?: string;
}

/**
 * services returns all services that the app depends on, by their names. The file is `/run/switchyard/services.json`, unless
 * the variable `SWITCHYARD_SERVICES` or the argument says another one. It throws an Error where it is missing, or is of
 * another form.
 */
export function services(file?: string): Record<string, Service>;

/** service returns one of them. It throws an Error where the app does not depend on it. */
export function service(name: string, file?: string): Service;
