import { describe, expect, test } from '@jest/globals';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { ANY_FILES, errorsOf, indented } from './files.ts';

const WORKSPACE = '/checkouts/shop';
const RUN = { PWD: '/home/runner', HOME: '/home/runner', RUNNER_TEMP: '/tmp/r', GITHUB_WORKSPACE: WORKSPACE };
const STATIC = 'provider: static, user: deploy, servers: [{ host: 203.0.113.10 }]';

/** wrong returns what is wrong with a file of a service with these keys: path, message and hint in one line each. */
function wrong(
  keys: string,
  { top = '', variables = RUN as Record<string, string>, environment = STATIC } = {},
) {
  const service = indented(`image: acme/api\nport: 3000\n${keys}`, 4);
  const text = `project: shop\nenvironments:\n  production: { ${environment} }\n${top}\nservices:\n  api:\n${service}\n`;
  const load = () =>
    loadEnvironment(text, 'switchyard.yml', variables, 'production', { repository: ANY_FILES });
  return errorsOf(load).map(({ message, hint }) => `${message} | ${hint}`);
}

describe('a bind that points at the checkout is told what to write', () => {
  test.each([
    ['"${PWD}/conf:/x:ro"', './conf:/x:ro'],
    ['"$PWD/conf:/x"', './conf:/x:ro'],
    ['"$PWD/conf:/x:rw,z"', './conf:/x:ro,z'],
    ['"${PWD:-.}/conf:/x:ro"', './conf:/x:ro'],
    ['"${PWD-.}/conf:/x:ro"', './conf:/x:ro'],
    ['"${PWD:?}/conf:/x:ro"', './conf:/x:ro'],
    ['"${PWD}:/x:ro"', '.:/x:ro'],
    ['"$(pwd)/conf:/x:ro"', './conf:/x:ro'],
    ['"${GITHUB_WORKSPACE}/conf:/x:ro"', './conf:/x:ro'],
    ['"${{ github.workspace }}/conf:/x:ro"', './conf:/x:ro'],
    [`${WORKSPACE}/conf:/x:ro`, './conf:/x:ro'],
    ['{ type: bind, source: "${PWD}/conf", target: /x, read_only: true }', './conf'],
    ['{ type: bind, source: "${GITHUB_WORKSPACE}", target: /x, read_only: true }', '.'],
  ])('%s', (volume, words) => {
    expect(wrong(`volumes: [${volume}]`)).toEqual([
      expect.stringMatching(
        /^services\.api\.volumes\[0\](\.source)?: ".*" is where the machine that runs the action/,
      ),
    ]);
    expect(wrong(`volumes: [${volume}]`)[0]).toContain(`| Write ${words}: such a path counts from`);
  });

  test('also where the variable is not set, and where another one leads there', () => {
    const volume = (source: string, variables: Record<string, string>) =>
      wrong(`volumes: ["${source}/conf:/x:ro"]`, { variables });
    expect(volume('${PWD}', {})).toEqual([expect.stringContaining('Write ./conf:/x:ro')]);
    expect(volume('${PWD:-.}', {})).toEqual([expect.stringContaining('Write ./conf:/x:ro')]);
    expect(volume('${CONF}', { GITHUB_WORKSPACE: WORKSPACE, CONF: `${WORKSPACE}/a` })).toEqual([
      expect.stringContaining('Write ./a/conf:/x:ro'),
    ]);
  });

  test('also in an environment, and by an anchor', () => {
    const top = 'x-volumes: &volumes ["${PWD}/conf:/x:ro"]';
    expect(wrong('volumes: *volumes', { top })).toEqual([expect.stringContaining('Write ./conf:/x:ro')]);
    const environment = `${STATIC}, services: { api: { volumes: ["$PWD/conf:/x:ro"] } }`;
    expect(wrong('user: root', { environment })).toEqual([
      expect.stringMatching(
        /^environments\.production\.services\.api\.volumes\[0\]: .*Write \.\/conf:\/x:ro/,
      ),
    ]);
  });
});

