import { describe, expect, test } from '@jest/globals';
import {
  AUTO_NAMES,
  autoAddressesOf,
  type Candidate,
  meantService,
} from '../../../src/config/auto-addresses.ts';
import type { ConnectionKind } from '../../../src/model/connection.ts';
import { read } from '../docs/documents.ts';

/** variables returns which variables of an environment are taken for addresses, and what is left. */
function variables(said: Record<string, string | null>) {
  const { addresses, others } = autoAddressesOf(said);
  return { addresses: addresses.map(({ variable }) => variable), others };
}

/** meant returns the service that a variable means: an app depends on `dependencies` and not on `others`. */
function meant(
  said: string,
  dependencies: Record<string, ConnectionKind | undefined>,
  others: Record<string, ConnectionKind | undefined> = {},
) {
  const [variable = '', value = 'auto'] = said.split('=');
  const candidate =
    (isDependency: boolean) =>
    ([name, kind]: [string, ConnectionKind | undefined]): Candidate => ({ name, kind, isDependency });
  const candidates = [
    ...Object.entries(dependencies).map(candidate(true)),
    ...Object.entries(others).map(candidate(false)),
  ];
  const [address] = autoAddressesOf({ [variable]: value }).addresses;
  const found = meantService(address!, candidates);
  return 'service' in found ? found.service : `${found.message} → ${found.hint}`;
}

const everything: Record<string, ConnectionKind> = {
  orders: 'postgres',
  legacy: 'mysql',
  documents: 'mongodb',
  sessions: 'redis',
  jobs: 'amqp',
  find: 'opensearch',
  files: 's3',
};

describe('the word auto', () => {
  test('is ours in variables whose name says that they are addresses, and the app’s own in all others', () => {
    const own = { MODE: 'auto', URL: 'auto', _URL: 'x', PREFIX_URLS: 'auto', database_url: 'auto', TZ: null };
    const addresses = {
      DATABASE_URL: 'auto',
      MONGODB_URI: 'auto:db',
      APP_DSN: 'auto',
      DATABASE_URL_FILE: 'auto',
    };
    expect(variables({ ...own, ...addresses })).toEqual({ addresses: Object.keys(addresses), others: own });
  });

  test('is all of the value', () => {
    const own = { DATABASE_URL: 'automatic', REDIS_URL: ' auto', CACHE_URL: 'AUTO', S3_URL: '' };
    expect(variables(own)).toEqual({ addresses: [], others: own });
  });
});

describe('the service that a variable means', () => {
  test.each([
    ['POSTGRES_URL', 'orders'],
    ['POSTGRESQL_URL', 'orders'],
    ['PG_URL', 'orders'],
    ['PG_DSN', 'orders'],
    ['MYSQL_URL', 'legacy'],
    ['MARIADB_URL', 'legacy'],
    ['MONGO_URL', 'documents'],
    ['MONGODB_URI', 'documents'],
    ['REDIS_URL', 'sessions'],
    ['VALKEY_URL', 'sessions'],
    ['AMQP_URL', 'jobs'],
    ['RABBITMQ_URL', 'jobs'],
    ['OPENSEARCH_URL', 'find'],
    ['ELASTICSEARCH_URL', 'find'],
    ['S3_URL', 'files'],
    ['S3_ENDPOINT_URL', 'files'],
    ['AWS_ENDPOINT_URL', 'files'],
    ['MINIO_URL', 'files'],
    ['LEGACY_URL', 'legacy'],
    ['ORDERS_URL_FILE', 'orders'],
    ['ANY_THING_URL=auto:jobs', 'jobs'],
  ])('by %s is %s', (said, service) => {
    expect(meant(said, everything)).toBe(service);
  });

  test.each(['postgres', 'mysql', 'mongodb'] as const)(
    'by DATABASE_URL and DB_URL is the only database, %s',
    (kind) => {
      const dependencies = { store: kind, redis: 'redis' as const };
      expect([meant('DATABASE_URL', dependencies), meant('DB_URL', dependencies)]).toEqual([
        'store',
        'store',
      ]);
    },
  );

  test('is the one that is called so, whatever it speaks', () => {
    expect(meant('DATABASE_URL', { database: 'redis', other: 'postgres' })).toBe('database');
    expect(meant('MY_CACHE_URL', { 'my-cache': 'redis' })).toBe('my-cache');
    expect(meant('DB_URL', { db: 'postgres', other: 'postgres' })).toBe('db');
  });

  test('is one that it depends on, also where another one is called so', () => {
    expect(meant('DATABASE_URL', { db: 'postgres' }, { database: 'postgres' })).toBe('db');
  });

  test.each([
    [
      'DATABASE_URL',
      { db: 'postgres', reports: 'mysql' },
      {},
      'DATABASE_URL may be the address of "db" or "reports" → Write which one: DATABASE_URL: auto:db.',
    ],
    [
      'QUEUE_URL',
      { db: 'postgres', cache: 'redis', api: undefined },
      {},
      'nothing says of which service QUEUE_URL is the address → Write which one: auto:db or auto:cache. If the app shall get the word "auto" itself, put it into an env_file.',
    ],
    [
      'PUBLIC_URL',
      {},
      {},
      'nothing says of which service PUBLIC_URL is the address → The service depends on none that has an address: name one under depends_on. If the app shall get the word "auto" itself, put it into an env_file.',
    ],
    [
      'DATABASE_URL',
      {},
      { db: 'postgres' },
      'the service does not depend on "db" → Add it: depends_on: [db].',
    ],
    [
      'X_URL=auto:cahe',
      { cache: 'redis' },
      {},
      'there is no service "cahe"; did you mean "cache"? → The services are "cache".',
    ],
    [
      'API_URL',
      { api: undefined },
      {},
      'nobody knows how to connect to "api" → Say it there: connection: { kind: postgres, user: app, database: app, password: db-password }. Host and port alone are SWITCHYARD_API_HOST and _PORT.',
    ],
  ] as [string, Record<string, ConnectionKind>, Record<string, ConnectionKind>, string][])(
    'is told where nobody knows it: %s',
    (said, dependencies, others, message) => {
      expect(meant(said, dependencies, others)).toBe(message);
    },
  );
});

test('the guide has all names that mean a kind of service', () => {
  const guide = read('docs/guide.md');
  for (const name of Object.keys(AUTO_NAMES))
    expect(guide).toMatch(new RegExp(`\\| .*\`${name}_UR[LI]\`.* \\| the only`));
});
