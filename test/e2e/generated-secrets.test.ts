import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { armor, Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { LabServer } from '../lab/lab.ts';
import { ask } from './ask.ts';
import { watchCommandLines } from './command-lines.ts';
import { type Fleet, fleet } from './fleet.ts';
import { once } from './once.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'api.generated.example';
const VOLUME = 'generated_production_secrets';

/** Nobody has ever typed the password: it is on the servers, and encrypted on the state branch for whoever has a key. */
describe('A generated secret', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let key: string;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    key = await generateX25519Identity();
    const web = webService(lab, 'generated', 1);
    shop = await newProject(lab, 'generated', servers, {
      api: {
        ...web,
        domain: DOMAIN,
        servers: 2,
        environment: { EXPOSE_ENV: '1', DATABASE_URL: 'postgres://app:${db_password}@db/app' },
      },
      job: { ...web, domain: 'job.generated.example', secrets: ['db_password'] },
    });
    shop.config.secrets = { db_password: { generate: 32 } };
    shop.config.age_recipients = [await identityToRecipient(key)];
    shop.write();
  });

  afterAll(async () => {
    await shop?.leave();
    await loseOn(...servers);
  });

  /** What stands for a server that was reinstalled: what it kept is gone. */
  async function loseOn(...lost: LabServer[]): Promise<void> {
    await Promise.all(lost.map((server) => server.docker('volume', 'rm', '--force', VOLUME)));
  }

  /** The password, as an app of a server has it. */
  async function passwordOn(server: LabServer): Promise<string> {
    const { body } = await ask(server, DOMAIN, '/env');
    return new URL(JSON.parse(body).DATABASE_URL).password;
  }

  /** A new version, so that containers are made anew with whatever the run takes for the password. */
  function newVersion(number: number): void {
    shop.edit(({ services }) => {
      for (const service of Object.values(services))
        service.environment = { ...Object(service.environment), N: number };
    });
  }

  /** The first deploy, and every command line that was seen meanwhile. */
  const made = once(async () => {
    const watch = watchCommandLines();
    const run = await shop.deploy();
    const commandLines = watch.stop().join('\n');
    return { run, commandLines, password: await passwordOn(servers[0]!) };
  });

  test('is made by the first deploy, and is the same on both servers, as variable and as file', async () => {
    const { password, run } = await made();
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(await passwordOn(servers[1]!)).toBe(password);
    const [home] = await shop.homesOf('job');
    const [container = ''] = await shop.containers(home!, 'job');
    expect(await home!.docker('exec', container, 'cat', '/run/secrets/db_password')).toBe(password);
    expect(await home!.docker('inspect', container)).not.toContain(password);
    expect(run.log).toContain('make secret db_password');
  });

  test('is in no log, no summary, no command line and nothing on the state branch', async () => {
    const { run, commandLines, password } = await made();
    for (const text of [run.log, run.summary, ...Object.values(run.outputs)])
      expect(text).not.toContain(password);
    expect(commandLines).toMatch('toggle-deploy.js');
    expect(commandLines).not.toContain(password);
    const objects = await shop.inOrigin('cat-file', '--batch-all-objects', '--batch');
    expect(objects).toContain('"generated_secrets"');
    expect(objects).toContain('BEGIN AGE ENCRYPTED FILE');
    expect(objects).not.toContain(password);
  });

  test('stays as it is: a second deploy changes nothing, and a new version has the same', async () => {
    const { password } = await made();
    expect((await shop.deploy()).outputs.changed).toBe('false');
    newVersion(2);
    await shop.deploy();
    expect(await passwordOn(servers[0]!)).toBe(password);
  });

  test('comes back to a server that was reinstalled', async () => {
    const { password } = await made();
    await loseOn(servers[0]!);
    newVersion(3);
    expect((await shop.deploy()).log).toContain('bring secret db_password');
    expect(await passwordOn(servers[0]!)).toBe(password);
    expect(await servers[0]!.docker('volume', 'ls', '--quiet')).toContain(VOLUME);
  });

  test('that both servers have lost is refused without the key, and brought back with it', async () => {
    const { password } = await made();
    await loseOn(...servers);
    newVersion(4);
    const before = await shop.standing();
    const refused = await shop.failToDeploy();
    expect(said(refused)).toMatch(
      /secret db_password is lost: .*pass the key of one of them as the input "age-key"/s,
    );
    expect(await shop.standing()).toEqual(before);
    const { log } = await shop.deploy({ 'age-key': key });
    expect(await Promise.all(servers.map(passwordOn))).toEqual([password, password]);
    expect(log).not.toContain(password);
    expect(log).not.toContain(key);
    newVersion(5);
    await shop.deploy();
    expect(await passwordOn(servers[1]!)).toBe(password);
  });

  describe('and the action for secrets', () => {
    /** secrets runs that action; it throws with the whole log when that fails. */
    async function secrets(task: string, inputs: Record<string, string> = {}) {
      const run = await shop.run('secrets', { task, ...inputs });
      if (run.code !== 0) throw new Error(`${task} failed:\n${run.log}`);
      return run;
    }

    test('lists it by name, with its age and who uses it, and says who can open it', async () => {
      const { password } = await made();
      const { log, outputs } = await secrets('list');
      expect(log).toMatch(
        /db_password +generated +\d{4}-\d\d-\d\d, 32 characters +api \(set \d+, since .*\), job \(set /,
      );
      expect(JSON.parse(outputs.result!).db_password).toMatchObject({
        from: 'generated',
        generated: { length: 32 },
      });
      const recipient = await identityToRecipient(key);
      expect((await secrets('show-recipients')).log).toMatch(new RegExp(`db_password +${recipient}`));
      expect(log).not.toContain(password);
    });

    test('exports it for whoever has the key, still encrypted, or in the clear for the owner of the file alone', async () => {
      const { password } = await made();
      const fileOf = (name: string) => join(shop.folder, name);
      const { log } = await secrets('export', { 'age-key': key, file: 'sealed.age' });
      expect(log).not.toContain(password);
      const decrypter = new Decrypter();
      decrypter.addIdentity(key);
      const opened = await decrypter.decrypt(
        armor.decode(await readFile(fileOf('sealed.age'), 'utf8')),
        'text',
      );
      expect(JSON.parse(opened)).toEqual({ db_password: password });

      expect(
        (await secrets('export', { 'age-key': key, file: 'plain.json', plain: 'true' })).log,
      ).not.toContain(password);
      expect(JSON.parse(await readFile(fileOf('plain.json'), 'utf8'))).toEqual({ db_password: password });
      expect((await stat(fileOf('plain.json'))).mode & 0o777).toBe(0o600);
      const again = await shop.run('secrets', {
        task: 'export',
        'age-key': key,
        file: 'plain.json',
        plain: 'true',
      });
      expect(said(again)).toContain('plain.json cannot be written');
      const keyless = await shop.run('secrets', { task: 'export', file: 'other.age' });
      expect(said(keyless)).toContain('the input age-key is empty');
    });

    test('prunes old values that nobody needs, and no others', async () => {
      await made();
      const [server] = servers;
      const { secrets_versions: { api: used = 0 } = {} } = await shop.state();
      const fileOf = (set: number) => `/var/lib/docker/volumes/${VOLUME}/_data/api/${set}.json`;
      const onServer = async (...command: string[]) => (await server!.exec(command)).stdout.trim();
      const isKept = async (set: number) => (await onServer('stat', '-c', '%s', fileOf(set))) !== '0';
      for (const set of [98, 99]) await onServer('cp', fileOf(used), fileOf(set));
      for (const set of [used, 99]) await onServer('touch', '-d', '31 days ago', fileOf(set));
      expect((await secrets('prune', { 'dry-run': 'true' })).log).toMatch(/ api 99$/m);
      expect(await isKept(99)).toBe(true);
      const { log, outputs } = await secrets('prune');
      expect(log).toMatch(/ api 99$/m);
      expect(outputs.changed).toBe('true');
      expect(await Promise.all([used, 98, 99].map(isKept))).toEqual([true, true, false]);
      expect((await secrets('prune')).outputs.changed).toBe('false');
    });
  });
});
