import { describe, expect, test } from '@jest/globals';
import { loadEnvironment, type ResolveOptions } from '../../../src/config/resolve.ts';
import { requireSecrets } from '../../../src/config/secrets.ts';
import { UserError } from '../../../src/model/errors.ts';
import type {
  RepositoryEntry,
  RepositoryFile,
  RepositoryFiles,
} from '../../../src/model/repository-files.ts';
import { indented, messagesOf } from './files.ts';

const file = (content: string | Buffer, more: Partial<RepositoryFile> = {}): RepositoryEntry => ({
  kind: 'file',
  file: { bytes: Buffer.from(content), isExecutable: false, isSecret: false, ...more },
});
const folder = (files: Record<string, RepositoryEntry>): RepositoryEntry => ({
  kind: 'folder',
  files: new Map(
    Object.entries(files).flatMap(([path, entry]) => (entry.kind === 'file' ? [[path, entry.file]] : [])),
  ),
});
const having = (entries: Record<string, RepositoryEntry>): RepositoryFiles => ({
  find: (path) => {
    if (path.startsWith('../..')) throw new UserError(`${path} is outside of the repository`);
    return entries[path];
  },
});

const ENTRIES = {
  './loki.yml': file('auth_enabled: false\n'),
  'loki.yml': file('auth_enabled: false\n'),
  './run.sh': file('#!/bin/sh\n', { isExecutable: true }),
  './logo.png': file(Buffer.from([0x89, 0x50, 0, 0xff])),
  './.htpasswd': file('admin:$2y$10$abc\n', { isSecret: true }),
  './key.der': file(Buffer.from([0, 0xff]), { isSecret: true }),
  './conf': folder({ 'a.yml': file('a'), 'sub/run.sh': file('b', { isExecutable: true }) }),
  './empty': folder({}),
  './large': file(Buffer.alloc(1024 * 1024 + 1)),
  'common.env': file('LEVEL=info\nPOOL=5\n'),
  'more.env': file('LEVEL=debug\n'),
  '.env': file('DB_PASSWORD=open-sesame\nPOOL=9\n', { isSecret: true }),
  'url.env': file('URL=postgres://app:${DB_PASSWORD}@db\n'),
};

function load(keys: string, top = '', variables = {}, options: ResolveOptions = {}) {
  const service = `image: acme/api\nport: 3000\n${keys.trim()}`;
  const text = `project: shop\nenvironments:\n  local: { provider: local }\n${top}\nservices:\n  api:\n${indented(service, 4)}\n`;
  const all = { repository: having(ENTRIES), ...options };
  const found = loadEnvironment(text, 'switchyard.yml', variables, 'local', all);
  const { container } = found.wanted.services[0]!;
  const sources = { given: options.secrets ?? {}, variables, files: new Map<string, Buffer>() };
  const { api: secrets } = requireSecrets(found, ['api'], sources, found.config.locate);
  return { container, secrets };
}

const CONFIGS = `configs:
  loki: { file: ./loki.yml }
  flags: { content: "debug=\${DEBUG:-false}" }
  licence: { environment: LICENCE }`;

describe('configs', () => {
  test('are delivered by their name, or where the service says', () => {
    const { container } = load(
      'configs: [loki, { source: flags, target: /etc/flags, mode: 0440, uid: "103", gid: 104 }]',
      CONFIGS,
    );
    expect(container.files).toEqual([
      { target: '/loki', mode: 0o444, content: { text: 'auth_enabled: false\n' } },
      { target: '/etc/flags', mode: 0o440, uid: 103, gid: 104, content: { text: 'debug=false' } },
    ]);
  });

  test('from a variable of the run count as secret', () => {
    const { container, secrets } = load('configs: [licence]', CONFIGS, { LICENCE: 'open-sesame' });
    expect(container.files).toEqual([
      { target: '/licence', mode: 0o444, content: { secret: 'file:/licence' } },
    ]);
    expect(secrets).toEqual({ 'file:/licence': 'open-sesame' });
  });

  test.each([
    [
      'configs: [lokki]',
      CONFIGS,
      'services.api.configs[0]: there is no config "lokki"; did you mean "loki"?',
    ],
    ['configs: [licence]', CONFIGS, 'services.api.configs[0]: variable LICENCE is not set'],
    [
      'configs: [a]',
      'configs: { a: { file: ./nowhere } }',
      'services.api.configs[0]: there is no ./nowhere in the repository',
    ],
    ['configs: [a]', 'configs: { a: { file: ./conf } }', 'services.api.configs[0]: ./conf is a folder'],
    [
      'configs: [a]',
      'configs: { a: { file: ../../x } }',
      'services.api.configs[0]: ../../x is outside of the repository',
    ],
    [
      'configs: [loki, { source: flags, target: /loki }]',
      CONFIGS,
      'services.api.configs[1]: two things would be at /loki',
    ],
    [
      '{}',
      'configs: { a: { external: true } }',
      'configs.a: external is not supported: only Swarm keeps files under names',
    ],
    [
      'configs: [loki, { source: flags, target: /loki/flags }]',
      CONFIGS,
      'services.api.configs[1]: nothing can be put at /loki/flags: /loki is a file',
    ],
    [
      'configs: [{ source: flags, target: /etc/x }]\nvolumes: ["data:/etc/../etc//x:ro"]',
      CONFIGS,
      'services.api.configs[0]: two things would be at /etc/x',
    ],
    [
      'configs: [{ source: flags, target: /a/../run/x }]\nsecrets: [{ source: a, target: /run/x }]',
      CONFIGS,
      'services.api.secrets[0]: two things would be at /run/x',
    ],
    [
      'volumes: ["./conf:/etc/conf:ro"]\nsecrets: [{ source: a, target: /etc/conf/a }]',
      CONFIGS,
      'services.api.secrets[0]: nothing can be put at /etc/conf/a: the folder at /etc/conf is of the repository, and read-only',
    ],
    ['{}', 'configs: { "..": { content: a } }', 'configs...: ".." cannot be the name of a config'],
    ['{}', 'configs: { a/b: { content: a } }', 'configs.a/b: "a/b" cannot be the name of a config'],
    ['{}', 'configs: { a: {} }', 'configs.a: needs what is in it'],
    ['{}', 'configs: { a: { file: ./a, content: b } }', 'configs.a: file and content exclude each other'],
  ])('%s of %s is refused', (keys, top, message) => {
    expect(messagesOf(() => load(keys === '{}' ? '' : keys, top))).toEqual([message]);
  });
});

