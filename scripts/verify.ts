/**
 * Runs static checks and tests, and ends with one true line: `N passed, N failed`. A static check counts as one.
 *
 *   node scripts/verify.ts check unit lab e2e [--testNamePattern …]
 *   node scripts/verify.ts alone [--testPathPatterns …]
 *
 * Arguments that begin with a dash, and what follows the first of them, are handed to jest. `alone` runs every e2e
 * story in a process of its own: none needs what another one leaves.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { E2E_LAB, E2E_SERVERS } from '../test/e2e/fleet.ts';
import { buildWhenStale } from '../test/e2e/global-setup.ts';
import { type Lab, startLab } from '../test/lab/lab.ts';

/** How a part of the verification went. */
interface Tally {
  passed: number;
  failed: number;
  /** Of each failed test: what it is called and how it failed, as text. */
  failures?: string[];
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
  'workflow audit': ['scripts/audit-workflows.ts'],
};

/** The exit code of a check that has checked nothing and says why: a tool is not there. It counts neither way. */
const LEFT_OUT = 77;

const isFull = process.env.SWITCHYARD_FULL === '1';

/** A jest project. */
interface Suite {
  /** How long it may take: a test that hangs must not keep CI from saying so. */
  minutes: number;
  options: readonly string[];
  /** It may run beside this one, and then says what it has to say in the end. */
  beside?: string;
  /** What a file may take of these minutes, in seconds: one that takes more is named, so that `npm test` stays short. */
  share: number;
}

const SUITES: Record<string, Suite> = {
  // jest itself leaves a core alone, and with two that is every second one.
  unit: { minutes: 10, options: ['--coverage', '--maxWorkers=100%'], share: 20 },
  // Most of it waits. At full size it has the machine to itself, since it measures traffic under load.
  lab: { minutes: 20, options: isFull ? ['--runInBand'] : ['--maxWorkers=2'], share: 60, beside: 'unit' },
  // More than there are cores, since much of it waits: a file takes longer than by itself.
  e2e: { minutes: isFull ? 240 : 60, options: [`--maxWorkers=${isFull ? 3 : 6}`], share: 100 },
};

/** Files with a larger share than others, for what they alone can show. */
const SHARES: Record<string, number> = {
  'test/e2e/kill-matrix.test.ts': 150,
  'test/simulation/stories/kill-matrix.test.ts': 60,
};

/** What has e2e tests use the lab that is there. */
const ATTACHED = { SWITCHYARD_LAB: 'attach' };

