import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { docker, dockerList, run } from './command.ts';
import { withMachineLock } from './machine-lock.ts';
import { type BaseImage, leftOut, type Recipe, recipes, type SystemName, systems } from './recipes.ts';

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
 * names. What takes time are the Debian systems that they stand on, of which several images share one: 20 to 60 s each,
 * side by side, and packages that are fetched. Throws with the last lines of the tool that failed.
 */
export async function buildImages(names: BaseImage[], log: Log): Promise<ImageCache> {
  const wanted = names.map((name) => ({
    name,
    tag: `switchyard-lab/${name.replace(':', '-')}:${recipeHash(recipes[name])}`,
  }));
  const tags: ImageCache = Object.fromEntries(wanted.map(({ name, tag }) => [name, tag]));
  if ((await missing(wanted.map(({ tag }) => tag))).length === 0) return tags;
  await withMachineLock('images', log, async () => {
    const absent = new Set(await missing(wanted.map(({ tag }) => tag)));
    const images = wanted.filter(({ tag }) => absent.has(tag));
    const queue = [...new Set(images.map(({ name }) => recipes[name].system))];
    log(`Making ${queue.length} Debian systems for ${images.length} images, once: ${queue.join(', ')}`);
    // Building waits for the network half of the time, so one more than a small machine's two cores pays.
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (let system = queue.shift(); system; system = queue.shift()) {
          const started = performance.now();
          const base = await makeSystem(system, log);
          const own = images.filter(({ name }) => recipes[name].system === system);
          for (const { name, tag } of own) await finishImage(recipes[name], base, tag);
          const seconds = ((performance.now() - started) / 1000).toFixed(0);
          log(`  ${system}: done after ${seconds} s, for ${own.map(({ name }) => name).join(', ')}`);
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

async function finishImage(recipe: Recipe, base: string, tag: string): Promise<void> {
  const flags = ['--quiet', '--label', 'switchyard.lab.cache=image', '--tag', tag];
  if ('folder' in recipe.finish) {
    const { folder, args = {} } = recipe.finish;
    const given = Object.entries({ BASE: base, ...args }).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]);
    await docker(['build', ...flags, ...given, join(here, folder)]);
  } else {
    const dockerfile = [`FROM ${base}`, ...recipe.finish.lines].join('\n');
    await docker(['build', ...flags, '-'], { input: dockerfile });
  }
}

/** makeSystem returns the cached image of a Debian system; where there is none, it makes one and tells how far it is. */
async function makeSystem(name: SystemName, log: Log): Promise<string> {
  const tag = `switchyard-lab/system-${name}:${hash([JSON.stringify(systems[name]), JSON.stringify(leftOut)])}`;
  if ((await missing([tag])).length === 0) return tag;
  await importDebian(name, tag, (stage) => log(`  ${name}: ${stage}`));
  return tag;
}

/** The stages of mmdebstrap that take long, by how it announces them, in the words of the lab. */
const STAGES: [RegExp, string][] = [
  [/^I: downloading packages/m, 'fetches its packages'],
  [/^I: extracting archives/m, 'unpacks them'],
  [/^I: installing remaining packages/m, 'sets them up'],
];

/** importDebian pipes a fresh Debian system straight into the engine, under the name `tag`. */
async function importDebian(name: SystemName, tag: string, tell: (stage: string) => void): Promise<void> {
  const { suite, packages, files = {} } = systems[name];
  const given = mkdtempSync(join(tmpdir(), 'switchyard-lab-system-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(given, path)), { recursive: true });
    writeFileSync(join(given, path), content);
  }
  const bootstrap = spawn(
    'mmdebstrap',
    [
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      // The testing suite's index is past its date between two publications.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      // A system that is cut off is made anew: nothing has to be safe on the disk in between.
      '--dpkgopt=force-unsafe-io',
      ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
      `--essential-hook=cp --recursive "$LAB_FILES/." "$1"`,
      suite,
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LAB_FILES: given } },
  );
  bootstrap.stderr.on('data', (chunk: Buffer) => {
    for (const [announced, stage] of STAGES) if (announced.test(String(chunk))) tell(stage);
  });
  const label = ['--change', 'LABEL switchyard.lab.cache=image'];
  const load = spawn('docker', ['import', ...label, '-', tag], { stdio: 'pipe' });
  bootstrap.stdout.pipe(load.stdin);
  // An import that fails early is judged by its exit code, not by the broken pipe.
  load.stdin.on('error', () => bootstrap.kill());
  load.stdout.resume();
  const [made, loaded] = await Promise.all([finished(bootstrap), finished(load)]);
  rmSync(given, { recursive: true });
  if (made.code !== 0) {
    if (loaded.code === 0) await run(['docker', 'image', 'rm', tag]);
    throw new Error(`mmdebstrap could not make ${suite} (${packages}):\n${made.stderr}`);
  }
  if (loaded.code !== 0) throw new Error(`docker import failed:\n${loaded.stderr}`);
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
  return hash([
    JSON.stringify(recipe),
    JSON.stringify(systems[recipe.system]),
    JSON.stringify(leftOut),
    ...files,
  ]);
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
