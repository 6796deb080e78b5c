/**
 * Runs static checks and tests, and ends with one true line: `N passed, N failed`. A static check counts as one.
 *
 *   node scripts/verify.ts check unit lab e2e [--testNamePattern …]
 *
 * Arguments that begin with a dash, and what follows the first of them, are handed to jest.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a part of the verification went. */
interface Tally {
  passed: number;
  failed: number;
}

const root = join(import.meta.dirname, '..');
const tool = (path: string): string => join(root, 'node_modules', path);

/** Each is a Node program that says nothing, or little, when all is well. */
const CHECKS: Record<string, readonly string[]> = {
  types: [tool('typescript/bin/tsc'), '--noEmit', '-p', '.'],
  'lint and format': [tool('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off'],
  'dead code': [tool('knip/bin/knip.js'), '--no-progress'],
  'import table': [
    tool('dependency-cruiser/bin/dependency-cruise.mjs'),
    'src',
    '--config',
    '.dependency-cruiser.mjs',
  ],
  'generated files': ['scripts/generate.ts', '--check'],
  'built files': ['scripts/check-dist.mjs'],
};

const isFull = process.env.SWITCHYARD_FULL === '1';

/** The jest projects, and how long each may take: a test that hangs must not keep CI from saying so. */
const SUITES: Record<string, { minutes: number; options: readonly string[] }> = {
  // jest itself leaves a core alone, and with two that is every second one.
  unit: { minutes: 10, options: ['--coverage', '--maxWorkers=100%'] },
  // It has the machine to itself: what it measures is traffic under load.
  lab: { minutes: 20, options: ['--runInBand'] },
  // More than there are cores: most of them wait for drains. A test that breaks servers has a lab of its own.
  e2e: { minutes: isFull ? 240 : 60, options: [`--maxWorkers=${isFull ? 3 : 4}`] },
};

/** runCheck runs one static check; what it printed is shown when it fails. */
async function runCheck(name: string, command: readonly string[]): Promise<Tally> {
  const { code, said } = await runNode(command, { minutes: 10, isQuiet: true });
  console.log(`${code === 0 ? '✓' : '✗'} ${name}`);
  if (code !== 0) console.log(said);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * runSuite runs the tests of a jest project. A test file that cannot be loaded is one failure, and so is a run
 * that ends badly without naming a failed test: a crash, a time limit, a coverage below its threshold.
 */
async function runSuite(project: string, jestArguments: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-verify-'));
  const output = join(folder, 'results.json');
  const { minutes, options } = SUITES[project]!;
  const command = [
    ...['--experimental-vm-modules', '--no-warnings', tool('jest/bin/jest.js'), '--selectProjects', project],
    ...['--json', '--outputFile', output],
    // Of a selection, neither coverage nor tests in every project can be asked.
    ...(jestArguments.length === 0 ? options : ['--runInBand', '--passWithNoTests', ...jestArguments]),
  ];
  const { code } = await runNode(command, { minutes, isQuiet: false });
  const tally = existsSync(output) ? tallyOf(readFileSync(output, 'utf8')) : { passed: 0, failed: 0 };
  rmSync(folder, { recursive: true });
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

/** tallyOf reads jest's results. A skipped test has not passed. */
function tallyOf(json: string): Tally {
  const results = JSON.parse(json) as Record<
    'numPassedTests' | 'numFailedTests' | 'numRuntimeErrorTestSuites' | 'numPendingTests' | 'numTodoTests',
    number
  >;
  const skipped = results.numPendingTests + results.numTodoTests;
  if (skipped > 0) console.log(`${skipped} skipped`);
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
  };
}

/** runNode runs a program under this Node, without standard input, and ends it when it takes too long. */
function runNode(
  args: readonly string[],
  { minutes, isQuiet }: { minutes: number; isQuiet: boolean },
): Promise<{ code: number; said: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; said: string }>();
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', isQuiet ? 'pipe' : 'inherit', isQuiet ? 'pipe' : 'inherit'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk));
  const limit = setTimeout(() => {
    console.error(`Not over after ${minutes} minutes: ended.`);
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  }, minutes * 60_000);
  child.on('error', reject);
  child.on('close', (code) => {
    clearTimeout(limit);
    resolve({ code: code ?? 1, said });
  });
  return promise;
}

const dash = process.argv.findIndex((argument, i) => i > 1 && argument.startsWith('-'));
const end = dash < 0 ? process.argv.length : dash;
const parts = new Set(process.argv.slice(2, end));
const jestArguments = process.argv.slice(end);
for (const part of parts) {
  if (part !== 'check' && !(part in SUITES)) throw new Error(`There is no part ${part}`);
}

const tallies: Tally[] = [];
if (parts.has('check')) {
  for (const [name, command] of Object.entries(CHECKS)) tallies.push(await runCheck(name, command));
}
for (const suite of Object.keys(SUITES)) {
  if (parts.has(suite)) tallies.push(await runSuite(suite, jestArguments));
}
const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
// Nothing passed: nothing was tried.
if (sum('failed') > 0 || sum('passed') === 0) process.exitCode = 1;