/** runCheck runs one static check; what it printed is shown when it fails. */
async function runCheck(name: string, command: readonly string[]): Promise<Tally> {
  const { code, said } = await runNode(command, { minutes: 10, isQuiet: true });
  if (code === LEFT_OUT) {
    console.log(`- ${name}: ${said.trim()}`);
    return { passed: 0, failed: 0 };
  }
  console.log(`${code === 0 ? '✓' : '✗'} ${name}`);
  if (code !== 0) console.log(said);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * runSuite runs the tests of a jest project. A test file that cannot be loaded is one failure, and so is a run
 * that ends badly without naming a failed test: a crash, a time limit, a coverage below its threshold.
 */
async function runSuite(
  project: string,
  jestArguments: readonly string[],
  { isQuiet = false, isLabThere = false } = {},
): Promise<Tally> {
  const { minutes, options, share } = SUITES[project]!;
  const { code, said, results } = await runJest(
    project,
    // Of a selection, neither coverage nor tests in every project can be asked.
    jestArguments.length === 0 ? options : ['--runInBand', '--passWithNoTests', ...jestArguments],
    { minutes, isQuiet, ...(isLabThere && { env: ATTACHED }) },
  );
  if (isQuiet) console.log(said);
  const tally = results === undefined ? { passed: 0, failed: 0 } : tallyOf(results);
  if (results !== undefined && !isFull) nameSlowFiles(results, share);
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

/** What is read of jest's results. */
interface JestResults
  extends Record<
    'numPassedTests' | 'numFailedTests' | 'numRuntimeErrorTestSuites' | 'numPendingTests' | 'numTodoTests',
    number
  > {
  testResults: {
    name: string;
    startTime: number;
    endTime: number;
    /** How the file itself failed, with colours. */
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** runJest runs a jest project; there are no results when jest did not come to an end. */
async function runJest(
  project: string,
  options: readonly string[],
  run: { minutes: number; isQuiet: boolean; env?: Record<string, string> },
): Promise<{ code: number; said: string; results?: JestResults }> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-verify-'));
  const output = join(folder, 'results.json');
  const command = [
    ...['--experimental-vm-modules', '--no-warnings', tool('jest/bin/jest.js'), '--selectProjects', project],
    ...['--json', '--outputFile', output],
    ...options,
  ];
  const ended = await runNode(command, run);
  const results = existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as JestResults) : undefined;
  rmSync(folder, { recursive: true });
  return results === undefined ? ended : { ...ended, results };
}

/** tallyOf counts jest's results. A skipped test has not passed. */
function tallyOf(results: JestResults): Tally {
  const skipped = results.numPendingTests + results.numTodoTests;
  if (skipped > 0) console.log(`${skipped} skipped`);
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    failures: results.testResults.flatMap(failuresIn),
  };
}

/** Of a long message, what tells most: a log in front of it has scrolled by, and what keeps it may keep its end alone. */
const TOLD_LINES = 40;

/** failuresIn returns a text for each test of a file that failed, or for the file where it could not be loaded. */
function failuresIn({ name, message, assertionResults }: JestResults['testResults'][number]): string[] {
  const file = relative(root, name);
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  if (failed.length === 0 && message !== '' && assertionResults.length === 0) return [told(file, message)];
  return failed.map((test) => told(`${file}: ${test.fullName}`, test.failureMessages.join('\n')));
}

function told(title: string, message: string): string {
  const lines = stripVTControlCharacters(message).split('\n');
  return [title, ...lines.slice(0, TOLD_LINES).map((line) => `    ${line}`)].join('\n');
}

/** nameSlowFiles names the files that took more than their share, the slowest first. */
function nameSlowFiles({ testResults }: JestResults, share: number): void {
  const files = testResults.map(({ name, startTime, endTime }) => {
    const file = relative(root, name);
    return { file, seconds: (endTime - startTime) / 1000, share: SHARES[file] ?? share };
  });
  const slow = files.filter((file) => file.seconds > file.share);
  for (const { file, seconds, share: own } of slow.sort((one, other) => other.seconds - one.seconds)) {
    console.log(`${file} took ${seconds.toFixed(0)} s, more than its share of ${own} s`);
  }
}

function startE2eLab(): Promise<Lab> {
  return startLab({ name: E2E_LAB, servers: E2E_SERVERS, log: console.log });
}

/**
 * runAlone runs every e2e story by itself, on one lab: those of different files side by side, since the stories of
 * a file share a project. It takes several times as long as the stories together.
 */
async function runAlone(jestArguments: readonly string[]): Promise<Tally> {
  const lab = await startE2eLab();
  const env = ATTACHED;
  try {
    const listing = ['--testNamePattern', '^no story is called so$', ...jestArguments];
    const { said, results } = await runJest('e2e', listing, { minutes: 5, isQuiet: true, env });
    if (results === undefined) throw new Error(`the stories cannot be listed:\n${said}`);
    const files = [...results.testResults];
    const tally = { passed: 0, failed: 0 };
    const work = async () => {
      for (let file = files.shift(); file !== undefined; file = files.shift()) {
        for (const { fullName } of file.assertionResults) {
          const pattern = `^${fullName.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
          const options = ['--runInBand', '--runTestsByPath', file.name, '--testNamePattern', pattern];
          const run = await runJest('e2e', options, { minutes: 15, isQuiet: true, env });
          const isPassed = run.code === 0 && run.results?.numPassedTests === 1;
          tally[isPassed ? 'passed' : 'failed'] += 1;
          console.log(`${isPassed ? '✓' : '✗'} ${relative(root, file.name)}: ${fullName}`);
          if (!isPassed) console.log(run.said);
        }
      }
    };
    await Promise.all([work(), work(), work()]);
    return tally;
  } finally {
    await lab.down();
  }
}

/** runNode runs a program under this Node, without standard input, and ends it when it takes too long. */
function runNode(
  args: readonly string[],
  { minutes, isQuiet, env }: { minutes: number; isQuiet: boolean; env?: Record<string, string> },
): Promise<{ code: number; said: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; said: string }>();
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
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
  if (part !== 'check' && part !== 'alone' && !(part in SUITES)) throw new Error(`There is no part ${part}`);
}

const tallies: Tally[] = [];
if (parts.has('check')) {
  for (const [name, command] of Object.entries(CHECKS)) tallies.push(await runCheck(name, command));
}
const suites = Object.keys(SUITES).filter((suite) => parts.has(suite));
const isSideBySide = !isFull && jestArguments.length === 0;
const companions = suites.filter((suite) => isSideBySide && parts.has(SUITES[suite]!.beside ?? ''));
const accompanying = companions.map((suite) => runSuite(suite, jestArguments, { isQuiet: true }));
let e2eLab: Promise<Lab> | undefined;
try {
  for (const suite of suites.filter((one) => !companions.includes(one))) {
    tallies.push(await runSuite(suite, jestArguments, { isLabThere: e2eLab !== undefined }));
    if (accompanying.length === 0) continue;
    // The tests of the lab and of e2e are more than a machine can carry at once, but what is left of the former mostly waits:
    // what the latter need is made ready meanwhile.
    if (suites.includes('e2e')) e2eLab = startE2eLab();
    const ended = Promise.all(accompanying.splice(0));
    await Promise.all([ended, e2eLab, e2eLab && buildWhenStale()]);
    tallies.push(...(await ended));
  }
} finally {
  await e2eLab?.then(
    (lab) => lab.down(),
    () => undefined,
  );
}
if (parts.has('alone')) tallies.push(await runAlone(jestArguments));
const sum = (key: 'passed' | 'failed'): number => tallies.reduce((total, tally) => total + tally[key], 0);
for (const failure of tallies.flatMap(({ failures = [] }) => failures)) console.log(`\n✗ ${failure}`);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
// Nothing passed: nothing was tried.
if (sum('failed') > 0 || sum('passed') === 0) process.exitCode = 1;
