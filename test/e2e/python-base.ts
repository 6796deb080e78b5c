import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from '../lab/command.ts';
import { buildImages } from '../lab/images.ts';
import type { Fleet } from './fleet.ts';

/**
 * pythonBase makes an image of Python, with pip and venv as the official one has them, and pushes it to the lab's registry;
 * returns its name. Builds reach the index of packages as this machine does: by its certificates where it has its own.
 */
export async function pythonBase({ registry }: Pick<Fleet, 'registry'>): Promise<string> {
  const { python } = await buildImages(['python'], console.log);
  const context = mkdtempSync(join(tmpdir(), 'switchyard-python-'));
  try {
    const certificates = process.env.PIP_CERT ?? process.env.SSL_CERT_FILE ?? '';
    if (existsSync(certificates)) cpSync(realpathSync(certificates), join(context, 'ca.crt'));
    else writeFileSync(join(context, 'ca.crt'), '');
    const variables = existsSync(certificates)
      ? [
          'ENV PIP_CERT=/etc/ssl/index.crt SSL_CERT_FILE=/etc/ssl/index.crt REQUESTS_CA_BUNDLE=/etc/ssl/index.crt',
        ]
      : [];
    const lines = [`FROM ${python}`, 'COPY ca.crt /etc/ssl/index.crt', ...variables];
    writeFileSync(join(context, 'Dockerfile'), lines.join('\n'));
    const tag = `${registry.address}/python:3.13`;
    await docker(['build', '--quiet', '--tag', tag, context]);
    await docker(['push', '--quiet', tag]);
    return tag;
  } finally {
    rmSync(context, { recursive: true });
  }
}
