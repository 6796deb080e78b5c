import type { ConnectionKind, ConnectionSpec } from './connection.ts';

/** Where a service answers, and with which password; none where it asks for none. */
export interface Endpoint {
  host: string;
  port: number;
  password?: string | undefined;
}

/** How the address of a kind looks. */
interface Form {
  scheme: string;
  /** What stands behind the port. */
  path?: (spec: Pick<ConnectionSpec, 'user' | 'database'>) => string;
  /** Whose password it is where nobody is named. */
  nobody?: string;
  /** Clients take user and password by other ways. */
  isBare?: true;
}

const named = ({ database }: Pick<ConnectionSpec, 'database'>) =>
  database === undefined ? '' : `/${encodePart(database)}`;

/**
 * Not `postgres:`, which SQLAlchemy refuses since 1.4: every other client takes both.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
const FORMS: Record<ConnectionKind, Form> = {
  postgres: { scheme: 'postgresql', path: named },
  mysql: { scheme: 'mysql', path: named },
  // The user of the official image is one of the database admin, whatever database is used.
  mongodb: {
    scheme: 'mongodb',
    path: ({ user, database = '' }) =>
      `/${encodePart(database)}${user === undefined ? '' : '?authSource=admin'}`,
  },
  // Since redis 6 a password without a user is that of "default", and redis-cli takes no address without a name.
  redis: { scheme: 'redis', nobody: 'default', path: ({ database = '0' }) => `/${encodePart(database)}` },
  // A virtual host may be called "/", which is what no path means.
  amqp: { scheme: 'amqp', path: named },
  opensearch: { scheme: 'http' },
  s3: { scheme: 'http', isBare: true },
};

/**
 * connectionUrl returns the address of a service as clients take it, every part of it percent-encoded:
 * `postgresql://app:p%40ss@nginx:5123/shop`. Pure.
 */
export function connectionUrl(
  spec: Omit<ConnectionSpec, 'passwordSecret'>,
  { host, port, password }: Endpoint,
): string {
  const { scheme, path, nobody = '', isBare } = FORMS[spec.kind];
  const user = encodePart(spec.user ?? (password === undefined ? '' : nobody));
  const who = password === undefined ? user : `${user}:${encodePart(password)}`;
  const at = isBare || who === '' ? '' : `${who}@`;
  return `${scheme}${spec.tls ? 's' : ''}://${at}${host}:${port}${path?.(spec) ?? ''}`;
}

/** encodePart percent-encodes all but what no part of an address gives a meaning to (RFC 3986, section 2.3). Pure. */
export function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
