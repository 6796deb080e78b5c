import { describe, expect, test } from '@jest/globals';
import { documentedSchema } from '../../../scripts/json-schema.ts';
import { requireBuilds } from '../../../src/config/required-builds.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { BUILD_REFUSALS } from '../../../src/config/schema/refusals.ts';
import { builtRepository } from '../../../src/model/build.ts';
import { indented, messagesOf } from './files.ts';

/** The keys of `build` in the Compose specification, schema/compose-spec.json, as of November 2026. */
const KEYS = `
  additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements extra_hosts isolation
  labels network no_cache no_cache_filter platforms privileged provenance pull sbom secrets shm_size ssh tags target
  ulimits`
  .trim()
  .split(/\s+/);

const file = (service: string, top = 'registry: ghcr.io/acme') =>
  `project: shop\n${top}\nenvironments:\n  production: { provider: static, user: deploy, servers: [{ host: 203.0.113.10 }] }\n  local: { provider: local }\nservices:\n  api:\n${indented(service, 4)}\n`;

type Values = Record<string, string>;

function load(
  service: string,
  {
    top,
    environment = 'production',
    variables = {},
    secrets = {},
  }: {
    top?: string;
    environment?: string;
    variables?: Values;
    secrets?: Values;
  } = {},
) {
  return loadEnvironment(file(service, top), 'switchyard.yml', variables, environment, { secrets });
}

/** The build of the service `api`. */
function buildOf(service: string, options: Parameters<typeof load>[1] = {}) {
  const { variables = {}, secrets: given = {} } = options;
  const [build] = requireBuilds(load(service, options), ['api'], { given, variables, files: new Map() });
  return build!;
}

test('the keys of Compose’s build are each taken, or refused with what to write instead', () => {
  const { anyOf = [] } = documentedSchema().$defs?.service?.properties?.build ?? {};
  const taken = anyOf.flatMap(({ properties = {} }) => Object.entries(properties));
  const names = taken.map(([name]) => name);
  expect(KEYS.filter((name) => !names.includes(name) && !Object.hasOwn(BUILD_REFUSALS, name))).toEqual([]);
  expect(names.filter((name) => Object.hasOwn(BUILD_REFUSALS, name))).toEqual([]);
  const ours = taken.flatMap(([name, { from }]) => (from === 'Compose' ? [] : [name]));
  expect(ours).toEqual(['git', 'template']);
});

describe('a template', () => {
  test.each([
    ['build: { template: auto }', { name: 'auto' }],
    ['build: { context: ./api, template: node }', { name: 'node' }],
    [
      'build: { template: { app: ./apps/api/, version: 24, start: node server.js } }',
      { name: 'auto', app: 'apps/api', version: '24', start: ['node', 'server.js'] },
    ],
    [
      'build: { template: { name: static, build: "npm run a && npm run b", output: public, spa: false } }',
      { name: 'static', build: 'npm run a && npm run b', output: 'public', spa: false },
    ],
  ])('is what %s says', (said, template) => {
    expect(buildOf(said).dockerfile).toEqual({ template });
  });

  test('counts from the folder of the file where no context is said', () => {
    expect(buildOf('build: { template: auto }').context).toBe('.');
  });

  test.each([
    ['template: auto, dockerfile: Other', /build\.dockerfile: excludes template/],
    ['template: auto, dockerfile_inline: FROM x', /build\.dockerfile_inline: excludes template/],
    ['template: auto, target: runtime', /build\.target: excludes template/],
    ['template: ruby', /must be node, python, static, auto, or a map/],
    ['template: { version: 3.1 }', /is a number, of which YAML drops zeros/],
    ['template: { version: newest }', /"newest" is no version/],
    ['template: { app: ../other }', /is not below the folder that is built/],
    ['template: { output: "a$$b" }', /cannot stand in a Dockerfile that is made/],
    ['template: { start: "node a.js && node b.js" }', /unquoted "&" in a command/],
  ])('is refused as %s', (said, message) => {
    expect(messagesOf(() => load(`build: { ${said} }`)).join('\n')).toMatch(message);
  });
});

