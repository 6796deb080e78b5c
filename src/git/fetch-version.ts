import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layOutBare } from './bare-repository.ts';
import { fetchFailure, noCommit } from './fetch-failure.ts';
import { runGitUntil } from './run-until.ts';
import type { Transport } from './transport.ts';

/** What is fetched, and into which folder. */
export interface VersionRequest {
  url: string;
  /** A commit, or the tag that leads to one. */
  id: string;
  /** The folder, which is empty so far, that becomes a bare repository. */
  gitDir: string;
  /** A bare repository of an earlier version, of which nothing has to be sent again. */
  earlier: { id: string; gitDir: string } | undefined;
}

/** Where a version stands in its bare repository. */
export const VERSION_REF = 'refs/switchyard/version';
const EARLIER_REF = 'refs/switchyard/earlier';

/**
 * fetchVersion brings one version of a repository, without its history. Where the server gives no commit by its id it
 * brings all branches and tags. It throws a UserError when the remote cannot be read, or has no such commit.
 */
export async function fetchVersion(
  request: VersionRequest,
  transport: Transport,
  signal: AbortSignal,
): Promise<void> {
  const { url, id, gitDir, earlier } = request;
  const { env, secrets, hasCredentials } = transport.connectionTo(url);
  const git = async (...args: string[]) =>
    await runGitUntil(args, { cwd: gitDir, env: { ...env, GIT_DIR: gitDir }, signal });
  const objectFormat = id.length === 64 ? 'sha256' : 'sha1';
  await layOutBare(gitDir, objectFormat);
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
  const shallow = () => git(...fetch, '--depth=1', '--', url, `+${id}:${VERSION_REF}`);
  if (earlier !== undefined) {
    await borrow(gitDir, earlier);
    if ((await shallow()).exitCode === 0 && (await keepOwn(git, gitDir))) return;
    await rm(gitDir, { recursive: true });
    await layOutBare(gitDir, objectFormat);
  }
  const first = await shallow();
  if (first.exitCode === 0) return;
  const call = { url, hasCredentials, secrets };
  if (!GIVES_NO_COMMIT.test(first.stderr)) throw fetchFailure(call, first.stderr, id);
  const all = await git(
    ...fetch,
    '--',
    url,
    ...['heads', 'tags'].map((kind) => `+refs/${kind}/*:refs/all/${kind}/*`),
  );
  if (all.exitCode !== 0) throw fetchFailure(call, all.stderr, id);
  const named = await git('update-ref', VERSION_REF, id);
  if (named.exitCode !== 0) throw noCommit(url, id);
}

/** What git says where a server names its branches and tags, and gives nothing else; the last one is JGit's. */
const GIVES_NO_COMMIT = /unadvertised object|dumb http transport does not support|want [0-9a-f]+ not valid/i;

/** Has the earlier version count as one's own, so that the server sends what is new. */
async function borrow(gitDir: string, earlier: { id: string; gitDir: string }): Promise<void> {
  const shallow = await readFile(join(earlier.gitDir, 'shallow')).catch(() => undefined);
  if (shallow !== undefined) await writeFile(join(gitDir, 'shallow'), shallow);
  await mkdir(join(gitDir, 'objects', 'info'), { recursive: true });
  await writeFile(alternatesOf(gitDir), `${join(earlier.gitDir, 'objects')}\n`);
  await mkdir(join(gitDir, 'refs', 'switchyard'), { recursive: true });
  await writeFile(join(gitDir, EARLIER_REF), `${earlier.id}\n`);
}

/** Takes what is needed of the earlier version over, and forgets that one; false where git cannot. */
async function keepOwn(
  git: (...args: string[]) => Promise<{ exitCode: number; stdout: Buffer }>,
  gitDir: string,
): Promise<boolean> {
  await rm(join(gitDir, EARLIER_REF));
  const repacked = await git('repack', '-a', '-d', '--quiet');
  const commit = await git('rev-parse', '--verify', `${VERSION_REF}^{commit}`);
  await rm(alternatesOf(gitDir));
  await writeFile(join(gitDir, 'shallow'), commit.stdout);
  return repacked.exitCode === 0 && commit.exitCode === 0;
}

function alternatesOf(gitDir: string): string {
  return join(gitDir, 'objects', 'info', 'alternates');
}
