import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ncc, { type StatsModule } from '@vercel/ncc';
import { ACTIONS } from '../src/actions/catalogue.ts';
import { licences } from './licences.ts';
import { withoutComments } from './without-comments.ts';

const root = join(import.meta.dirname, '..');

/** Parts of packages that belong to one system. ssh2 does without them, and they would differ by machine. */
const NATIVE = ['ssh2/lib/protocol/crypto/build', 'ssh2/util/pagent.exe'];

/**
 * bundle returns the files of dist/ by name: one bundle, and a one-line entry an action. The same sources and
 * packages give the same bytes on every machine.
 *
 * tsc emits ES modules, and ncc makes CommonJS of them: bundled as ES modules, ssh2 fails at load.
 */
export async function bundle(): Promise<Map<string, string>> {
  mkdirSync(join(root, 'build'), { recursive: true });
  const stage = mkdtempSync(join(root, 'build', 'bundle-'));
  try {
    emit(stage);
    stagePackages(stage);
    const { code, assets, modules } = await runNcc(stage);
    const files = new Map([['index.js', withoutComments(code)]]);
    for (const [name, content] of Object.entries(assets)) {
      if (!name.endsWith('.js')) throw new Error(`${name} cannot be part of dist/: it is not JavaScript`);
      files.set(name, withoutComments(content));
    }
    for (const name of Object.keys(ACTIONS))
      files.set(`${name}.js`, `require('./index.js').run('${name}');\n`);
    files.set('post.js', "require('./index.js').post();\n");
    files.set('licenses.txt', licences(modules));
    files.set('package.json', '{ "type": "commonjs" }\n');
    return files;
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function emit(stage: string): void {
  const args = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', stage];
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error('tsc failed');
  // Without a type of its own the folder would be read as ES modules, and ncc would emit them.
  writeFileSync(join(stage, 'package.json'), '{}\n');
  // ncc looks for one, and stumbles over having found none.
  writeFileSync(join(stage, 'tsconfig.json'), '{}\n');
}

/** stagePackages puts ssh2 without its native parts where it is found first, and node-ssh, which asks for it. */
function stagePackages(stage: string): void {
  for (const name of ['ssh2', 'node-ssh']) {
    cpSync(join(root, 'node_modules', name), join(stage, 'node_modules', name), {
      recursive: true,
      filter: (path) => !NATIVE.some((part) => path.endsWith(`node_modules/${part}`)),
    });
  }
}

/** runNcc bundles from within `stage`: the names of modules inside the bundle follow from paths seen from there. */
async function runNcc(stage: string) {
  const before = process.cwd();
  process.chdir(stage);
  try {
    const { code, assets, stats } = await ncc(join(stage, 'actions', 'main.js'), {
      cache: false,
      target: 'es2024',
      externals: ['cpu-features', '/\\.node$/'],
      quiet: true,
    });
    const texts = Object.entries(assets).map(([name, { source }]) => [name, String(source)] as const);
    return { code, assets: Object.fromEntries(texts), modules: filesOf(stats.toJson().modules ?? []) };
  } finally {
    process.chdir(before);
  }
}

/** filesOf returns the files that modules come from; a module that was merged of several holds those. */
function filesOf(modules: readonly StatsModule[]): string[] {
  return modules.flatMap((module) => [module.nameForCondition ?? [], filesOf(module.modules ?? [])].flat());
}