describe('the name of an image', () => {
  test.each([
    ['registry: ghcr.io/acme', 'ghcr.io/acme/shop-production-api'],
    ['registry: { address: ghcr.io, user: acme }', 'ghcr.io/acme/shop-production-api'],
    ['registry: docker.io/acme', 'docker.io/acme/shop-production-api'],
    ['registry: registry.example.com:5000', 'registry.example.com:5000/shop-production-api'],
    ['registry: ghcr.io/acme/team', 'ghcr.io/acme/team/shop-production-api'],
  ])('follows from %s', (top, name) => {
    const { wanted, builds } = load('build: .\nport: 3000', { top });
    expect(builds.api?.repository).toBe(name);
    expect(wanted.services[0]?.container.image).toBe(name);
  });

  test('is what the file says, where it says it', () => {
    expect(buildOf('build: .\nport: 1\nimage: ghcr.io/acme/api:edge')).toMatchObject({
      repository: 'ghcr.io/acme/api',
      tags: ['ghcr.io/acme/api:edge'],
    });
  });

  test('needs no registry where the engine is that of this machine', () => {
    const { builds } = load('build: .\nport: 1', { top: '', environment: 'local' });
    expect(builds.api?.repository).toBe('shop-local-api');
    expect(messagesOf(() => load('build: .\nport: 1', { top: '' }))).toEqual([
      'services.api.build: has no place where its image is kept',
    ]);
  });

  describe('of no registry', () => {
    const HEX = 'ab'.repeat(32);
    const none = (service: string, images: Values = {}, environment = 'production') =>
      loadEnvironment(file(service, 'registry: none'), 'switchyard.yml', {}, environment, { images });
    const imageOf = (...given: Parameters<typeof none>) => none(...given).wanted.services[0]?.container.image;

    test('follows from project, environment and service', () => {
      expect(none('build: .\nport: 1').builds.api).toMatchObject({
        repository: 'shop-production-api',
        isTransferred: true,
      });
    });

    test('is its digest on servers', () => {
      const images = { api: `shop-production-api@sha256:${HEX}` };
      expect(imageOf('build: .\nport: 1', images)).toBe(`shop-production-api:sha256-${HEX}`);
    });

    test('is what the run says, where that is another image', () => {
      const images = { api: `ghcr.io/acme/api@sha256:${HEX}` };
      expect(imageOf('build: .\nport: 1', images)).toBe(images.api);
    });

    test('need not be looked for each time', () => {
      const images = { api: `shop-production-api@sha256:${HEX}` };
      const { wanted } = none('build: .\nport: 1\npull_policy: always', images);
      expect(wanted.services[0]?.policy.pullPolicy).toBe('missing');
    });

    test('stays as it is where the engine is that of this machine', () => {
      const images = { api: 'shop-local-api:content-1' };
      expect(none('build: .\nport: 1', images, 'local').builds.api?.isTransferred).toBe(false);
      expect(imageOf('build: .\nport: 1', images, 'local')).toBe(images.api);
    });

    test('has no registry in it', () => {
      expect(messagesOf(() => none('build: .\nport: 1\nimage: ghcr.io/acme/api'))).toEqual([
        'services.api.image: names a registry, and the file says registry: none',
      ]);
      expect(none('build: .\nport: 1\nimage: acme/api').builds.api?.repository).toBe('acme/api');
    });
  });

  test('has a place for each of its parts', () => {
    const scope = { project: 'p', environment: 'e' };
    expect(builtRepository({ address: 'r.io', user: 'u' }, scope, 's')).toBe('r.io/u/p-e-s');
  });
});

