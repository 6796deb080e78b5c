import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { UserError } from '../model/errors.ts';
import type { RepositoryEntry, RepositoryFile, RepositoryFiles } from '../model/repository-files.ts';
import { quietEnvironment } from './environment.ts';
import { runGit } from './run-git.ts';

/** So many files of one folder are read, and so deep: more is no configuration, and links may lead in circles. */
const MAX_FILES = 1_000;
const MAX_DEPTH = 32;

/**
 * openWorkTree returns the files of the repository that `folder` lies in, by paths from there. Where git knows nothing of
 * it, all files count as secret. It throws a UserError when git is missing.
 */
export async function openWorkTree(folder: string, env: NodeJS.ProcessEnv): Promise<RepositoryFiles> {
  const quiet = quietEnvironment(env);
  const git = (...args: string[]) => runGit(args, { cwd: folder, env: quiet });
  const list = ['ls-files', '-z', '--full-name'];
  const [top, tracked, changed] = await Promise.all([
    git('rev-parse', '--show-toplevel'),
    git(...list, '--recurse-submodules', ':/'),
    git(...list, '--modified', ':/'),
  ]);
  const namesOf = ({ stdout }: { stdout: Buffer }) => stdout.toString().split('\0');
  const known = new Set(namesOf(tracked));
  for (const name of namesOf(changed)) known.delete(name);
  const root = top.stdout.toString().replace(/\n$/, '') || folder;
  return new WorkTree(folder, realpathSync(root), known);
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
  readonly #root: string;
  /** Paths from the root of what git has as it is. */
  readonly #known: ReadonlySet<string>;

  constructor(folder: string, root: string, known: ReadonlySet<string>) {
    this.#folder = realpathSync(folder);
    this.#root = root;
    this.#known = known;
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
    const name = relative(this.#root, realpathSync(place)).split(sep).join('/');
    return {
      bytes: readFileSync(place),
      isExecutable: (mode & 0o111) !== 0,
      isSecret: !this.#known.has(name),
    };
  }

  /** Both what is written, and where links lead. */
  #checkInside(place: string, message: string): void {
    const isInside = (one: string) => one === this.#root || one.startsWith(`${this.#root}${sep}`);
    const real = realPathOf(place);
    const isGits = (one: string) => relative(this.#root, one).split(sep).includes('.git');
    if (!isInside(place) || (real !== undefined && !isInside(real))) {
      throw new UserError(message, { hint: 'Only files of the repository are delivered: copy it there.' });
    }
    if (isGits(place) || (real !== undefined && isGits(real))) {
      throw new UserError(`${place.slice(this.#root.length + 1)} is git's own, and may hold credentials`);
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