describe('so are other folders of the runner, for which there is none on the server', () => {
  test.each([
    ['~/data:/data', '"~/data" is in a home folder', './data:/data:ro'],
    ['~:/data', '"~" is in a home folder', '.:/data:ro'],
    ['"$HOME/data:/data"', '"$HOME/data" is a folder of the machine that runs the action', './data:/data:ro'],
    ['"${HOME:-/root}/data:/data"', '"${HOME:-/root}/data" is a folder of the machine', './data:/data:ro'],
    ['"${RUNNER_TEMP}/x.yml:/x.yml:ro"', '"${RUNNER_TEMP}/x.yml" is a folder', './x.yml:/x.yml:ro'],
  ])('%s', (volume, message, words) => {
    const [first = '', ...rest] = wrong(`volumes: [${volume}]`);
    expect(first).toContain(`services.api.volumes[0]: ${message}`);
    expect(first).toContain(
      `Write the whole path on the server, a name for a volume (name:/target), or ${words} for`,
    );
    expect(rest).toEqual([]);
  });

  test('unless the engine is that of the runner', () => {
    const keys = 'strategy: recreate\nvolumes: ["${HOME}/data:/data"]';
    expect(wrong(keys, { environment: 'provider: local' })).toEqual([]);
    expect(wrong(keys)).toHaveLength(1);
  });
});

describe('and files that are read from the checkout', () => {
  test.each([
    ['env_file: "${PWD}/app.env"', '', 'services.api.env_file: ', 'Write ./app.env:'],
    ['env_file: ["$GITHUB_WORKSPACE/app.env"]', '', 'services.api.env_file[0]: ', 'Write ./app.env:'],
    ['env_file: [{ path: "${PWD:-.}/app.env" }]', '', 'services.api.env_file[0].path: ', 'Write ./app.env:'],
    ['env_file: ~/app.env', '', 'services.api.env_file: ', 'Write ./app.env for a file beside this one'],
    [
      'configs: [app]',
      'configs: { app: { file: "${PWD}/app.yml" } }',
      'configs.app.file: ',
      'Write ./app.yml:',
    ],
    ['configs: [app]', 'configs: { app: { file: ~/app.yml } }', 'configs.app.file: ', 'Write ./app.yml for'],
    ['secrets: [key]', 'secrets: { key: { file: "$(pwd)/key" } }', 'secrets.key.file: ', 'Write ./key:'],
    [
      'secrets: [key]',
      'secrets: { key: { file: ~/key } }',
      'secrets.key.file: ',
      'Write ./key for a file beside this one, or ${HOME}/key for one of the runner',
    ],
  ])('%s %s', (keys, top, path, words) => {
    const found = wrong(keys, { top });
    expect(found).toEqual([expect.stringContaining(words)]);
    expect(found[0]!.startsWith(path)).toBe(true);
  });
});

test.each([
  'volumes: ["./conf:/x:ro", ".:/repo:ro", "../shop/conf:/y:ro"]',
  'volumes: ["${CONF:-./conf}:/x:ro"]',
  'volumes: ["/checkouts/shopping:/x:ro"]',
  'volumes: ["${PWDX:-/srv}/conf:/x:ro"]',
  'env_file: ["app.env", "./app.env", "~app.env"]',
  'environment: { PWD: , HERE: "${PWD}/conf" }',
])('what points elsewhere, or is no path, is left alone: %s', (keys) => {
  expect(wrong(keys)).toEqual([]);
});

test('a path without ./ is told how one begins; under source it is one, as in Compose', () => {
  expect(wrong('volumes: ["conf/app.yml:/x:ro"]')).toEqual([
    expect.stringContaining('Write ./conf/app.yml:/x:ro for a file or folder of the repository'),
  ]);
  expect(wrong('volumes: [{ type: bind, source: conf/app.yml, target: /x, read_only: true }]')).toEqual([]);
});

test('the files of secrets may be anywhere on the runner', () => {
  const top = 'secrets: { key: { file: "${HOME}/key" }, other: { file: "${RUNNER_TEMP}/other" } }';
  expect(wrong('secrets: [key, other]', { top })).toEqual([]);
});