test.each([
  ['https://ghcr.io/acme', 'is no address of a registry'],
  ['acme', 'is no address of a registry'],
  ['ghcr.io/Acme', 'cannot be a part of the name'],
  ['ghcr.io/acme:1', 'cannot be a part of the name'],
  ['"ghcr.io/a b"', 'cannot be a part of the name'],
])('registry: %s is refused', (said, message) => {
  const refused = messagesOf(() => load('image: a\nport: 1', { top: `registry: ${said}` }));
  expect(refused).toEqual([expect.stringContaining(message)]);
});

test('the short form is a folder, and the long one is laid over it by an environment', () => {
  expect(buildOf('build: ./api\nport: 1')).toMatchObject({
    context: './api',
    dockerfile: { path: 'api/Dockerfile' },
    args: {},
  });
  const text = file('build: ./api\nport: 1').replace(
    'servers: [{ host: 203.0.113.10 }]',
    'servers: [{ host: 203.0.113.10 }], services: { api: { build: { target: prod } } }',
  );
  const { builds } = loadEnvironment(text, 'switchyard.yml', {}, 'production');
  expect(builds.api?.input).toEqual({ context: './api', target: 'prod' });
});

test.each<[string, object]>([
  ['dockerfile: ../Dockerfile', { dockerfile: { path: '../Dockerfile' } }],
  ['dockerfile_inline: FROM a', { dockerfile: { text: 'FROM a' } }],
  ['args: ["A=1", "B=x=y"]', { args: { A: '1', B: 'x=y' } }],
  ['args: { A: 1, B: true }', { args: { A: '1', B: 'true' } }],
  ['labels: [a=b]', { labels: { a: 'b' } }],
  ['platforms: linux/arm64', { platforms: ['linux/arm64'] }],
  ['ssh: default', { ssh: ['default'] }],
  ['shm_size: 1m', { shmSizeBytes: 1024 * 1024 }],
  ['extra_hosts: { a: 10.0.0.9 }', { extraHosts: ['a:10.0.0.9'] }],
  ['ulimits: { nofile: 5 }', { ulimits: { nofile: { soft: 5, hard: 5 } } }],
  ['additional_contexts: ["s=./s"]', { contexts: { s: './s' } }],
  ['sbom: true', { sbom: 'true' }],
  ['no_cache: "yes"', { noCache: true }],
])('%s is taken', (key, expected) => {
  expect(buildOf(`build:\n  context: .\n${indented(key, 2)}\nport: 1`)).toMatchObject(expected);
});

test.each([
  ['context: /srv/api', 'is a path of the machine'],
  ['context: ~/api', 'is a path of the machine'],
  ['args: { "A B": 1 }', 'cannot be the name of an argument'],
  ['args: ["--push"]', 'cannot be the name of an argument'],
  ['target: --push', 'is no name of a stage'],
  ['secrets: ["a,src=/etc/shadow"]', 'cannot be the name of a secret'],
  ['secrets: [{ source: a, uid: 1 }]', 'not supported: it belongs to the step that reads it'],
  ['ssh: "a=/b,c"', 'is no SSH agent'],
  ['tags: ["UPPER/a:1"]', 'upper case in its name'],
  ['network: container:x', 'must be "default", "host" or "none"'],
  ['additional_contexts: { a: "service:web" }', 'is the image of another service'],
  ['additional_contexts: { "a b": ./x }', 'cannot be the name of a context'],
  ['entitlements: [all]', 'must be network.host or security.insecure'],
  ['privileged: true', 'not supported: BuildKit has another word for it'],
  ['dockerfile: D\ndockerfile_inline: FROM a', 'excludes dockerfile'],
  ['dockerfil: D', 'did you mean "dockerfile"?'],
])('%s is refused', (key, message) => {
  const refused = messagesOf(() => load(`build:\n${indented(key, 2)}\nport: 1`));
  expect(refused).toEqual([expect.stringContaining(message)]);
});

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

