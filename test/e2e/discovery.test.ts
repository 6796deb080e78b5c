import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { ask, knock } from './ask.ts';
import { watchCommandLines } from './command-lines.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { once } from './once.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'found.example.com';
const TOGGLES = size.isFull ? 5 : 2;
/** Names that an address has to encode. */
const USER = 'app@shop';
const DATABASE = 'shop/orders #1';
const APP = readFileSync(join(import.meta.dirname, '..', 'lab', 'apps', 'finder', 'server.mjs'), 'utf8');

/** A cache and a database with passwords, an app on both servers that is told an address, and a worker that has them as files. */
describe('Apps find services', () => {
  /** In every password, so that one search finds them all. */
  const marker = randomBytes(8).toString('hex');
  const password = `@:/?#[]% '&=+ř🔑${marker}`;
  const inAddresses = `%40%3A%2F%3F%23%5B%5D%25%20%27%26%3D%2B%C5%99%F0%9F%94%91${marker}`;
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    shop = await newProject(lab, 'found', servers, {
      cache: {
        image: lab.images.redis,
        port: 6379,
        command: ['redis-server', '/etc/redis.conf'],
        configs: [{ source: 'redis', target: '/etc/redis.conf', mode: '0400' }],
        connection: { kind: 'redis', password: 'CACHE_PASSWORD' },
        healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '1s' },
      },
      db: {
        image: await lab.database('postgres:17'),
        volumes: ['data:/var/lib/postgresql/data'],
        strategy: 'recreate',
        secrets: ['DB_PASSWORD'],
        environment: {
          POSTGRES_USER: USER,
          POSTGRES_DB: DATABASE,
          POSTGRES_PASSWORD_FILE: '/run/secrets/DB_PASSWORD',
        },
        connection: { kind: 'postgres', user: USER, database: DATABASE, password: 'DB_PASSWORD' },
        healthcheck: { test: ['CMD', 'pg_isready', '-h', '127.0.0.1'], interval: '1s', start_period: '30s' },
      },
      web: {
        image: lab.images.node,
        command: ['node', '/app/server.mjs'],
        configs: [{ source: 'app', target: '/app/server.mjs' }],
        port: 3000,
        domain: DOMAIN,
        servers: 2,
        healthcheck: { path: '/health' },
        depends_on: ['cache'],
        environment: { REDIS_URL: 'auto', VERSION: 1 },
      },
      worker: {
        // The lab's image of Node has redis-cli as well.
        image: lab.images.node,
        command: ['sleep', 'infinity'],
        depends_on: ['cache', 'db'],
        environment: { CACHE_URL_FILE: 'auto', DATABASE_URL_FILE: 'auto' },
        healthcheck: { start_period: '1s' },
        stop_signal: 'SIGKILL',
      },
    });
    shop.edit((config) => {
      config.configs = {
        redis: { content: 'bind 0.0.0.0\nprotected-mode no\nrequirepass "${CACHE_PASSWORD}"\n' },
        app: { content: APP.replaceAll('$', '$$$$') },
      };
    });
  });

  afterAll(async () => {
    await shop?.leave();
  });

  const given = (value = password) => ({
    secrets: JSON.stringify({ CACHE_PASSWORD: value, DB_PASSWORD: `db${password}` }),
  });

  /** The first deploy, toggles under load behind it, and every command line and log that was seen meanwhile. */
  const toggled = once(async () => {
    const watch = watchCommandLines();
    const runs = [await shop.deploy(given())];
    const users = startUsers(servers, DOMAIN);
    for (let count = 1; count <= TOGGLES; count++) {
      shop.edit((config) => {
        config.services.web!.environment = { REDIS_URL: 'auto', VERSION: count + 1 };
        // It comes under load, too.
        config.sidecar = { ...lab.sidecar, loopback: true };
      });
      runs.push(await shop.deploy(given()));
    }
    const served = await users.stop();
    return { served, logs: runs.map(({ log, summary }) => log + summary), commandLines: watch.stop() };
  });

  /** What a command prints in a container of a service, on the server where it stands. */
  async function inside(service: string, ...command: string[]): Promise<string> {
    const [home] = await shop.homesOf(service);
    const [container = ''] = await shop.containers(home!, service);
    return (await home!.docker('exec', container, ...command)).trim();
  }

  test('an app with REDIS_URL: auto is toggled on two servers under load with queries, and loses none', async () => {
    const { served } = await toggled();
    expect(served).toMatchObject({ lost: 0, losses: [] });
    expect(served.sent).toBeGreaterThan(50);
    for (const server of servers) {
      const { status, body } = await ask(server, DOMAIN, '/');
      expect([status, JSON.parse(body)]).toMatchObject([200, { version: String(TOGGLES + 1), login: '+OK' }]);
    }
  });

  test('real clients read the address: redis-cli with the password in it', async () => {
    await toggled();
    expect(await inside('worker', 'sh', '-c', 'redis-cli -u "$(cat "$CACHE_URL_FILE")" ping')).toMatch(
      'PONG',
    );
    expect(
      await inside(
        'worker',
        'sh',
        '-c',
        'REDISCLI_AUTH="$(cat "$SWITCHYARD_CACHE_PASSWORD_FILE")" redis-cli -h "$SWITCHYARD_CACHE_HOST" -p "$SWITCHYARD_CACHE_PORT" ping',
      ),
    ).toMatch('PONG');
  });

  test('and psql, with user, database and password that have to be encoded', async () => {
    await toggled();
    const url = await inside('worker', 'sh', '-c', 'cat "$DATABASE_URL_FILE"');
    const query = 'select current_user, current_database()';
    expect(await inside('db', 'psql', url, '-Atc', query)).toBe(`${USER}|${DATABASE}`);
  });

  test('the servers themselves have the internal ports at 127.0.0.1, and nobody else has', async () => {
    await toggled();
    const { internal_port: port } = await shop.recorded('cache');
    for (const server of servers) {
      const redis = ['redis-cli', '-h', '127.0.0.1', '-p', String(port), 'ping'];
      expect(await server.docker('run', '--rm', '--network', 'host', lab.images.node, ...redis)).toMatch(
        'NOAUTH',
      );
      expect(await knock(server.host, port!)).toBe('refused');
    }
  });

  test('services.json says all of it, and holds no secret', async () => {
    await toggled();
    const text = await inside('worker', 'cat', '/run/switchyard/services.json');
    const { internal_port: port } = await shop.recorded('cache');
    expect(JSON.parse(text)).toMatchObject({
      schema: 1,
      services: {
        cache: {
          host: 'nginx',
          port,
          kind: 'redis',
          passwordFile: '/run/secrets/switchyard/cache/password',
          urlFile: '/run/secrets/switchyard/cache/url',
        },
        db: { host: 'nginx', kind: 'postgres', user: USER, database: DATABASE },
      },
    });
    expect(text).not.toMatch(marker);
    expect(await inside('worker', 'stat', '-c', '%a', '/run/secrets/switchyard/cache/url')).toBe('400');
  });

  test('the password is on no command line, and in no log, record or image', async () => {
    const { logs, commandLines } = await toggled();
    expect(commandLines.join('\n')).toMatch('/app/server.mjs');
    expect(commandLines.join('\n')).not.toMatch(marker);
    expect(logs.join('\n')).not.toMatch(marker);
    const objects = await shop.inOrigin('cat-file', '--batch-all-objects', '--batch');
    expect(objects).toMatch('"hasPassword"');
    expect(objects).not.toMatch(marker);
    expect(await servers[0]!.docker('image', 'inspect', lab.images.node, lab.images.redis)).not.toMatch(
      marker,
    );
  });

  test('docker inspect tells it of whoever asked for the value, and of nobody who asked for files', async () => {
    await toggled();
    const inspected = async (service: string) => {
      const [home] = await shop.homesOf(service);
      return await home!.docker('inspect', ...(await shop.containers(home!, service)));
    };
    expect(await inspected('worker')).not.toMatch(marker);
    for (const service of ['cache', 'db']) expect(await inspected(service)).not.toMatch(marker);
    expect(await inspected('web')).toMatch(inAddresses);
  });

  test('the same again changes nothing', async () => {
    await toggled();
    expect((await shop.deploy(given())).outputs.changed).toBe('false');
  });

  fullSizeTest('a new password is a new release of all who use it', async () => {
    await toggled();
    const before = await shop.releases();
    await shop.deploy(given(`new ${marker}`));
    expect(await shop.releases()).toEqual({
      cache: before.cache! + 1,
      db: before.db!,
      loopback: before.loopback!,
      web: before.web! + 1,
      worker: before.worker! + 1,
    });
    const { status, body } = await ask(servers[1]!, DOMAIN, '/');
    expect([status, JSON.parse(body)]).toMatchObject([200, { login: '+OK' }]);
  });

  test('a name that leads nowhere is refused with what to write, before anything else', async () => {
    await toggled();
    const { web } = structuredClone(shop.config.services);
    shop.edit(({ services }) => {
      services.web!.environment = { ...(web!.environment as object), QUEUE_URL: 'auto' };
    });
    const failed = await shop.failToDeploy(given());
    expect(said(failed)).toMatch(
      /services.web.environment.QUEUE_URL: nothing says of which service QUEUE_URL is the address\n→ Write which one: auto:cache/,
    );
    shop.edit(({ services }) => {
      services.web = web!;
    });
  });
});
