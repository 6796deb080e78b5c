import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { presetNames } from '../../../src/config/presets/names.ts';
import { loadEnvironment, type ResolvedEnvironment } from '../../../src/config/resolve.ts';
import { requireSecrets } from '../../../src/config/secrets.ts';
import { PRESET_NAMES } from '../../../src/model/preset.ts';
import type { ServiceSpec } from '../../../src/model/spec.ts';
import { indented, localFile, messagesOf, resolveText } from './files.ts';

const expected = (name: string) => readFileSync(join(import.meta.dirname, 'presets', `${name}.yml`), 'utf8');

const load = (services: string, top = ''): ResolvedEnvironment =>
  loadEnvironment(`${top}${localFile(services)}`, 'switchyard.yml', {}, 'local');

/** The service `db` with a preset, and these keys beside it. */
function db(keys: string): ServiceSpec {
  return load(`db:\n${indented(keys, 2)}`).wanted.services[0]!;
}

const wrong = (keys: string): string[] => messagesOf(() => db(keys));

describe('what a preset stands for', () => {
  test.each(PRESET_NAMES)('%s, with a limit of memory', (name) => {
    expect(load(`db: { preset: ${name}, mem_limit: 1g }`).presets.db).toBe(expected(name));
  });

  test.each(PRESET_NAMES)('%s can be written out in its place, and is the same service', (name) => {
    const { presets, wanted } = load(`db: { preset: ${name}, mem_limit: 1g }`);
    // Who knows the password is said by the file either way.
    const written = presets.db!.replace('generate: 32', 'external: true');
    const file = `project: shop\nenvironments: { local: { provider: local } }\n${written}`;
    const { preset: _, ...container } = wanted.services[0]!.container;
    const [service] = resolveText(file.replace('\n  db:\n', '\n  db:\n    mem_limit: 1g\n')).services;
    expect(service).toEqual({ ...wanted.services[0], container });
  });

  test('without a limit its settings are those of the image, and version and data path are known', () => {
    expect(db('preset: postgres\nversion: 17').container).toMatchObject({
      image: 'postgres:17',
      volumes: [{ source: 'db-data', target: '/var/lib/postgresql/data' }],
      preset: { name: 'postgres', version: '17', major: '17' },
    });
    expect(db('preset: postgres').container.command).toBeUndefined();
  });

  test('files of its own belong to whom the image goes on as', () => {
    const ownerOf = (keys: string) =>
      db(keys).container.files?.map(({ target, uid, mode }) => [target, uid, mode]);
    expect(ownerOf('preset: rabbitmq')).toEqual([['/etc/rabbitmq/conf.d/20-switchyard.conf', 999, 0o400]]);
    expect(ownerOf('preset: rabbitmq\nversion: 4.1-alpine')).toEqual([
      ['/etc/rabbitmq/conf.d/20-switchyard.conf', 100, 0o400],
    ]);
  });
});

describe('names', () => {
  test.each([
    ['shop', 'production', 'db', 'shop_511578cf', 'shop_user', 'db_password'],
    ['shop', 'staging', 'db', 'shop_95b6d4d0', 'shop_user', 'db_password'],
    ['my-shop', 'production', 'main-db', 'my_shop_ebc3c551', 'my_shop_user', 'main_db_password'],
    ['pg', 'production', 'db', 'ppg_c6bd8864', 'ppg_user', 'db_password'],
    [
      'a-project-with-a-rather-long-name',
      'p',
      'db',
      'a_project_with_a_rather_a4fa5c32',
      'a_project_with_a_rather_user',
      'db_password',
    ],
  ])('of %s, %s, %s', (project, environment, service, database, user, password) => {
    expect(presetNames({ project, environment }, service)).toEqual({ database, user, password });
  });
});

