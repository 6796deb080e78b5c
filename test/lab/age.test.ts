import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openAge, parseAgeKeys, parseRecipient, sealAge } from '../../src/config/age.ts';
import { blocks } from '../unit/docs/documents.ts';

/** inFolder does work in a folder with a function that runs the lines of a document there. */
async function inFolder(
  work: (folder: string, run: (line: string) => string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-age-'));
  try {
    await work(folder, (line) => {
      const { status, stdout, stderr } = spawnSync('bash', ['-euc', line], { cwd: folder, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, stderr]);
      return stdout + stderr;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('what is sealed for a recipient that the guide has a reader make, age opens', async () => {
  const block = blocks('sh').find(({ text }) => text.includes('age-keygen -y'))!;
  const [keygen, again] = block.text.split('\n') as [string, string];
  await inFolder(async (folder, run) => {
    run(keygen);
    const recipient = run(again).trim();
    writeFileSync(
      join(folder, 'generated-secrets.age'),
      await sealAge([parseRecipient(recipient)], 'open-sesame'),
    );
    expect(run('age -d -i key.txt generated-secrets.age')).toBe('open-sesame');
  });
});

/** The guide's block, with the recipient that its first command prints. */
test('what the guide has a reader encrypt with age, a run opens byte for byte', async () => {
  const block = blocks('sh').find(({ text }) => text.startsWith('age-keygen'))!;
  const [keygen, encrypt] = block.text.split('\n') as [string, string];
  await inFolder(async (folder, run) => {
    mkdirSync(join(folder, 'secrets'));
    const token = Buffer.from('p@ss:/?#%\n\u0000\n');
    writeFileSync(join(folder, 'token.txt'), token);
    const recipient = /age1\w+/.exec(run(keygen))![0];
    run(encrypt.replace('age1…', recipient));
    const keys = parseAgeKeys(readFileSync(join(folder, 'key.txt'), 'utf8'));
    const content = readFileSync(join(folder, 'secrets', 'token.age'));
    expect(await openAge('secrets/token.age', content, keys)).toEqual(token);
  });
});
