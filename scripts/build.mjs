// Builds dist/: one CommonJS bundle and a one-line entry an action. tsc emits ES modules into build/, ncc bundles
// them: bundled as ES modules, ssh2 fails at load.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Runs a tool of node_modules/.bin and ends the build when it fails. */
function run(command, ...args) {
  const { status } = spawnSync(process.execPath, [`node_modules/${command}`, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync('build', { recursive: true, force: true });
rmSync('dist', { recursive: true, force: true });
run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
// Without a type of its own the folder would be read as ES modules, and ncc would emit them.
writeFileSync('build/package.json', '{}\n');
run(
  '@vercel/ncc/dist/ncc/cli.js', 'build', 'build/actions/main.js', '-o', 'dist', '--no-cache', '--target', 'es2024',
  '--license', 'licenses.txt', '--external', 'cpu-features', '--quiet',
);
mkdirSync('dist', { recursive: true });
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
const catalogue = readFileSync('build/actions/catalogue.js', 'utf8');
writeFileSync('build/catalogue.mjs', catalogue);
const { ACTIONS } = await import('../build/catalogue.mjs');
for (const name of Object.keys(ACTIONS)) {
  writeFileSync(`dist/${name}.js`, `require('./index.js').run('${name}');\n`);
}