describe('the file wins', () => {
  test('over single values, and key by key over maps', () => {
    const { container, policy } = db(
      'preset: postgres\nimage: registry.example.com/acme/postgres:18.1\nstop_grace_period: 5m\nenvironment: { POSTGRES_DB: orders, TZ: UTC }\nhealthcheck: { interval: 7s }',
    );
    expect(container).toMatchObject({
      image: 'registry.example.com/acme/postgres:18.1',
      environment: { POSTGRES_DB: 'orders', TZ: 'UTC', APP_USER: 'shop_user' },
      preset: { version: '18.1', major: '18' },
    });
    expect(policy).toMatchObject({
      stopGracePeriodMs: 300_000,
      healthcheck: { kind: 'command', intervalMs: 7_000 },
    });
  });

  test('an environment wins over both', () => {
    const file = `project: shop
environments:
  local: { provider: local, services: { db: { version: "17", mem_limit: 2g } } }
services:
  db: { preset: postgres, version: "16" }
`;
    expect(resolveText(file).services[0]!.container).toMatchObject({
      image: 'postgres:17',
      command: expect.arrayContaining(['shared_buffers=512MB']),
    });
  });

  test('a further file, secret or volume takes nothing away, and one for the same place replaces it', () => {
    const { container } = db(
      'preset: postgres\nsecrets: [licence]\nvolumes: ["fast:/var/lib/postgresql", "dumps:/dumps"]',
    );
    expect(container.files?.map(({ target }) => target)).toEqual([
      '/docker-entrypoint-initdb.d/10-roles.sql',
      '/run/secrets/db_password',
      '/run/secrets/licence',
    ]);
    expect(container.volumes.map(({ source, target }) => `${source}:${target}`)).toEqual([
      'fast:/var/lib/postgresql',
      'dumps:/dumps',
    ]);
  });

  test('what is built in its place is called as builds are', () => {
    expect(db('preset: postgres\nbuild: ./db').container.image).toMatch(/shop-local-db/);
  });

  test('how apps connect can be said otherwise', () => {
    expect(db('preset: postgres\nconnection: { kind: postgres, database: orders }').connection).toEqual({
      kind: 'postgres',
      user: 'shop_user',
      database: 'orders',
      passwordSecret: 'db_password',
    });
  });
});

describe('passwords', () => {
  const given = { DB_PASSWORD: 'of the run' };
  const values = (services: string, top = '') => {
    const resolved = load(services, top);
    const { locate } = loadEnvironment(localFile(services), 'switchyard.yml', {}, 'local').config;
    return requireSecrets(resolved, ['db'], { given, variables: {}, files: new Map() }, locate).db;
  };
  const external = 'secrets: { db_password: { environment: DB_PASSWORD } }\n';

  test('are files, and part of configurations where the image takes no file', () => {
    expect(values('db: { preset: postgres }', external)).toEqual({ 'secret db_password': 'of the run' });
    expect(values('db: { preset: redis }', external)).toEqual({
      'secret db_password': 'of the run',
      'file:/usr/local/etc/redis/redis.conf': 'requirepass "of the run"\n',
    });
    expect(values('db: { preset: rabbitmq }', external)).toEqual({
      'file:/etc/rabbitmq/conf.d/20-switchyard.conf':
        'default_user = shop_user\ndefault_pass = of the run\ndefault_vhost = shop_f5a8d19f\n',
    });
  });

  test('of OpenSearch are given by people, since it wants signs in them', () => {
    expect(values('db: { preset: opensearch }')).toEqual({ OPENSEARCH_INITIAL_ADMIN_PASSWORD: 'of the run' });
  });

  test('where they come from can be said otherwise', () => {
    const top = 'secrets: { db_password: { environment: OTHER } }\n';
    expect(() => values('db: { preset: postgres }', top)).toThrow('secret OTHER is not set');
  });
});

describe('what is wrong with a preset is told before anything else', () => {
  test.each([
    [
      'preset: postgress',
      'services.db.preset: must be one of postgres, redis, opensearch, mysql, mariadb, mongo, rabbitmq, minio; did you mean "postgres"?',
    ],
    ['image: acme/db:1\nversion: "16"', 'services.db.version: is for a preset, and there is none'],
    ['preset: postgres\nversion: latest', 'services.db.version: "latest" is no version of PostgreSQL'],
    [
      'preset: postgres\nversion: "13"',
      'services.db.version: PostgreSQL 13 is older than what the preset knows',
    ],
    ['preset: mysql\nversion: "5.7"', 'services.db.version: MySQL 5.7 is older than what the preset knows'],
    ['preset: mariadb\nversion: 10.11', 'services.db.version: 10.11 is a number, and no version'],
    ['preset: minio\nversion: "1"', 'services.db.version: "1" is no version of MinIO'],
    [
      'preset: postgres\nversion: "16"\nimage: acme/postgres:17',
      'services.db.version: 16 is another version than that of the image, 17',
    ],
    [
      'preset: postgres\nimage: acme/postgres:9',
      'services.db.preset: PostgreSQL 9 is older than what the preset knows',
    ],
  ])('%j', (keys, message) => {
    expect(wrong(keys)).toEqual([message]);
  });

  test('versions that are known', () => {
    for (const version of ['"14"', '16', '"17.2"', '"18-alpine"'])
      expect(db(`preset: postgres\nversion: ${version}`).container.image).toBe(
        `postgres:${version.replaceAll('"', '')}`,
      );
  });
});
