import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../model/cache-folder.ts';
import { UserError } from '../model/errors.ts';
import { checkAddress, type GitSource, isCommit, sourceName } from '../model/git-source.ts';
import { type CheckedOut, checkOut, submoduleFolder } from './check-out.ts';
import { fetchFailure } from './fetch-failure.ts';
import { fetchVersion } from './fetch-version.ts';
import { findVersion, type RemoteVersion, refPatterns } from './remote-refs.ts';
import { runGitUntil } from './run-until.ts';
import { SourceCache } from './source-cache.ts';
import { submoduleAddress } from './submodules.ts';
import { type GitCredentials, openTransport, type Transport } from './transport.ts';

/** A version of another repository, as files. */
export interface FetchedSource {
  url: string;
  /** The real path of the folder that its files are in. There is nothing of git's own in it. */
  root: string;
  commit: string;
  /** When that was made, in seconds since 1970. */
  committedAt: number;
  /** For people: `branch main`. */
  version: string;
  /** Whether nothing had to be fetched. */
  isCached: boolean;
}

/** What reading repositories needs. */
export interface SourceSurroundings {
  credentials: GitCredentials;
  env: NodeJS.ProcessEnv;
  /** The folder for what is temporary. */
  temporary: string;
  signal: AbortSignal;
  /** Told of what people should know. */
  warn(message: string): void;
}

/** So deep lie submodules in submodules: more is nobody's intention. */
const MOST_LEVELS = 10;

/**
 * withSources runs `work` with a function that brings versions of other repositories; their files, and the key by which they
 * were read, are gone afterwards. What was fetched is kept for later runs, as far as {@link SourceCache} says.
 */
export async function withSources<T>(
  surroundings: SourceSurroundings,
  work: (fetch: (source: GitSource) => Promise<FetchedSource>) => Promise<T>,
): Promise<T> {
  const { credentials, env, temporary } = surroundings;
  await mkdir(temporary, { recursive: true });
  // Readable for its owner alone, by mkdtemp's own rule.
  const folder = await realpath(await mkdtemp(join(temporary, 'switchyard-sources-')));
  const cache = new SourceCache(cacheFolder(env, 'git'));
  try {
    const transport = await openTransport(credentials, { folder, env });
    const sources = new Sources(surroundings, { folder, cache, transport });
    return await work((source) => sources.fetch(source));
  } finally {
    await rm(folder, { recursive: true, force: true });
    await cache.sweep(new Date());
  }
}

class Sources {
  readonly #signal: AbortSignal;
  readonly #warn: SourceSurroundings['warn'];
  readonly #folder: string;
  readonly #cache: SourceCache;
  readonly #transport: Transport;
  readonly #fetched = new Map<string, Promise<FetchedSource>>();
  readonly #repositories = new Map<string, Promise<{ gitDir: string; isCached: boolean }>>();

  constructor(
    { signal, warn }: SourceSurroundings,
    place: { folder: string; cache: SourceCache; transport: Transport },
  ) {
    this.#signal = signal;
    this.#warn = warn;
    this.#folder = place.folder;
    this.#cache = place.cache;
    this.#transport = place.transport;
  }