describe('another repository', () => {
  const HTTPS = 'https://github.com/acme/api.git';

  test.each<[string, object]>([
    [HTTPS, { url: HTTPS }],
    [`${HTTPS}@main`, { url: HTTPS, ref: 'main' }],
    [`${HTTPS}@feature/a@b`, { url: HTTPS, ref: 'feature/a@b' }],
    [`${HTTPS}@${COMMIT.toUpperCase()}`, { url: HTTPS, ref: COMMIT }],
    [
      'https://git.example.com:8443/acme/api@v1.4.0',
      { url: 'https://git.example.com:8443/acme/api', ref: 'v1.4.0' },
    ],
    ['https://git.example.com/~me/a@b.git', { url: 'https://git.example.com/~me/a@b.git' }],
    ['http://git.example.com/api.git@main', { url: 'http://git.example.com/api.git', ref: 'main' }],
    ['ssh://git@github.com/acme/api.git@main', { url: 'ssh://git@github.com/acme/api.git', ref: 'main' }],
    ['ssh://git@git.example.com:2222/api.git', { url: 'ssh://git@git.example.com:2222/api.git' }],
    ['git@github.com:acme/api.git@main', { url: 'git@github.com:acme/api.git', ref: 'main' }],
    ['git@github.com:acme/api', { url: 'git@github.com:acme/api' }],
    ['git@[2001:db8::1]:acme/api.git@main', { url: 'git@[2001:db8::1]:acme/api.git', ref: 'main' }],
    [`${HTTPS}@quote'$(id)\`id\`;#`, { url: HTTPS, ref: "quote'$(id)`id`;#" }],
  ])('is read by git: %s', (said, git) => {
    const keys = `build:\n  git: ${JSON.stringify(said.replaceAll('$', '$$$$'))}\n  context: services/api\nport: 1`;
    expect(buildOf(keys)).toMatchObject({
      git,
      context: 'services/api',
      dockerfile: { path: 'services/api/Dockerfile' },
    });
  });

  test.each<[string, object, string]>([
    [HTTPS, { url: HTTPS }, '.'],
    [`${HTTPS}#main`, { url: HTTPS, ref: 'main' }, '.'],
    [`${HTTPS}#main:services/api`, { url: HTTPS, ref: 'main' }, 'services/api'],
    [`${HTTPS}#:services/api`, { url: HTTPS }, 'services/api'],
    ['github.com/acme/api#main', { url: 'https://github.com/acme/api', ref: 'main' }, '.'],
    ['git@github.com:acme/api.git#v1:api', { url: 'git@github.com:acme/api.git', ref: 'v1' }, 'api'],
    ['ssh://git@github.com/acme/api.git#v1', { url: 'ssh://git@github.com/acme/api.git', ref: 'v1' }, '.'],
  ])('is read as Compose has it: %s', (said, git, context) => {
    expect(buildOf(`build: ${said}\nport: 1`)).toMatchObject({ git, context });
    expect(buildOf(`build: { context: "${said}", target: x }\nport: 1`)).toMatchObject({
      git,
      context,
      target: 'x',
    });
    expect(
      buildOf(`build: { context: ., additional_contexts: { other: "${said}" } }\nport: 1`).contexts,
    ).toEqual({
      other: { ...git, folder: context },
    });
  });

  test.each([
    ['git: file:///srv/api.git', 'is no address of a repository'],
    ['git: /srv/api.git', 'is no address of a repository'],
    ['git: ../api', 'is no address of a repository'],
    ['git: "ext::sh -c id"', 'is no address of a repository'],
    ['git: "--upload-pack=id"', 'is no address of a repository'],
    ['git: "ssh://-oProxyCommand=id/x"', 'is no address of a repository'],
    ['git: "git@-oProxyCommand=id:x"', 'is no address of a repository'],
    ['git: "git@github.com:-x"', 'is no address of a repository'],
    ['git: "ssh://git@github.com/a\\nb"', 'is no address of a repository'],
    ['git: https://github.com/acme/api.git?x=1', 'is no address of a repository'],
    ['git: git://github.com/acme/api.git', 'is read without knowing from whom'],
    ['git: "https://github.com/acme/api.git#main"', 'has its version behind a #'],
    [`git: "${HTTPS}@--upload-pack=id"`, 'is no ref of git'],
    [`git: "${HTTPS}@a..b"`, 'is no ref of git'],
    [`git: "${HTTPS}@a b"`, 'is no ref of git'],
    [`git: "${HTTPS}@refs/heads/*:refs/heads/*"`, 'is no ref of git'],
    [`git: "${HTTPS}@"`, 'is no ref of git'],
    [`git: ${HTTPS}\ncontext: ../x`, 'leaves the repository'],
    [`git: ${HTTPS}\ncontext: ${HTTPS}`, 'names a second repository beside git'],
    ['context: "https://github.com/acme/api.git#main:../x"', 'leaves the repository'],
    ['context: https://example.com/api.tar.gz', 'is no repository to Compose'],
    ['context: ext::sh', 'is no address of a repository'],
    ['context: git://github.com/acme/api.git', 'is read without knowing from whom'],
  ])('%s is refused', (key, message) => {
    const refused = messagesOf(() => load(`build:\n${indented(key, 2)}\nport: 1`));
    expect(refused).toEqual([expect.stringContaining(message)]);
  });

  test('stays where an environment changes something else', () => {
    const text = file(`build: ${HTTPS}#main:api\nport: 1`).replace(
      'servers: [{ host: 203.0.113.10 }]',
      'servers: [{ host: 203.0.113.10 }], services: { api: { build: { target: prod } } }',
    );
    const { builds } = loadEnvironment(text, 'switchyard.yml', {}, 'production');
    expect(builds.api?.input).toEqual({ git: { url: HTTPS, ref: 'main' }, context: 'api', target: 'prod' });
  });

  test('has no credentials in its address, and they are not repeated', () => {
    for (const said of [
      'https://hunter2@github.com/acme/api.git',
      'https://me:hunter2@github.com/acme/api.git',
    ]) {
      const refused = messagesOf(() => load(`build: { git: "${said}" }\nport: 1`));
      expect(refused).toEqual([
        'services.api.build.git: the address of the repository at github.com has credentials in it',
      ]);
    }
  });
});

