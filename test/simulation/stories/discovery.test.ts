import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ToldConnection } from '../../../src/model/connection.ts';
import type { EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { database, servers, service, shop, worker } from './specs.ts';
import { complaintOf } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const URL_FILE = '/run/secrets/switchyard/db/url';
const PASSWORD_FILE = '/run/secrets/switchyard/db/password';
const SERVICES = '/run/switchyard/services.json';
const told: ToldConnection = { kind: 'postgres', user: 'app', database: 'shop', hasPassword: true };

/** connecting returns a service that depends on `db`: with the address in DATABASE_URL, or as files alone. */
function connecting(from: ServiceSpec, variables: string[] = []): ServiceSpec {
  const files = [
    { target: URL_FILE, mode: 0o400, content: { secret: 'url of db' } },
    { target: PASSWORD_FILE, mode: 0o400, content: { secret: 'password of db' } },
  ];
  const connections = { db: { ...told, ...(variables.length > 0 && { variables }) } };
  const container = { ...from.container, secrets: variables, files, connections };
  return { ...from, dependsOn: ['db'], container };
}

/** The shop: a database, an app that reads DATABASE_URL, and a worker that reads files. */
function shopWith(version = 1, on = servers(1)): EnvironmentSpec {
  const api = service('api', { image: `api:${version}`, servers: on.length });
  return shop([database('db'), connecting(api, ['DATABASE_URL']), connecting(worker('jobs'))], on);
}

const withPassword = (password: string) => {
  const values = { 'password of db': password };
  return { secrets: { db: {}, api: values, jobs: values } };
};
const urlWith = (password: string) => `postgresql://app:${password}@nginx:${port()}/shop`;
const port = () => world.state?.services.db?.internal_port;

describe('an app that depends on a database', () => {
  test('is told its address, on every server', async () => {
    await world.deploy(shopWith(1, servers(2)), withPassword('s3cret'));
    for (const server of ['a', 'b']) {
      expect(world.servingContainer('api', server).environment).toMatchObject({
        DATABASE_URL: urlWith('s3cret'),
        SWITCHYARD_DB_USER: 'app',
        SWITCHYARD_DB_URL_FILE: URL_FILE,
      });
    }
  });

  test('has it in files alone where it asked for files, and the password is told nowhere', async () => {
    await world.deploy(shopWith(), withPassword('s3cret'));
    const jobs = world.machine('a').need('shop_production_jobs');
    expect([jobs.readFile(URL_FILE), jobs.readFile(PASSWORD_FILE)]).toEqual([urlWith('s3cret'), 's3cret']);
    expect(JSON.parse(jobs.readFile(SERVICES)!)).toMatchObject({
      services: { db: { port: port(), user: 'app' } },
    });
    expect(JSON.stringify(jobs.request)).not.toContain('s3cret');
    expect(JSON.stringify([world.state, world.release('api', 1)])).not.toContain('s3cret');
    expect(world.runs.flatMap(({ lines }) => lines).join('\n')).not.toContain('s3cret');
  });

  test('has a new release for a new password, and none for the same', async () => {
    await world.deploy(shopWith(), withPassword('one'));
    expect((await world.deploy(shopWith(), withPassword('one'))).changed).toBe(false);
    const { plan } = await world.deploy(shopWith(), withPassword('two'));
    expect(plan.changes).toMatchObject([
      { service: 'db', effect: 'none' },
      { service: 'api', to: 2, reasons: ['secrets'] },
      { service: 'jobs', to: 2, reasons: ['secrets'] },
    ]);
    expect(world.servingContainer('api').environment.DATABASE_URL).toBe(urlWith('two'));
  });

  test('is told it in a run that leaves the database alone, and keeps it where it is left alone itself', async () => {
    await world.deploy(shopWith(), withPassword('one'));
    const { secrets } = withPassword('one');
    await world.deploy(shopWith(2), { services: ['api'], secrets: { api: secrets.api } });
    expect(world.servingContainer('api').environment.DATABASE_URL).toBe(urlWith('one'));
    expect((await world.deploy(shopWith(2), { services: ['db'], secrets: { db: {} } })).changed).toBe(false);
  });

  test('gets the same port when the record is lost', async () => {
    await world.deploy(shopWith(), withPassword('one'));
    const before = world.servingContainer('api').environment.DATABASE_URL;
    world.loseRecord();
    await world.deploy(shopWith(2), withPassword('one'));
    expect(world.servingContainer('api').environment.DATABASE_URL).toBe(before);
  });

  test('is told it by routes alone no other way: a run without secrets changes nothing of it', async () => {
    await world.deploy(shopWith(), withPassword('one'));
    expect((await world.deploy(shopWith(), { routesOnly: true })).changed).toBe(false);
  });

  test('has it in its hooks, too', async () => {
    const preDeploy = { command: ['migrate'], timeoutMs: 60_000, idempotent: true };
    const api = service('api', { policy: { preDeploy } });
    await world.deploy(shop([database('db'), connecting(api, ['DATABASE_URL'])]), withPassword('one'));
    const calls = world.runs
      .at(-1)!
      .calls.filter((call) => /volumes\/create .*_pre_deploy_files_/.test(call));
    expect(calls).toHaveLength(1);
    expect(world.hookEnds).toEqual(['api pre_deploy 1: well']);
  });
});

describe('a rollback', () => {
  const back = { services: ['api'], rollback: 'previous' as const };

  test('connects with the password of today: that of its own day is not the database’s any more', async () => {
    await world.deploy(shopWith(1), withPassword('one'));
    await world.deploy(shopWith(2), withPassword('two'));
    await world.deploy(shopWith(2), back);
    expect(world.servingContainer('api').environment.DATABASE_URL).toBe(urlWith('two'));
    expect(world.servingContainer('api').readFile(PASSWORD_FILE)).toBe('two');
    expect(world.release('api', 3)).toMatchObject({ restores: 1, secrets_version: 2 });
  });

  test('is the set of its own day where the password is the same', async () => {
    await world.deploy(shopWith(1), withPassword('one'));
    await world.deploy(shopWith(2), withPassword('one'));
    await world.deploy(shopWith(2), back);
    expect(world.release('api', 3)).toMatchObject({ restores: 1, secrets_version: 1 });
  });
});

describe('internal ports at 127.0.0.1', () => {
  const on = servers(2);
  const withPorts = (...names: string[]) => {
    const services = names.map((name) => service(name, { servers: 2 }));
    const { container, ...rest } = worker('loopback', {
      servers: 2,
      dependsOn: names,
      policy: { strategy: 'recreate' },
    });
    return shop([...services, { ...rest, container: { ...container, isLoopback: true } }], on);
  };
  const portsAt = (server: string) => {
    const name = world.running(server).find((one) => one.startsWith('shop_production_loopback'));
    return Object.entries(world.machine(server).need(name!).request.HostConfig?.PortBindings ?? {});
  };

  test('are those of all services; one that comes later is served there, and nothing else is made anew', async () => {
    await world.deploy(withPorts('api'));
    // What it has itself is free when its turn comes.
    const { findings } = await world.plan(withPorts('api', 'web'));
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    const { plan } = await world.deploy(withPorts('api', 'web'));
    expect(plan.changes).toMatchObject([
      { service: 'api', effect: 'none' },
      { service: 'web', to: 1 },
      { service: 'loopback', effect: 'recreate' },
    ]);
    for (const server of ['a', 'b']) {
      expect(portsAt(server)).toHaveLength(2);
      for (const [, bindings] of portsAt(server)) expect(bindings).toMatchObject([{ HostIp: '127.0.0.1' }]);
    }
    expect((await world.deploy(withPorts('api', 'web'))).changed).toBe(false);
  });
});
