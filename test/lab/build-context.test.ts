import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readContext } from '../../src/build/context.ts';
import { parseIgnore } from '../../src/build/ignore.ts';
import { IGNORE_TABLE } from '../unit/build/ignore-table.ts';
import { type DockerClient, dockerClient } from './docker-clients.ts';
import { extractedNames } from './image-files.ts';

jest.setTimeout(120_000);

/** What is sent to a builder decides whether an image is built again: our reading and BuildKit's must be the same. */
describe('a context', () => {
  const paths = [...new Set(IGNORE_TABLE.flatMap(({ kept, left }) => [...kept, ...left]))].filter(
    // One path cannot be a file and a folder.
    (path, _index, all) => !all.some((other) => other.startsWith(`${path}/`)),
  );
  let folder: string;
  let client: DockerClient;

  beforeAll(async () => {
    client = await dockerClient('bookworm');
    folder = mkdtempSync(join(tmpdir(), 'switchyard-context-'));
    for (const path of paths) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), path);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(IGNORE_TABLE)('is by $rules what BuildKit makes of it', async ({ rules }) => {
    const text = [...rules, '.dockerignore', ''].join('\n');
    writeFileSync(join(folder, '.dockerignore'), text);
    const entries = await readContext(folder, parseIgnore(text));
    const files = entries.flatMap(({ kind, path }) => (kind === 'file' ? [path] : []));
    expect(files.sort()).toEqual(builtFrom(folder, client).sort());
  });
});

/** The files that a builder is sent. */
function builtFrom(folder: string, { folder: programs, config }: DockerClient): string[] {
  const docker = (args: string[], input?: string) => {
    const { status, stdout, stderr } = spawnSync('docker', args, {
      env: {
        ...process.env,
        PATH: `${programs}:${process.env.PATH}`,
        DOCKER_CONFIG: config,
        DOCKER_BUILDKIT: '1',
      },
      input,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const dockerfile = join(folder, '..', `${folder.split('/').at(-1)}.Dockerfile`);
  writeFileSync(dockerfile, 'FROM scratch\nCOPY . /\nCMD ["x"]\n');
  const tag = 'switchyard-lab/context:try';
  docker(['build', '--quiet', `--file=${dockerfile}`, `--tag=${tag}`, folder]);
  const names = extractedNames(docker(['save', tag]));
  docker(['image', 'rm', tag]);
  rmSync(dockerfile);
  return names;
}
