import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dockerConfigFolder, findRegistryAuth, registryOf } from '../../../src/docker/credentials.ts';

const HUB = 'https://index.docker.io/v1/';
const { PATH, DOCKER_CONFIG } = process.env;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-credentials-'));
});
afterEach(async () => {
  process.env.PATH = PATH;
  if (DOCKER_CONFIG === undefined) delete process.env.DOCKER_CONFIG;
  else process.env.DOCKER_CONFIG = DOCKER_CONFIG;
  await rm(folder, { recursive: true });
});

/** loggedIn writes the runner's Docker configuration. */
async function loggedIn(config: object): Promise<void> {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
}

/** helper puts a real credential helper on the PATH; it is asked over stdin as Docker asks it. */
async function helper(name: string, script: string): Promise<void> {
  const path = join(folder, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  process.env.PATH = `${folder}${delimiter}${PATH}`;
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

test.each([
  ['redis', HUB],
  ['redis:7', HUB],
  ['library/redis', HUB],
  ['acme/api:1', HUB],
  ['docker.io/library/redis:7', HUB],
  ['index.docker.io/acme/api', HUB],
  ['ghcr.io/acme/api:1.2.3', 'ghcr.io'],
  ['localhost/api', 'localhost'],
  ['localhost:5000/api', 'localhost:5000'],
  ['10.0.0.1:5000/api@sha256:0', '10.0.0.1:5000'],
])('the registry of %s is %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

describe('credentials in the configuration', () => {
  test('name and password, which may hold colons', async () => {
    await loggedIn({ auths: { 'ghcr.io': auth('ann:pa:ss:wörd') } });
    expect(await findRegistryAuth('ghcr.io/acme/api', folder)).toEqual({
      username: 'ann',
      password: 'pa:ss:wörd',
      serveraddress: 'ghcr.io',
    });
  });

  test("Docker Hub's, however the image is written", async () => {
    await loggedIn({ auths: { [HUB]: auth('ann:secret') } });
    for (const image of ['redis:7', 'docker.io/acme/api'])
      expect(await findRegistryAuth(image, folder)).toMatchObject({ username: 'ann', serveraddress: HUB });
  });

  test('a registry that is written with its scheme', async () => {
    await loggedIn({ auths: { 'https://registry.example.com': auth('ann:secret') } });
    expect(await findRegistryAuth('registry.example.com/api', folder)).toMatchObject({ username: 'ann' });
  });

  test('an identity token', async () => {
    await loggedIn({ auths: { 'ghcr.io': { identitytoken: 'token' } } });
    expect(await findRegistryAuth('ghcr.io/acme/api', folder)).toEqual({
      identitytoken: 'token',
      serveraddress: 'ghcr.io',
    });
  });

  test('none for another registry, none for an empty entry, none without a file', async () => {
    await loggedIn({ auths: { 'ghcr.io': auth('ann:secret'), 'quay.io': {} } });
    expect(await findRegistryAuth('registry.example.com/api', folder)).toBeUndefined();
    expect(await findRegistryAuth('quay.io/api', folder)).toBeUndefined();
    expect(await findRegistryAuth('ghcr.io/acme/api', join(folder, 'nowhere'))).toBeUndefined();
  });

  test('DOCKER_CONFIG names the folder', async () => {
    await loggedIn({ auths: { 'ghcr.io': auth('ann:secret') } });
    const there = dockerConfigFolder({ DOCKER_CONFIG: folder });
    expect(await findRegistryAuth('ghcr.io/acme/api', there)).toMatchObject({ username: 'ann' });
  });

  test("a file that is no JSON is the user's mistake, named", async () => {
    await writeFile(join(folder, 'config.json'), '{ "auths": ');
    await expect(findRegistryAuth('ghcr.io/acme/api', folder)).rejects.toThrow(
      `the Docker configuration ${join(folder, 'config.json')} is not valid JSON`,
    );
  });
});

describe('credential helpers', () => {
  const says = (answer: object) => `test "$1" = get && cat > /dev/null && echo '${JSON.stringify(answer)}'`;

  test('the one of the registry is asked for it, over stdin', async () => {
    await loggedIn({ credHelpers: { 'ghcr.io': 'vault' } });
    await helper(
      'vault',
      'registry=$(cat); echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"for $registry\\"}"',
    );
    expect(await findRegistryAuth('ghcr.io/acme/api', folder)).toEqual({
      username: 'get',
      password: 'for ghcr.io',
      serveraddress: 'ghcr.io',
    });
  });

  test('credsStore is for all registries', async () => {
    await loggedIn({ credsStore: 'keychain' });
    await helper('keychain', says({ Username: 'ann', Secret: 'secret' }));
    expect(await findRegistryAuth('redis', folder)).toMatchObject({ username: 'ann', password: 'secret' });
  });

  test('a token is handed on as one', async () => {
    await loggedIn({ credsStore: 'keychain' });
    await helper('keychain', says({ Username: '<token>', Secret: 'refresh' }));
    expect(await findRegistryAuth('redis', folder)).toEqual({ identitytoken: 'refresh', serveraddress: HUB });
  });

  test.each([
    ['fails', 'echo "credentials not found in native keychain"; exit 1'],
    ['answers something else', 'echo this is no JSON'],
    ['answers null', 'echo null'],
    ['answers half', "echo '{}'"],
  ])('one that %s leaves what the file has', async (_name, script) => {
    await loggedIn({ credsStore: 'keychain', auths: { 'ghcr.io': auth('ann:secret') } });
    await helper('keychain', script);
    expect(await findRegistryAuth('ghcr.io/acme/api', folder)).toMatchObject({ username: 'ann' });
  });

  test('one that is not installed leaves what the file has', async () => {
    await loggedIn({ credsStore: 'nowhere', auths: { 'ghcr.io': auth('ann:secret') } });
    expect(await findRegistryAuth('ghcr.io/acme/api', folder)).toMatchObject({ username: 'ann' });
  });
});
