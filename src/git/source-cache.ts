import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** So many versions of a repository are kept. */
const KEPT = 3;
/** What was used so lately may be in use by another run, in milliseconds. */
const IN_USE_MS = 60 * 60 * 1000;
/** What nobody has used for so long goes, in milliseconds. */
const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;
/** How the folder of what is still being fetched begins. */
const UNFINISHED = '.new-';

/**
 * SourceCache keeps versions of repositories between runs: a folder for each repository, and in it a bare repository for
 * each version, by its id. One is written once, comes into its place whole by a rename, and never changes; so runs side by
 * side need no lock. Nothing in it says where it is from, or by which token it was read.
 */
export class SourceCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** find returns the repository of a version, and notes that it was used; undefined where there is none. */
  async find(url: string, id: string): Promise<string | undefined> {
    const place = join(this.#folderOf(url), id);
    const now = new Date();
    try {
      await utimes(place, now, now);
      return place;
    } catch {
      return undefined;
    }
  }

  /** newest returns the version of a repository that was used last, by its id; undefined where there is none. */
  async newest(url: string): Promise<{ id: string; gitDir: string } | undefined> {
    const [first] = await versionsIn(this.#folderOf(url));
    return first && { id: first.name, gitDir: first.place };
  }

  /** begin makes the folder for a version that is about to be fetched. It throws where the cache cannot be written. */
  async begin(url: string): Promise<string> {
    const folder = this.#folderOf(url);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await mkdtemp(join(folder, UNFINISHED));
  }

  /** keep puts what was fetched into {@link begin}'s folder into its place, and returns that. */
  async keep(url: string, id: string, fetched: string): Promise<string> {
    const place = join(this.#folderOf(url), id);
    try {
      await rename(fetched, place);
    } catch (error) {
      // Another run was quicker.
      if ((await this.find(url, id)) === undefined) throw error;
      await rm(fetched, { recursive: true, force: true });
    }
    return place;
  }

  /** sweep removes what is old, what is too much, and what a run that was killed has left. */
  async sweep(now: Date): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      const folder = join(this.#folder, name);
      const versions = await versionsIn(folder);
      const gone = versions.filter(({ usedAt }, index) => {
        const unusedMs = now.getTime() - usedAt.getTime();
        return unusedMs > UNUSED_MS || (index >= KEPT && unusedMs > IN_USE_MS);
      });
      const unfinished = await unfinishedIn(folder, now);
      for (const place of [...gone.map((one) => one.place), ...unfinished]) {
        await rm(place, { recursive: true, force: true });
      }
    }
  }

  #folderOf(url: string): string {
    return join(this.#folder, createHash('sha256').update(url).digest('hex'));
  }
}

interface Version {
  name: string;
  place: string;
  usedAt: Date;
}

/** The last one used first. */
async function versionsIn(folder: string): Promise<Version[]> {
  const names = (await namesIn(folder)).filter((name) => !name.startsWith(UNFINISHED));
  const versions = await datesOf(folder, names);
  return versions.sort((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
}

async function unfinishedIn(folder: string, now: Date): Promise<string[]> {
  const names = (await namesIn(folder)).filter((name) => name.startsWith(UNFINISHED));
  const all = await datesOf(folder, names);
  return all.filter(({ usedAt }) => now.getTime() - usedAt.getTime() > IN_USE_MS).map(({ place }) => place);
}

async function datesOf(folder: string, names: readonly string[]): Promise<Version[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const place = join(folder, name);
      const { mtime } = (await stat(place).catch(() => undefined)) ?? {};
      return mtime === undefined ? [] : [{ name, place, usedAt: mtime }];
    }),
  );
  return found.flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
