import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { changeRequest } from '../../../src/commands/change.ts';
import { deploy } from '../../../src/commands/deploy.ts';
import { openProject } from '../../../src/commands/project.ts';
import { rollback } from '../../../src/commands/rollback.ts';
import type { Surroundings } from '../../../src/commands/surroundings.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';

const FILE = `
project: shop
environments:
  home: { provider: local }
services:
  api: { image: "api:1", port: 3000, environment: [TOKEN, "URL=//app:\${TOKEN}@db"] }
  web: { image: "web:1", port: 3000 }
`;

const INPUTS = {
  environment: 'home',
  'working-directory': undefined,
  config: 'switchyard.yml',
  'ssh-private-key': undefined,
  'state-branch': 'switchyard-state',
  'github-token': undefined,
  'exclude-servers': undefined,
  'take-over-from': undefined,
  'lease-wait': 0,
  push: undefined,
  'registry-username': undefined,
  'git-token': undefined,
  'git-ssh-key': undefined,
  'git-known-hosts': undefined,
  'registry-password': undefined,
  platforms: undefined,
  cache: undefined,
  'allow-dirty': false,
  'build-secrets': {},
  'age-key': undefined,
  'dry-run': false,
};

/** A pair that is used nowhere else. */
const AGE = {
  key: 'AGE-SECRET-KEY-1EZEZDRWTXZHLR52Z3AU27Z3FJGQURRVS746ZTGZU7L2J7SURZAVQTFMWW2',
  recipient: 'age1jxjhwt7wxddvn2j9xh3pmem6rfwy4htj25fw00meytk9tnc2zq2q54yynd',
};

let workspace: string;
let hidden: string[];
let surroundings: Surroundings;

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'switchyard-commands-'));
  hidden = [];
  write(FILE);
  surroundings = {
    workspace,
    env: {},
    log: {
      debug: () => undefined,
      info: () => undefined,
      warning: () => undefined,
      group: async (_title, work) => await work(),
      hide: (value) => hidden.push(value),
    },
    clock: systemClock,
    signal: new AbortController().signal,
    onPlan: () => undefined,
    keepEvidence: () => '',
    onLease: () => undefined,
  };
});
afterEach(() => rmSync(workspace, { recursive: true }));

function write(text: string): void {
  writeFileSync(join(workspace, 'switchyard.yml'), text);
}

async function refusal(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UserError) return error;
  throw error ?? new Error('nothing was refused');
}

describe('a project', () => {
  test('is an environment of the file, with images that win over those of it', async () => {
    const { wanted, title, author } = await openProject(
      { ...INPUTS, images: { web: 'web:2' } },
      surroundings,
    );
    expect(title).toBe('shop home');
    expect(wanted.services.map(({ name, container }) => [name, container.image])).toEqual([
      ['api', 'api:1'],
      ['web', 'web:2'],
    ]);
    expect(author.run).toBe('local');
  });

  test('keeps token and key out of the log, whatever its line ends are', async () => {
    const key = '-----BEGIN KEY-----\\nAAAA\\n-----END KEY-----';
    await openProject({ ...INPUTS, 'github-token': 'ghs_x', 'ssh-private-key': key }, surroundings);
    expect(hidden).toEqual(['ghs_x', '-----BEGIN KEY-----\nAAAA\n-----END KEY-----']);
  });

  test('without its file says where that should be', async () => {
    const error = await refusal(openProject({ ...INPUTS, config: 'shop.yml' }, surroundings));
    expect(error.message).toBe('there is no shop.yml in the repository');
    expect(error.hint).toMatch('checked out');
  });

  test('lies where actions/checkout has put it', async () => {
    mkdirSync(join(workspace, 'shop'));
    writeFileSync(join(workspace, 'shop', 'switchyard.yml'), FILE.replace('port: 3000', 'port: no'));
    const inputs = { ...INPUTS, 'working-directory': 'shop' };
    expect(await refusal(openProject(inputs, surroundings))).toMatchObject({
      location: { file: 'shop/switchyard.yml', line: 6 },
    });
    const elsewhere = { ...inputs, config: 'none.yml' };
    expect(await refusal(openProject(elsewhere, surroundings))).toMatchObject({
      message: 'there is no shop/none.yml in the repository',
      hint: expect.stringContaining('"working-directory"'),
    });
  });
});