test('a config that is made from a secret is one, by its text or as a whole', () => {
  const { container, secrets } = load(
    'configs: [made, whole]',
    'configs: { made: { content: "password=${DB_PASSWORD}" }, whole: { environment: LICENCE } }',
    {},
    { secrets: { DB_PASSWORD: 'open-sesame', LICENCE: 'of the run' } },
  );
  expect(container.files).toMatchObject([
    { target: '/made', content: { secret: 'file:/made' } },
    { target: '/whole', content: { secret: 'file:/whole' } },
  ]);
  expect(secrets).toEqual({ 'file:/made': 'password=open-sesame', 'file:/whole': 'of the run' });
});

test('a config and a secret are not at one place', () => {
  expect(
    messagesOf(() =>
      load(
        'configs: [{ source: loki, target: /run/secrets/a }]\nsecrets: [a]',
        CONFIGS,
        {},
        { secrets: { A: 'x' } },
      ),
    ),
  ).toEqual(['services.api.secrets[0]: two things would be at /run/secrets/a']);
});

test('an extension key may stand in a config, and is the name of one', () => {
  const { container } = load('configs: [x-flags]', 'configs: { x-flags: { content: a, x-note: 1 } }');
  expect(container.files).toMatchObject([{ target: '/x-flags', content: { text: 'a' } }]);
});

describe('a bind of the repository', () => {
  test.each([
    [
      './loki.yml:/etc/loki.yml:ro',
      [{ target: '/etc/loki.yml', mode: 0o644, content: { text: 'auth_enabled: false\n' } }],
    ],
    ['./run.sh:/run.sh:ro,z', [{ target: '/run.sh', mode: 0o755, content: { text: '#!/bin/sh\n' } }]],
    ['./logo.png:/logo.png:ro', [{ target: '/logo.png', mode: 0o644, content: { base64: 'iVAA/w==' } }]],
    [
      './conf:/etc/conf:ro',
      [
        { target: '/etc/conf', path: 'a.yml', mode: 0o644, content: { text: 'a' } },
        { target: '/etc/conf', path: 'sub/run.sh', mode: 0o755, content: { text: 'b' } },
      ],
    ],
  ])('%s is delivered with its mode, and mounts nothing of the server', (volume, files) => {
    const { container } = load(`volumes: ["${volume}", "data:/data:ro"]`);
    expect(container.files).toEqual(files.map((one) => ({ ...one, uid: 0, gid: 0 })));
    expect(container.volumes).toMatchObject([{ source: 'data' }]);
  });

  test('may have another one over a file in it', () => {
    const { container } = load('volumes: ["./conf:/x:ro", "./loki.yml:/x/a.yml:ro"]');
    expect(container.files?.map(({ target }) => target)).toEqual(['/x', '/x', '/x/a.yml']);
  });

  test('that git does not have as it is counts as secret, byte for byte', () => {
    const { container, secrets } = load('volumes: ["./.htpasswd:/etc/.htpasswd:ro", "./key.der:/key:ro"]');
    expect(JSON.stringify(container)).not.toContain('$2y$');
    expect(container.files).toMatchObject([
      { content: { secret: 'file:/etc/.htpasswd' } },
      { content: { secret: 'file:/key', encoding: 'base64' } },
    ]);
    expect(secrets).toEqual({ 'file:/etc/.htpasswd': 'admin:$2y$10$abc\n', 'file:/key': 'AP8=' });
  });

  test.each([
    ['["./nowhere:/x:ro"]', 'services.api.volumes[0]: there is no ./nowhere in the repository'],
    ['["./empty:/x:ro"]', 'services.api.volumes[0]: ./empty has no files in it'],
    ['["../../x:/x:ro"]', 'services.api.volumes[0]: ../../x is outside of the repository'],
    [
      '["./conf:/x:ro", "./loki.yml:/x/b.yml:ro"]',
      'services.api.volumes[1]: nothing can be put at /x/b.yml: the folder at /x is of the repository, and read-only',
    ],
    ['["./large:/x:ro"]', 'services.api: has 1.1 MB of files, and 1 MB is possible'],
    [
      '[{ type: bind, source: ./conf, target: /x }]',
      'services.api.volumes[0]: ./conf is of the repository, and a container cannot write there',
    ],
  ])('%s is refused', (volumes, message) => {
    expect(messagesOf(() => load(`volumes: ${volumes}`))).toEqual([message]);
  });
});

