import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, dockerList, run } from './command.ts';
import { withMachineLock } from './machine-lock.ts';
import { type BaseImage, leftOut, type Recipe, recipes } from './recipes.ts';

const here = import.meta.dirname;
const repository = join(here, '..', '..');

/** Where the source of the app that the lab deploys lies, and the package it needs. */
const app = join(here, 'apps', 'web');
const appPackage = join(repository, 'node_modules', 'ws');

/** How the lab tells what it is doing: one line of text at a time. */
export type Log = (line: string) => void;

/** The name of every cached image, by what it is; a name ends in the hash of what the image was made of. */
export type ImageCache = Record<string, string>;

/**
 * buildImages makes the base images asked for, as far as the cache on this machine lacks them, and returns their
 * names. A first build takes 20 to 40 s an image and fetches Debian packages. Throws with the last lines of the
 * tool that failed.
 */
export async function buildImages(names: BaseImage[], log: Log): Promise<ImageCache> {
  const wanted = names.map((name) => ({ name, tag: `switchyard-lab/${name}:${recipeHash(recipes[name])}` }));
  const tags: ImageCache = Object.fromEntries(wanted.map(({ name, tag }) => [name, tag]));
  if ((await missing(wanted.map(({ tag }) => tag))).length === 0) return tags;
  await withMachineLock('images', log, async () => {
    const absent = new Set(await missing(wanted.map(({ tag }) => tag)));
    const queue = wanted.filter(({ tag }) => absent.has(tag));
    log(`Building ${queue.length} images from Debian packages, once: ${queue.map((i) => i.name).join(', ')}`);
    // Building waits for the network half of the time, so one more than a small machine's two cores pays.
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (let item = queue.shift(); item; item = queue.shift()) {
          const started = performance.now();
          await buildBase(recipes[item.name], item.tag);
          log(`  ${item.name} built in ${((performance.now() - started) / 1000).toFixed(0)} s`);
        }
      }),
    );
  });
  return tags;
}

/**
 * buildApp makes the image of the lab's web app on top of the given node image, unless it is cached; returns its
 * name. Throws when the app's source or its package is missing.
 */
export async function buildApp(nodeImage: string, log: Log): Promise<string> {
  const tag = `switchyard-lab/web:${hash([nodeImage, ...folderContent(app), ...folderContent(appPackage)])}`;
  if ((await missing([tag])).length === 0) return tag;
  await withMachineLock('app', log, async () => {
    const context = mkdtempSync(join(tmpdir(), 'switchyard-lab-app-'));
    try {
      cpSync(app, join(context, 'app'), { recursive: true });
      mkdirSync(join(context, 'app', 'node_modules'), { recursive: true });
      cpSync(appPackage, join(context, 'app', 'node_modules', 'ws'), { recursive: true });
      const lines = [`FROM ${nodeImage}`, 'COPY app /app', 'WORKDIR /app', 'CMD ["node", "/app/server.mjs"]'];
      writeFileSync(join(context, 'Dockerfile'), lines.join('\n'));
      await docker(['build', '--quiet', '--label', 'switchyard.lab.cache=image', '--tag', tag, context]);
    } finally {
      rmSync(context, { recursive: true });
    }
  });
  return tag;
}

/**
 * buildVariant makes an image that differs from its base only by environment variables, unless it is cached;
 * returns its name. Takes about a quarter of a second.
 */
export async function buildVariant(base: string, env: Record<string, string>): Promise<string> {
  const entries = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  const tag = `switchyard-lab/variant:${hash([base, JSON.stringify(entries)])}`;
  if ((await missing([tag])).length === 0) return tag;
  const lines = entries.map(([key, value]) => `ENV ${key}="${value.replace(/[\\"$]/g, '\\$&')}"`);
  await docker(['build', '--quiet', '--label', 'switchyard.lab.cache=image', '--tag', tag, '-'], {
    input: [`FROM ${base}`, ...lines].join('\n'),
  });
  return tag;
}

/** cachedImages returns the cached images of this machine, one line of text each: name and size. */
export function cachedImages(): Promise<string[]> {
  return dockerList([
    'image',
    'ls',
    '--filter',
    'label=switchyard.lab.cache',
    '--format',
    '{{.Repository}}:{{.Tag}}\t{{.Size}}',
  ]);
}

/** contentId returns the part of a cached image's name that stands for its content. */
export function contentId(tag: string): string {
  return tag.split(':').at(-1) ?? tag;
}

async function missing(tags: string[]): Promise<string[]> {
  const present = await dockerList([
    'image',
    'ls',
    '--filter',
    'reference=switchyard-lab/*',
    '--format',
    '{{.Repository}}:{{.Tag}}',
  ]);
  return tags.filter((tag) => !present.includes(tag));
}

async function buildBase(recipe: Recipe, tag: string): Promise<void> {
  const base = await importDebian(recipe);
  const flags = ['--quiet', '--label', 'switchyard.lab.cache=image', '--tag', tag];
  if ('folder' in recipe.finish) {
    await docker(['build', ...flags, '--build-arg', `BASE=${base}`, join(here, recipe.finish.folder)]);
  } else {
    const dockerfile = [`FROM ${base}`, ...recipe.finish.lines].join('\n');
    await docker(['build', ...flags, '-'], { input: dockerfile });
  }
}

/** importDebian pipes a fresh Debian system straight into the engine; returns the image's id. */
async function importDebian(recipe: Recipe): Promise<string> {
  const bootstrap = spawn(
    'mmdebstrap',
    [
      '--variant=minbase',
      '--quiet',
      `--include=${recipe.packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      // The testing suite's index is past its date between two publications.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
      recipe.suite,
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const load = spawn('docker', ['import', '-'], { stdio: 'pipe' });
  bootstrap.stdout.pipe(load.stdin);
  // An import that fails early is judged by its exit code, not by the broken pipe.
  load.stdin.on('error', () => bootstrap.kill());
  let id = '';
  load.stdout.on('data', (chunk: Buffer) => (id += chunk));
  const [made, loaded] = await Promise.all([finished(bootstrap), finished(load)]);
  id = id.trim();
  if (made.code !== 0) {
    if (loaded.code === 0) await run(['docker', 'image', 'rm', id]);
    throw new Error(`mmdebstrap could not make ${recipe.suite} (${recipe.packages}):\n${made.stderr}`);
  }
  if (loaded.code !== 0) throw new Error(`docker import failed:\n${loaded.stderr}`);
  return id;
}

function finished(child: ChildProcess): Promise<{ stderr: string; code: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ stderr: string; code: number }>();
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk).slice(-2000)));
  child.on('error', (error) =>
    reject(new Error(`${child.spawnfile} is missing: run node scripts/setup.mjs --engine`, { cause: error })),
  );
  child.on('close', (code) => resolve({ stderr, code: code ?? 1 }));
  return promise;
}

function recipeHash(recipe: Recipe): string {
  const files = 'folder' in recipe.finish ? folderContent(join(here, recipe.finish.folder)) : [];
  return hash([JSON.stringify(recipe), JSON.stringify(leftOut), ...files]);
}

function hash(parts: Array<string | Buffer>): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex').slice(0, 12);
}

function folderContent(folder: string): Array<string | Buffer> {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((path) => [path.slice(folder.length), readFileSync(path)]);
}