describe('what shall change', () => {
  test('has the secrets that the chosen services name, and keeps all of them out of the log', async () => {
    const secrets = { TOKEN: 'hunter2', OTHER: 'hunter3' };
    const project = await openProject({ ...INPUTS, secrets }, surroundings);
    const inputs = { service: ['api'], secrets };
    const request = changeRequest(project, inputs, surroundings.log, { scope: 'services' });
    expect(request.secrets).toEqual({ api: { TOKEN: 'hunter2', URL: '//app:hunter2@db' } });
    expect(request.narrowing).toEqual({ services: ['api'], zones: undefined, excludedServers: undefined });
    expect(hidden).toEqual(['hunter2', 'hunter3', 'hunter2', '//app:hunter2@db']);
    request.hide('hunter4');
    expect(hidden).toContain('hunter4');
  });

  test('needs no secrets of services that stay as they are', async () => {
    const project = await openProject(INPUTS, surroundings);
    const request = (service: string[], secrets: Record<string, string> | undefined) =>
      changeRequest(project, { service, ...(secrets && { secrets }) }, surroundings.log, {
        scope: 'services',
      });
    expect(request(['web'], {}).secrets).toEqual({ web: {} });
    expect(() => request(['api'], {})).toThrow('secret TOKEN was not passed');
    // A command that takes none leaves all as they are.
    expect(request(['api'], undefined).secrets).toEqual({});
  });
});

describe('a secret that the repository has, encrypted', () => {
  const encrypted = FILE.replace('services:', 'secrets: { token: { age: token.age } }\nservices:').replace(
    /environment: \[.*\]/,
    'secrets: [token]',
  );

  beforeEach(async () => {
    const { Encrypter } = await import('age-encryption');
    const encrypter = new Encrypter();
    encrypter.addRecipient(AGE.recipient);
    write(encrypted);
    writeFileSync(join(workspace, 'token.age'), await encrypter.encrypt('open-sesame'));
  });

  test('reaches the service that names it, and no log', async () => {
    const inputs = { secrets: {}, 'age-key': [AGE.key] };
    const project = await openProject({ ...INPUTS, ...inputs }, surroundings);
    const request = changeRequest(project, inputs, surroundings.log, { scope: 'services' });
    const value = Buffer.from('open-sesame').toString('base64');
    expect(request.secrets).toEqual({ api: { 'secret token': value }, web: {} });
    expect(hidden).toEqual(expect.arrayContaining([AGE.key, 'open-sesame', value]));
  });

  test('is missed by a run without the key, when a service needs it', async () => {
    const project = await openProject({ ...INPUTS, secrets: {} }, surroundings);
    const request = (service: string[]) =>
      changeRequest(project, { service, secrets: {} }, surroundings.log, { scope: 'services' });
    expect(request(['web']).secrets).toEqual({ web: {} });
    expect(() => request(['api'])).toThrow(
      'secret token cannot be had: token.age is encrypted, and the input age-key is empty',
    );
  });
});

describe('a generated password of backups', () => {
  const backedUp = `
project: shop
age_recipients: RECIPIENT
secrets: { backup-password: { generate: 32 } }
environments:
  home: { provider: local }
services:
  db: { image: "postgres:17", strategy: recreate, backup: { to: "s3:https://s3.example.com/bucket" } }
  web: { image: "web:1", port: 3000 }
`;

  async function requested(text: string, service: string[]) {
    write(text);
    const project = await openProject({ ...INPUTS, secrets: {} }, surroundings);
    return changeRequest(project, { service, secrets: {} }, surroundings.log, { scope: 'services' });
  }

  test('is made by the deploy of what is backed up, though no service has it', async () => {
    const text = backedUp.replace('RECIPIENT', AGE.recipient);
    const { generated, secrets } = await requested(text, ['db']);
    expect(generated?.needed).toEqual({ 'backup-password': 32 });
    expect(secrets).toEqual({ db: {} });
    expect((await requested(text, ['web'])).generated).toBeUndefined();
  });

  test('is refused where the servers alone would have it, and the backups outlive them', async () => {
    const alone = backedUp.replace('age_recipients: RECIPIENT', '');
    expect(await refusal(requested(alone, ['db']))).toMatchObject({
      message:
        'secret backup-password opens the backups of db, and is generated: when all servers are gone nobody has it',
      hint: expect.stringContaining('age_recipients'),
    });
    const onDisk = alone.replace('"s3:https://s3.example.com/bucket"', 'disk');
    expect((await requested(onDisk, ['db'])).generated?.needed).toEqual({ 'backup-password': 32 });
  });
});

