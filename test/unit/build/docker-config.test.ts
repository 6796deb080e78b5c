import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { withDockerConfig } from '../../../src/build/docker-config.ts';

const LOGIN = { registry: 'ghcr.io', username: 'me', password: 'pass:word' };

function runner(config: object): { env: Record<string, string>; parent: string } {
  const home = mkdtempSync(join(tmpdir(), 'switchyard-docker-'));
  mkdirSync(join(home, '.docker', 'cli-plugins'), { recursive: true });
  writeFileSync(join(home, '.docker', 'config.json'), JSON.stringify(config));
  return { env: { HOME: home }, parent: join(home, 'temp') };
}

test('a login stands in a folder of its own, for its owner alone, that is gone afterwards', async () => {
  const { env, parent } = runner({ auths: { 'docker.io': { auth: 'x' } }, credsStore: 'desktop' });
  const given = { ...env, 'INPUT_REGISTRY-PASSWORD': LOGIN.password };
  const used = await withDockerConfig({ env: given, parent, login: LOGIN }, async ({ env: own }) => {
    expect(Object.keys(own).filter((name) => name.startsWith('INPUT_'))).toEqual([]);
    const folder = own.DOCKER_CONFIG!;
    const file = join(folder, 'config.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      auths: {
        'docker.io': { auth: 'x' },
        'ghcr.io': { auth: Buffer.from('me:pass:word').toString('base64') },
      },
      credsStore: 'desktop',
      credHelpers: { 'ghcr.io': '' },
    });
    expect([statSync(file).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(existsSync(join(folder, 'cli-plugins'))).toBe(true);
    expect(own.BUILDX_CONFIG).toBe(join(env.HOME!, '.docker', 'buildx'));
    return folder;
  });
  expect(existsSync(used)).toBe(false);
  expect(readFileSync(join(env.HOME!, '.docker', 'config.json'), 'utf8')).not.toContain('ghcr.io');
});

test('it goes also when what it was for fails', async () => {
  const { env, parent } = runner({});
  let folder = '';
  const failing = withDockerConfig({ env, parent, login: LOGIN }, async (place) => {
    folder = place.folder;
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(join(env.HOME!, '.docker', 'cli-plugins'))).toBe(true);
});