  /** fetch brings a version; the same one only once. It throws a UserError where that cannot be had. */
  fetch(source: GitSource): Promise<FetchedSource> {
    return once(this.#fetched, sourceName(source), () => this.#fetch(source));
  }

  async #fetch(source: GitSource): Promise<FetchedSource> {
    const { url, ref } = source;
    if (url.startsWith('http://')) {
      this.#warn(`${url} is read without encryption: somebody on the way can change what is built`);
    }
    const { id, name } =
      ref !== undefined && isCommit(ref) ? { id: ref, name: 'its commit' } : await this.#find(source);
    // A folder of mkdtemp is closed to others, and a build would copy that from the top of its context.
    const root = join(await mkdtemp(join(this.#folder, 'tree-')), 'files');
    await mkdir(root, { mode: 0o755 });
    const { commit, committedAt, isCached } = await this.#write(url, id, root, 0);
    return { url, root, commit, committedAt, version: name, isCached };
  }

  async #find(source: GitSource): Promise<RemoteVersion> {
    const { url, ref } = source;
    const { env, secrets, hasCredentials } = this.#transport.connectionTo(url);
    const { exitCode, stdout, stderr } = await runGitUntil(['ls-remote', '--', url, ...refPatterns(ref)], {
      cwd: this.#folder,
      env,
      signal: this.#signal,
    });
    if (exitCode !== 0) throw fetchFailure({ url, hasCredentials, secrets }, stderr);
    return findVersion(source, stdout.toString());
  }

  /** Writes a version, and what it has of other repositories, into a folder. */
  async #write(
    url: string,
    id: string,
    folder: string,
    level: number,
  ): Promise<CheckedOut & { isCached: boolean }> {
    const written = await this.#checkOut(url, id, folder);
    await this.#warnOfLfs(url, folder);
    const areCached = [];
    for (const { path, url: said, commit } of written.submodules) {
      try {
        if (level === MOST_LEVELS) throw new UserError('it has submodules in submodules without end');
        const own = submoduleAddress(said, url, this.#transport.credentials.sshKey !== undefined);
        const below = await this.#write(
          checkAddress(own),
          commit,
          await submoduleFolder(folder, path),
          level + 1,
        );
        areCached.push(below.isCached);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const { hint } = error;
        throw new UserError(`submodule ${path} of ${url}: ${error.message}`, {
          ...(hint && { hint }),
          cause: error,
        });
      }
    }
    return { ...written, isCached: written.isCached && areCached.every(Boolean) };
  }

  async #checkOut(url: string, id: string, folder: string): Promise<CheckedOut & { isCached: boolean }> {
    const key = `${url} ${id}`;
    const { gitDir, isCached } = await once(this.#repositories, key, () => this.#repository(url, id));
    const place = { url, gitDir, folder, temporary: this.#folder };
    try {
      return { ...(await checkOut(place, this.#transport, this.#signal)), isCached };
    } catch (error) {
      if (!isCached || !(error instanceof UserError)) throw error;
      // What is kept may have come to harm: the remote says whether it was so.
      await rm(gitDir, { recursive: true, force: true });
      this.#repositories.delete(key);
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
      return await this.#checkOut(url, id, folder);
    }
  }

  /** Files of LFS are not read, and an image with their pointers in it surprises. */
  async #warnOfLfs(url: string, folder: string): Promise<void> {
    const path = join(folder, '.gitattributes');
    const isFile = (await lstat(path).catch(() => undefined))?.isFile() ?? false;
    if (!isFile || !/filter=lfs/.test(await readFile(path, 'utf8'))) return;
    this.#warn(`${url} has files in LFS, which are not read: an image gets what stands for them`);
  }

  /** The bare repository of a version. */
  async #repository(url: string, id: string): Promise<{ gitDir: string; isCached: boolean }> {
    const known = await this.#cache.find(url, id);
    if (known !== undefined) return { gitDir: known, isCached: true };
    const request = { url, id, earlier: await this.#cache.newest(url) };
    const begun = await this.#cache.begin(url).catch((error: Error) => {
      this.#warn(`what is read of ${url} cannot be kept for later runs: ${error.message}`);
      return undefined;
    });
    const gitDir = begun ?? (await mkdtemp(join(this.#folder, 'repository-')));
    try {
      await fetchVersion({ ...request, gitDir }, this.#transport, this.#signal);
    } catch (error) {
      await rm(gitDir, { recursive: true, force: true });
      throw error;
    }
    return { gitDir: begun === undefined ? gitDir : await this.#cache.keep(url, id, begun), isCached: false };
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const begun = known.get(key) ?? work();
  known.set(key, begun);
  return begun;
}