describe('env files', () => {
  test.each<[string, Record<string, string>]>([
    ['env_file: common.env', { LEVEL: 'info', POOL: '5' }],
    ['env_file: [common.env, more.env]', { LEVEL: 'debug', POOL: '5' }],
    ['env_file: [{ path: nowhere.env, required: false }, common.env]', { LEVEL: 'info', POOL: '5' }],
    ['env_file: common.env\nenvironment: { POOL: 7, LEVEL: }', { LEVEL: 'info', POOL: '7' }],
    ['env_file: common.env\nenvironment: [RUNS, LEVEL]', { RUNS: 'yes', LEVEL: 'info', POOL: '5' }],
  ])('%j', (keys, environment) => {
    expect(load(keys, '', { RUNS: 'yes' }).container).toMatchObject({ environment, secrets: [] });
  });

  test('that git does not track are secret, and so is what is made from them', () => {
    const { container, secrets } = load('env_file: [common.env, .env, url.env]\nenvironment: { MODE: live }');
    expect(container).toMatchObject({
      environment: { LEVEL: 'info', MODE: 'live' },
      secrets: ['DB_PASSWORD', 'POOL', 'URL'],
    });
    expect(secrets).toEqual({
      POOL: '9',
      DB_PASSWORD: 'open-sesame',
      URL: 'postgres://app:open-sesame@db',
    });
  });

  test('have their values with those of the input, which wins', () => {
    const { secrets } = load('env_file: .env\nenvironment: [POOL]', '', {}, { secrets: { POOL: '1' } });
    expect(secrets).toEqual({ POOL: '1', DB_PASSWORD: 'open-sesame' });
  });

  test('that git tracks have the values of secrets in those variables only that are made from them', () => {
    const { container, secrets } = load(
      'env_file: [common.env, url.env, again.env]',
      '',
      { DB_PASSWORD: 'of the step' },
      {
        secrets: { DB_PASSWORD: 'of the run' },
        repository: having({ ...ENTRIES, 'again.env': file('AGAIN=x${URL}\nDB_PASSWORD\nCOPY=$AGAIN') }),
      },
    );
    expect(container.environment).toEqual({ LEVEL: 'info', POOL: '5' });
    const url = 'postgres://app:of the run@db';
    expect(secrets).toEqual({ URL: url, AGAIN: `x${url}`, DB_PASSWORD: 'of the run', COPY: `x${url}` });
  });

  test('that are missing fail the run, unless the service is not started by it', () => {
    const keys = 'env_file: nowhere.env';
    expect(messagesOf(() => load(keys))).toEqual([
      'services.api.env_file: there is no nowhere.env in the repository',
    ]);
    expect(load(keys, '', {}, { isStarted: () => false }).container.environment).toEqual({});
  });

  test('have no variable with which Linux starts nothing', () => {
    const repository = having({ a: file(`A=${'x'.repeat(131_069)}`), b: file(`A=${'x'.repeat(131_070)}`) });
    expect(Object.keys(load('env_file: a', '', {}, { repository }).container.environment)).toEqual(['A']);
    expect(messagesOf(() => load('env_file: b', '', {}, { repository }))).toEqual([
      expect.stringContaining('services.api.env_file: variable A has 129 KB'),
    ]);
  });

  test('with a bad line or a reserved name are refused at their place', () => {
    const repository = having({ a: file('A=1\nB'), b: file('SWITCHYARD_X=1'), c: file('A="') });
    expect(messagesOf(() => load('env_file: [a, b, c]', '', {}, { repository }))).toEqual([
      expect.stringContaining('services.api.env_file[1]: variable "SWITCHYARD_X" is reserved'),
      'services.api.env_file[2]: c:1: a quote is not closed',
    ]);
  });
});

test.each([
  ['service:vpn', 'write depends_on: [vpn], and use SWITCHYARD_VPN_HOST and _PORT in place of localhost'],
  ['container:vpn', 'that container can be replaced at any time'],
  ['bridge', 'leave it out'],
  ['host', 'edge and sidecar reach a container on the network of its environment only'],
])('network_mode: %s is refused with the word', (mode, words) => {
  expect(messagesOf(() => load(`network_mode: "${mode}"`))).toEqual([expect.stringContaining(words)]);
});
