import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { type Fleet, fleet } from './fleet.ts';
import { once } from './once.ts';
import type { Project } from './project.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(300_000);

const PASSWORDS = {
  DB_PASSWORD: 'passwordOfPostgresInTheLab123456',
  CACHE_PASSWORD: 'passwordOfRedisInTheLab123456789',
  STORE_PASSWORD: 'passwordOfMariaDbInTheLab1234567',
  QUEUE_PASSWORD: 'passwordOfRabbitMqInTheLab123456',
};

/** A service of the file, with what the preset has no answer to: an image that the lab has, and who knows its password. */
const preset = (name: string, version: string, image: string) => ({ preset: name, version, image });

/** Postgres, redis, mariadb and rabbitmq from presets, on one server. */
describe('Databases from presets', () => {
  let lab: Fleet;
  let server: LabServer;
  let stack: Project;
  let images: Record<'postgres' | 'redis' | 'mariadb' | 'rabbitmq', string>;

  beforeAll(async () => {
    lab = await fleet();
    server = lab.servers[0]!;
    const [postgres, redis, mariadb, rabbitmq] = [
      await lab.database('postgres:18'),
      await lab.database('redis:8'),
      await lab.database('mariadb:11.8'),
      await lab.database('rabbitmq:4.3'),
    ];
    images = { postgres, redis, mariadb, rabbitmq };
    stack = await newProject(lab, 'stack', [server], {
      db: { ...preset('postgres', '18', postgres), mem_limit: '256m' },
      cache: preset('redis', '8', redis),
      store: preset('mariadb', '11.8', mariadb),
      queue: preset('rabbitmq', '4.3', rabbitmq),
    });
    stack.edit((config) => {
      config.secrets = Object.fromEntries(
        Object.keys(PASSWORDS).map((name) => [name.toLowerCase(), { environment: name }]),
      );
    });
  });

  afterAll(async () => {
    await stack?.leave();
    for (const name of ['db', 'cache', 'store', 'queue']) {
      await server?.docker('volume', 'rm', `stack_production_${name}-data`);
    }
  });

  const secrets = { secrets: JSON.stringify(PASSWORDS) };
  const deployed = once(() => stack.deploy(secrets));
  const containerOf = (service: string) => `stack_production_${service}`;

  /** A client as an app is one: in a container beside, through the sidecar's internal port. */
  async function client(service: string, image: string, env: string[], command: (port: string) => string[]) {
    const port = String((await stack.recorded(service)).internal_port);
    const variables = env.flatMap((variable) => ['--env', variable]);
    return (
      await server.docker(
        ...['run', '--rm', '--network', 'stack_production_network', ...variables],
        ...['--entrypoint', command(port)[0]!, image, ...command(port).slice(1)],
      )
    ).trim();
  }

  const sql = (statement: string, password = PASSWORDS.DB_PASSWORD, user = 'stack_user') =>
    client('db', images.postgres, [`PGPASSWORD=${password}`], (port) => [
      ...['psql', '-h', 'nginx', '-p', port, '-U', user, '-d', 'stack_c4076713'],
      ...['-v', 'ON_ERROR_STOP=1', '-qAtc', statement],
    ]);
  const redis = (...words: string[]) =>
    client('cache', images.redis, [`REDISCLI_AUTH=${PASSWORDS.CACHE_PASSWORD}`], (port) => [
      ...['redis-cli', '-h', 'nginx', '-p', port, ...words],
    ]);
  const store = (statement: string) =>
    client('store', images.mariadb, [`MYSQL_PWD=${PASSWORDS.STORE_PASSWORD}`], (port) => [
      ...['mariadb', '-h', 'nginx', '-P', port, '-u', 'stack_user', '-NBe', statement],
    ]);
  const inQueue = (...words: string[]) =>
    server.docker('exec', containerOf('queue'), 'rabbitmqctl', '--silent', ...words);

  test('a deploy that has ended leaves databases that apps can log in to at once', async () => {
    await deployed();
    const [owner, pong, database, known] = await Promise.all([
      sql(
        "CREATE TABLE IF NOT EXISTS orders (id int); SELECT tableowner FROM pg_tables WHERE tablename = 'orders'",
      ),
      redis('PING'),
      store("SHOW DATABASES LIKE 'stack%'"),
      inQueue('authenticate_user', 'stack_user', PASSWORDS.QUEUE_PASSWORD),
    ]);
    expect({ owner, pong, database }).toEqual({
      owner: expect.stringMatching(/^stack_[0-9a-f]{8}_owner$/),
      pong: 'PONG',
      database: expect.stringMatching(/^stack_[0-9a-f]{8}$/),
    });
    expect(known).toMatch('Success');
    expect(await inQueue('list_user_permissions', 'stack_user')).toMatch(
      /^stack_[0-9a-f]{8}\t\.\*\t\.\*\t\.\*/m,
    );
  });

  test('a plan says once that their data is backed up nowhere', async () => {
    await deployed();
    const { log } = await stack.run('plan', secrets);
    expect(log.match(/the data of .*"db".* is backed up nowhere/g)).toHaveLength(1);
  });

  test('nobody is let in without the password, and nobody becomes the superuser over the network', async () => {
    await deployed();
    await expect(sql('SELECT 1', 'another')).rejects.toThrow('password authentication failed');
    await expect(sql('SELECT 1', PASSWORDS.DB_PASSWORD, 'postgres')).rejects.toThrow(
      'password authentication failed',
    );
    await expect(sql('SELECT 1', PASSWORDS.DB_PASSWORD, 'stack_user_b')).rejects.toThrow(
      /not permitted to log in|password authentication failed/,
    );
  });

  test('no password is in what the engine or the record says of a container', async () => {
    await deployed();
    const told = await Promise.all([
      server.docker('inspect', ...['db', 'cache', 'store', 'queue'].map(containerOf)),
      server.docker('top', containerOf('cache')),
      stack.inOrigin('log', '--patch', 'refs/heads/switchyard-state'),
    ]);
    for (const password of Object.values(PASSWORDS)) expect(told.join('\n')).not.toContain(password);
  });

  test('a second deploy finds nothing to do', async () => {
    await deployed();
    const before = await stack.standing();
    const { outputs } = await stack.deploy(secrets);
    expect(outputs.changed).toBe('false');
    expect(await stack.standing()).toEqual(before);
  });

  test('more memory is another setting, and the data is there afterwards', async () => {
    await deployed();
    await sql('CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer');
    await redis('SET', 'kept', '42');
    await stack.deploy(secrets);
    stack.edit(({ services }) => {
      services.db!.mem_limit = '512m';
      services.cache!.mem_limit = '128m';
    });
    await stack.deploy(secrets);
    expect(await sql('SHOW shared_buffers')).toBe('128MB');
    expect(await sql('SELECT answer FROM kept')).toBe('42');
    expect(await redis('CONFIG', 'GET', 'maxmemory')).toContain(String(96 * 1024 * 1024));
    expect(await redis('GET', 'kept')).toBe('42');
  });

  test('another major version is refused before anything changes', async () => {
    await deployed();
    const before = await stack.standing();
    stack.edit(({ services }) => {
      services.db = { preset: 'postgres', version: '19' };
    });
    const { log } = await stack.failToDeploy(secrets);
    expect(log).toContain(
      'db: the volume db-data has data of postgres 18, which postgres 19 cannot be given',
    );
    expect(await stack.standing()).toEqual(before);
  });
});