describe('values from elsewhere', () => {
  test('an argument without one has that of the step', () => {
    expect(buildOf('build: { args: [SHA] }\nport: 1', { variables: { SHA: 'abc' } }).args).toEqual({
      SHA: 'abc',
    });
    expect(messagesOf(() => buildOf('build: { args: [SHA] }\nport: 1'))).toEqual([
      'services.api.build.args.SHA: has no value, and the env of the step has none',
    ]);
  });

  test('an argument is never a secret', () => {
    const secrets = { TOKEN: 'hunter2-hunter2' };
    expect(messagesOf(() => buildOf('build: { args: [TOKEN] }\nport: 1', { secrets }))).toEqual([
      expect.stringContaining('is a secret, and whoever has an image can read its arguments'),
    ]);
    expect(messagesOf(() => load('build: { args: { A: "$TOKEN" } }\nport: 1', { secrets }))).toEqual([
      expect.stringContaining('is made from a secret (TOKEN)'),
    ]);
  });

  test('a secret comes from where those of services do', () => {
    const secrets = { NPM_TOKEN: 'hunter2-hunter2' };
    const keys = 'build: { secrets: [{ source: NPM_TOKEN, target: npm }] }\nport: 1';
    expect(buildOf(keys, { secrets }).secrets).toEqual({ npm: Buffer.from('hunter2-hunter2') });
    expect(messagesOf(() => buildOf(keys))).toEqual([
      expect.stringContaining('secret NPM_TOKEN was not passed'),
    ]);
  });
});
