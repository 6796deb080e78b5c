import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { UserError } from '../model/errors.ts';
import type { RepositoryEntry, RepositoryFile, RepositoryFiles } from '../model/repository-files.ts';
import { quietEnvironment } from './environment.ts';
import { missingGit } from './run-git.ts';

/** So many files of one folder are read, and so deep: more is no configuration, and links may lead in circles. */
const MAX_FILES = 1_000;
const MAX_DEPTH = 32;
/** A list of all files of a large repository. */
const LISTING_MAX_BYTES = 256 * 1024 * 1024;

/** What git knows of a repository. */
interface Tracked {
  /** The real path of its top. */
  root: string;
  /** Paths from there of what git has as it is. */
  files: ReadonlySet<string>;
}

/**
 * openWorkTree returns the files of the repository that `folder` lies in, by paths from there. Where git knows nothing of
 * it, all files count as secret. Git is asked when the first file is looked for: most configurations name none. That
 * throws a UserError when git is missing.
 */
export function openWorkTree(folder: string, env: NodeJS.ProcessEnv): RepositoryFiles {
  return new WorkTree(folder, env);
}

function trackedIn(folder: string, env: NodeJS.ProcessEnv): Tracked {
  const quiet = quietEnvironment(env);
  const git = (...args: string[]) => {
    const { stdout, error } = spawnSync('git', args, {
      cwd: folder,
      env: quiet,
      maxBuffer: LISTING_MAX_BYTES,
    });
    if (error !== undefined) throw isMissing(error) ? missingGit(error) : error;
    return stdout.toString();
  };
  const list = (...args: string[]) => git('ls-files', '-z', '--full-name', ...args, ':/').split('\0');
  const files = new Set(list('--recurse-submodules'));
  for (const changed of list('--modified')) files.delete(changed);
  const top = git('rev-parse', '--show-toplevel').replace(/\n$/, '');
  return { root: realpathSync(top || folder), files };
}

/** A folder that is being read, with all that is below it. */
interface Reading {
  /** As the file of the project names it. */
  path: string;
  /** What was found, by paths from there. */
  files: Map<string, RepositoryFile>;
  leftBytes: number;
}

class WorkTree implements RepositoryFiles {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  #known: Tracked | undefined;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#folder = realpathSync(folder);
    this.#env = env;
  }

  get #tracked(): Tracked {
    this.#known ??= trackedIn(this.#folder, this.#env);
    return this.#known;
  }

  find(path: string, maxBytes: number): RepositoryEntry | undefined {
    const place = resolve(this.#folder, path);
    this.#checkInside(place, `${path} is outside of the repository`);
    const found = lookAt(place);
    if (found === undefined) return undefined;
    if (!found.isDirectory()) return { kind: 'file', file: this.#read(place, path, found, maxBytes) };
    const reading: Reading = { path, files: new Map(), leftBytes: maxBytes };
    this.#readFolder(place, reading, '');
    return { kind: 'folder', files: new Map([...reading.files].sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  #readFolder(folder: string, reading: Reading, below: string): void {
    const { path, files } = reading;
    if (below.split('/').length > MAX_DEPTH)
      throw new UserError(`${path} has folders in folders without end`);
    for (const name of readdirSync(folder)) {
      // Git's own folder may hold credentials of the checkout.
      if (name === '.git') continue;
      const place = join(folder, name);
      const inFolder = `${below}${name}`;
      this.#checkInside(place, `${path} has a link that leaves the repository: ${inFolder}`);
      const found = lookAt(place);
      if (found === undefined) continue;
      if (found.isDirectory()) {
        this.#readFolder(place, reading, `${inFolder}/`);
        continue;
      }
      if (files.size >= MAX_FILES) throw new UserError(`${path} has more than ${MAX_FILES} files`, TOO_MUCH);
      const file = this.#read(place, path, found, reading.leftBytes);
      reading.leftBytes -= file.bytes.length;
      files.set(inFolder, file);
    }
  }

  #read(place: string, path: string, found: Stats, maxBytes: number): RepositoryFile {
    const { size, mode } = found;
    if (!found.isFile()) throw new UserError(`${path} is neither a file nor a folder`);
    if (size > maxBytes) throw new UserError(`${path} has too much in it`, TOO_MUCH);
    const name = relative(this.#tracked.root, realpathSync(place)).split(sep).join('/');
    return {
      bytes: readFileSync(place),
      isExecutable: (mode & 0o111) !== 0,
      isSecret: !this.#tracked.files.has(name),
    };
  }

  /** Both what is written, and where links lead. */
  #checkInside(place: string, message: string): void {
    const { root } = this.#tracked;
    const isInside = (one: string) => one === root || one.startsWith(`${root}${sep}`);
    const real = realPathOf(place);
    const isGits = (one: string) => relative(root, one).split(sep).includes('.git');
    if (!isInside(place) || (real !== undefined && !isInside(real))) {
      throw new UserError(message, { hint: 'Only files of the repository are delivered: copy it there.' });
    }
    if (isGits(place) || (real !== undefined && isGits(real))) {
      throw new UserError(`${place.slice(root.length + 1)} is git's own, and may hold credentials`);
    }
  }
}

const TOO_MUCH = {
  hint: 'Files are kept with each release, 1 MB in all for a service: put large ones into the image, or a volume.',
};

function lookAt(place: string): Stats | undefined {
  try {
    return statSync(place);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function realPathOf(place: string): string | undefined {
  try {
    return realpathSync(place);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(String((error as NodeJS.ErrnoException).code));
}
