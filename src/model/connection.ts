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
}