describe('files of the repository', () => {
  const WITH_FILES = FILE.replace(/environment: \[.*\]/, 'env_file: .env').replace(
    'web: { image: "web:1",',
    'web: { image: "web:1", volumes: ["./web.yml:/etc/web.yml:ro"],',
  );
  const both = { secrets: {}, images: {} };

  test('that git does not know are secret: in no spec, and kept out of the log', async () => {
    write(WITH_FILES);
    writeFileSync(join(workspace, '.env'), 'DB_PASSWORD=open-sesame\nPOOL=5\n');
    writeFileSync(join(workspace, 'web.yml'), 'key: mellon\n');
    const project = await openProject({ ...INPUTS, ...both }, surroundings);
    expect(JSON.stringify(project.wanted)).not.toMatch(/open-sesame|mellon/);
    const request = changeRequest(project, both, surroundings.log, { scope: 'services' });
    expect(request.secrets).toEqual({
      api: { DB_PASSWORD: 'open-sesame', POOL: '5' },
      web: { 'file:/etc/web.yml': 'key: mellon\n' },
    });
    // What is as short as a word would make the log unreadable.
    expect(hidden).toEqual(['open-sesame', 'key: mellon']);
  });

  test('that git has stand in the spec', async () => {
    write(WITH_FILES);
    writeFileSync(join(workspace, '.env'), 'LEVEL=info\n');
    writeFileSync(join(workspace, 'web.yml'), 'a: 1\n');
    for (const args of [
      ['init', '--quiet'],
      ['add', '.'],
    ])
      execFileSync('git', args, { cwd: workspace });
    const { wanted, secrets } = await openProject({ ...INPUTS, ...both }, surroundings);
    expect(wanted.services.map(({ container }) => [container.environment, container.files])).toEqual([
      [{ LEVEL: 'info' }, undefined],
      [{}, [expect.objectContaining({ target: '/etc/web.yml', content: { text: 'a: 1\n' } })]],
    ]);
    expect(secrets).toEqual({ api: {}, web: {} });
  });

  test('are needed by the services that are started, and by no command that brings no new versions', async () => {
    write(WITH_FILES);
    writeFileSync(join(workspace, 'web.yml'), 'a: 1\n');
    const open = (inputs: object) => openProject({ ...INPUTS, ...inputs }, surroundings);
    expect(await refusal(open(both))).toMatchObject({
      message: 'services.api.env_file: there is no .env in the repository',
      location: { file: 'switchyard.yml', line: 6 },
    });
    await open({ ...both, service: ['web'] });
    await open({});
    // Secrets alone are only looked for: the status of an environment.
    await open({ secrets: {} });
  });
});

test('what a file probably does not mean is a warning of the run, with its place', async () => {
  write(FILE.replace('port: 3000 }', 'port: 3000, environment: ["A=1", "A=2"] }'));
  const warnings: string[] = [];
  const log = { ...surroundings.log, warning: (message: string) => void warnings.push(message) };
  await openProject(INPUTS, { ...surroundings, log });
  expect(warnings).toEqual([
    'switchyard.yml:7: services.web.environment[1]: A is there twice, and the last one counts',
  ]);
});

describe('what is refused before anything is touched', () => {
  test('all that a file has wrong, what is left out on purpose and what is missing', async () => {
    write(FILE.replace('port: 3000 }', 'container_name: web, networks: [front] }'));
    expect((await refusal(openProject(INPUTS, surroundings))).message.split('\n')).toEqual([
      expect.stringContaining('services.web.container_name: not supported: '),
      expect.stringContaining('services.web.networks: not supported: '),
    ]);
  });

  test('by deploy: mistakes in any environment of the file', async () => {
    write(`${FILE}  old: { image: "old:1", port: 3000, depends_on: [gone] }\n`);
    const inputs = { ...INPUTS, secrets: {}, images: {}, 'unfinished-hook': undefined };
    expect((await refusal(deploy.run(inputs, surroundings))).message).toMatch('gone');
    write(
      FILE.replace(
        'home: { provider: local }',
        'home: { provider: local }\n  other: { provider: local, services: { api: { depends_on: [gone] }, web: { depends_on: [lost] } } }',
      ),
    );
    const error = await refusal(deploy.run(inputs, surroundings));
    expect(error).toBeInstanceOf(UserErrors);
    expect(error.message).toMatch(/gone[\s\S]*lost/);
  });

  test('by rollback: to go back without a word about which service', async () => {
    const inputs = { ...INPUTS, service: undefined, zones: undefined, to: 'previous' };
    expect(await refusal(rollback.run(inputs, surroundings))).toMatchObject({
      message: 'no service to roll back is named',
      hint: 'The input "service" takes one of api, web a line.',
    });
  });
});
