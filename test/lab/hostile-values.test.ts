import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError, UserErrors } from '../../src/model/errors.ts';
import { KEYS_FOLDER } from '../../src/nginx/tls.ts';
import { edgeOf, type Said } from '../unit/nginx/edge-of-file.ts';
import { hostile, PAGES, PLACES, serviceWith } from '../unit/nginx/hostile-values.ts';
import { docker } from './command.ts';
import { buildImages } from './images.ts';

const LABEL = ['a'.repeat(60), 'b'.repeat(60), 'c'.repeat(60), 'd'.repeat(60)].join('.');
/** The longest and largest that the file takes. */
const EXTREMES: Readonly<Record<string, Said>> = {
  'a long domain': serviceWith({ domain: LABEL }),
  'a long domain with a star': serviceWith({ domain: `*.${LABEL}` }),
  'a long origin': serviceWith({ edge: { cors: `https://${LABEL}:65535` } }),
  'a long header': serviceWith({
    edge: { headers: { 'Content-Security-Policy': `"${'a'.repeat(3_990)}"` } },
  }),
  'many headers of CORS': serviceWith({
    edge: {
      cors: {
        origins: ['https://a.example.com'],
        headers: Array.from({ length: 200 }, (_, index) => `X-Header-${index}`),
      },
    },
  }),
  'a long media type': serviceWith({ edge: { gzip: { types: [`application/${'a'.repeat(34)}`] } } }),
  'many paths of a domain': serviceWith({
    redirects: Array.from({ length: 300 }, (_, index) => ({
      from: `api.example.com/old/articles/number-${index}`,
      to: `/new/${index}`,
    })),
  }),
  'less than a millisecond': serviceWith({ idle_timeout: '1500us' }),
  'ranges within each other': serviceWith({
    edge: { allow: ['0.0.0.0/0', '::/0', '::ffff:192.0.2.0/120', '10.0.0.5/8'], deny: ['10.0.0.0/8'] },
  }),
};

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Whatever of it the file takes. */
function taken(said: Said): Map<string, string> | undefined {
  try {
    return edgeOf(said, PAGES);
  } catch (error) {
    if (error instanceof UserError || error instanceof UserErrors) return undefined;
    throw error;
  }
}

/** Writes configurations into folders, has a real nginx read each of them, and returns what it says of those that it refuses. */
async function refused(configurations: readonly Map<string, string>[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-hostile-'));
  folders.push(folder);
  chmodSync(folder, 0o755);
  for (const [index, files] of configurations.entries()) {
    for (const [path, text] of files) {
      const file = join(folder, String(index), path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }
  const { nginx } = await buildImages(['nginx'], () => undefined);
  const script =
    'for one in /all/*; do rm -rf /etc/switchyard; cp -r "$one" /etc/switchyard; nginx -t -q -c /etc/switchyard/nginx.conf 2>&1 | grep -F [emerg]; done; true';
  return await docker([
    'run',
    '--rm',
    '--volume',
    `${folder}:/all:ro`,
    '--volume',
    KEYS_FOLDER,
    '--entrypoint',
    'sh',
    nginx!,
    '-c',
    script,
  ]);
}

test('a real nginx reads whatever the file takes, hostile or large', async () => {
  const hostiles = PLACES.flatMap((place) =>
    fc.sample(hostile(place), { numRuns: 40, seed: 3 }).map(place.said),
  );
  const found = hostiles.map(taken).filter((files) => files !== undefined);
  const extremes = Object.values(EXTREMES).map(taken);
  expect(extremes).not.toContain(undefined);
  console.log(`of ${hostiles.length} hostile values ${found.length} were taken`);
  expect(found.length).toBeGreaterThan(10);
  expect(await refused([...found, ...extremes.filter((files) => files !== undefined)])).toBe('');
}, 300_000);

test('and what it does not read is seen', async () => {
  expect(await refused([new Map([['nginx.conf', 'events { } http { server { listen 80;']])])).toMatch(
    /\[emerg\].*unexpected end of file/,
  );
});
