import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openAge, parseAgeKeys } from '../../src/config/age.ts';
import { blocks } from '../unit/docs/documents.ts';

/** The guide's block, with the recipient that its first command prints. */
test('what the guide has a reader encrypt with age, a run opens byte for byte', async () => {
  const block = blocks('sh').find(({ text }) => text.startsWith('age-keygen'))!;
  const [keygen, encrypt] = block.text.split('\n') as [string, string];
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-age-'));
  const run = (line: string): string => {
    const { status, stderr } = spawnSync('bash', ['-euc', line], { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, stderr]);
    return stderr;
  };
  try {
    mkdirSync(join(folder, 'secrets'));
    const token = Buffer.from('p@ss:/?#%\n\u0000\n');
    writeFileSync(join(folder, 'token.txt'), token);
    const recipient = /age1\w+/.exec(run(keygen))![0];
    run(encrypt.replace('age1…', recipient));
    const keys = parseAgeKeys(readFileSync(join(folder, 'key.txt'), 'utf8'));
    const content = readFileSync(join(folder, 'secrets', 'token.age'));
    expect(await openAge('secrets/token.age', content, keys)).toEqual(token);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
