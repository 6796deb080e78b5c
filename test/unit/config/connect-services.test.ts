import { describe, expect, test } from '@jest/globals';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { requireSecrets } from '../../../src/config/secrets.ts';
import { errorsOf, indented, localFile, messagesOf, resolveText } from './files.ts';

const DATABASE = `
db:
  image: postgres:17
  connection: { kind: postgres, user: app, database: shop, password: db-password }
cache: { image: redis, connection: { kind: redis } }
jobs: { image: acme/jobs }
web: { image: acme/web, port: 3000 }`;

/** shop is a file with databases, and an app with these keys. */
const shop = (keys: string) =>
  localFile(`${DATABASE}\napi:\n  image: acme/api\n  port: 3000\n${indented(keys, 2)}`);

/** containerOf resolves the app with these keys. */
function containerOf(keys: string) {
  const { container } = resolveText(shop(keys)).services.find(({ name }) => name === 'api')!;
  return container;
}

const file = (target: string, secret: string) => ({ target, mode: 0o400, content: { secret } });
const urlOfDb = file('/run/secrets/switchyard/db/url', 'url of db');
const passwordOfDb = file('/run/secrets/switchyard/db/password', 'password of db');
const urlOfCache = file('/run/secrets/switchyard/cache/url', 'url of cache');

describe('an app that depends on a database', () => {
  test('is told how to connect, and gets password and address as files of its own user', () => {
    const { connections, files, secrets, environment } = containerOf('depends_on: [db, cache]');
    expect(connections).toEqual({
      db: { kind: 'postgres', user: 'app', database: 'shop', hasPassword: true },
      cache: { kind: 'redis' },
    });
    expect(files).toEqual([urlOfDb, passwordOfDb, urlOfCache]);
    expect([secrets, environment]).toEqual([[], {}]);
  });

  test('with DATABASE_URL: auto has the value as a secret, and the path of its file beside it', () => {
    const { connections, secrets, environment } = containerOf(
      'depends_on: [db, cache]\nenvironment: { DATABASE_URL: auto, MAIN_DSN: auto:db, MODE: auto }',
    );
    expect(connections?.db?.variables).toEqual(['DATABASE_URL', 'MAIN_DSN']);
    expect(secrets).toEqual(['DATABASE_URL', 'MAIN_DSN']);
    expect(environment).toEqual({
      DATABASE_URL_FILE: urlOfDb.target,
      MAIN_DSN_FILE: urlOfDb.target,
      MODE: 'auto',
    });
  });

  test('with DATABASE_URL_FILE: auto has the file alone', () => {
    const { connections, secrets, environment } = containerOf(
      'depends_on: [db]\nenvironment: [DATABASE_URL_FILE=auto]',
    );
    expect([connections?.db?.variables, secrets]).toEqual([undefined, []]);
    expect(environment).toEqual({ DATABASE_URL_FILE: urlOfDb.target });
  });

  test('has a variable as the file says it, where that is said beside auto', () => {
    const { environment, secrets } = containerOf(
      'depends_on: [db, cache]\nenvironment: { DATABASE_URL: auto, DATABASE_URL_FILE: /etc/own, REDIS_URL: auto, REDIS_URL_FILE: auto:db }',
    );
    expect(environment).toEqual({ DATABASE_URL_FILE: '/etc/own', REDIS_URL_FILE: urlOfDb.target });
    expect(secrets).toEqual(['DATABASE_URL', 'REDIS_URL']);
  });

  test('needs the password of it, and nothing of others', () => {
    const found = loadEnvironment(shop('depends_on: [db]'), 'switchyard.yml', {}, 'local');
    const require = (given: Record<string, string>) => {
      const sources = { given, variables: {}, files: new Map<string, Buffer>() };
      return requireSecrets(found, ['api', 'web'], sources, found.config.locate);
    };
    expect(require({ DB_PASSWORD: 'x', OTHER: 'y' })).toEqual({ api: { 'password of db': 'x' }, web: {} });
    const [error] = errorsOf(() => require({ OTHER: 'y' }));
    expect(error?.message).toBe('services.api: secret db-password is not set');
    expect(error?.location?.line).toBe(14);
  });
});

test('who depends on none that has a connection is told nothing more than before', () => {
  const { connections, files, environment } = containerOf('depends_on: [web, jobs]');
  expect([connections, files, environment]).toEqual([undefined, undefined, {}]);
});

describe('what cannot be told is an error at its line', () => {
  test.each([
    [
      'environment: { DATABASE_URL: auto }',
      'services.api.environment.DATABASE_URL: the service does not depend on "db"',
    ],
    [
      'depends_on: [web]\nenvironment: { WEB_URL: auto }',
      'services.api.environment.WEB_URL: nobody knows how to connect to "web"',
    ],
    [
      'depends_on: [db]\nvolumes: [own:/run/switchyard:ro]',
      'services.api: nothing can be put at /run/switchyard: addresses of services are there',
    ],
    [
      'depends_on: [db]\nsecrets: [{ source: a, target: /run/switchyard/services.json }]',
      'services.api: nothing can be put at /run/switchyard/services.json: addresses of services are there',
    ],
  ])('%s', (keys, message) => {
    const errors = errorsOf(() => resolveText(shop(keys)));
    expect(errors.map((error) => error.message)).toEqual([message]);
    expect(errors[0]?.location?.line).toBeGreaterThan(5);
  });

  test.each([
    [
      'connection: { kind: mariadb }',
      'services.db.connection.kind: must be one of postgres, mysql, mongodb, redis, opensearch, amqp, s3; MariaDB speaks mysql, RabbitMQ amqp',
    ],
    ['connection: { user: app }', 'services.db.connection.kind: is required'],
    ['connection: { kind: mysql, tls: true }', 'services.db.connection.tls: is for opensearch and s3'],
    [
      'connection: { kind: mysql, password: "a b" }',
      'services.db.connection.password: "a b" cannot be the name of a secret',
    ],
  ])('%s', (keys, message) => {
    expect(messagesOf(() => resolveText(localFile(`db:\n  image: mysql\n${indented(keys, 2)}`)))).toEqual([
      message,
    ]);
  });

  test('a connection to a worker', () => {
    expect(
      messagesOf(() => resolveText(localFile('db: { image: acme/db, connection: { kind: mysql } }'))),
    ).toEqual(['services.db.connection: needs a port: nobody connects to a worker']);
  });
});
