import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { docker } from '../lab/command.ts';
import type { Fleet } from './fleet.ts';

/**
 * nodeBase makes an image of Node with npm in it, as the official one has it, which the lab's has not, and pushes it to the
 * lab's registry; returns its name. Builds reach the registry of packages as this machine does: by its address, and by its
 * certificates where it has its own.
 */
export async function nodeBase({ images, registry }: Pick<Fleet, 'images' | 'registry'>): Promise<string> {
  const context = mkdtempSync(join(tmpdir(), 'switchyard-node-'));
  try {
    cpSync(npmFolder(), join(context, 'npm'), { recursive: true });
    const certificates = process.env.NODE_EXTRA_CA_CERTS;
    if (certificates === undefined) writeFileSync(join(context, 'ca.crt'), '');
    else cpSync(realpathSync(certificates), join(context, 'ca.crt'));
    writeFileSync(
      join(context, 'Dockerfile'),
      [
        `FROM ${images.node}`,
        'COPY ca.crt /etc/ssl/npm.crt',
        `ENV NODE_EXTRA_CA_CERTS=/etc/ssl/npm.crt npm_config_registry=${npmSetting('registry')}`,
        'COPY npm /usr/local/lib/node_modules/npm',
        'RUN cd /usr/local/bin && ln -s ../lib/node_modules/npm/bin/npm-cli.js npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js npx && npm config set --global prefix /usr/local',
      ].join('\n'),
    );
    const tag = `${registry.address}/node-npm:24`;
    await docker(['build', '--quiet', '--tag', tag, context]);
    await docker(['push', '--quiet', tag]);
    return tag;
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** What npm on this machine has for a setting. */
function npmSetting(name: string): string {
  return spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim();
}

/** Where the npm of this machine lies, which is all JavaScript. */
function npmFolder(): string {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .find(existsSync);
  if (found === undefined) throw new Error('there is no npm on this machine');
  return dirname(dirname(realpathSync(found)));
}
