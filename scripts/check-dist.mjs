// Fails when dist/ is not what the sources give, byte for byte, or when an entry of it does not run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACTIONS } from '../src/actions/catalogue.ts';
import { bundle } from './bundle.ts';

const dist = join(import.meta.dirname, '..', 'dist');
/** What each run loads, and what only some load, weighs so much and little more: a package that comes along unnoticed shall be noticed. */
const MAX_BYTES = { loaded: 3_500_000, asked: 1_000_000 };

const problems = [];
if (process.versions.node.split('.')[0] !== '24') {
  problems.push(`this is Node ${process.versions.node}, and the actions run on Node 24`);
}
problems.push(...differences(await bundle()), ...weight(), ...Object.keys(ACTIONS).flatMap(trial));
for (const problem of problems) console.error(`dist: ${problem}`);
if (problems.length > 0) process.exitCode = 1;

/** differences names the files that are missing, too many or not as they would be built now. */
function differences(built) {
  const found = new Set(readdirSync(dist));
  const stale = [...built].filter(
    ([name, content]) => !found.has(name) || !readFileSync(join(dist, name)).equals(Buffer.from(content)),
  );
  return [
    ...stale.map(([name]) => `${name} is stale: run npm run build`),
    ...[...found].filter((name) => !built.has(name)).map((name) => `${name} does not belong there`),
  ];
}

function weight() {
  const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
  const isAsked = (name) => /^\d+\.index\.js$/.test(name);
  return [
    ...heavier(
      scripts.filter((name) => !isAsked(name)),
      MAX_BYTES.loaded,
    ),
    ...heavier(scripts.filter(isAsked), MAX_BYTES.asked),
  ];
}

function heavier(scripts, most) {
  const bytes = scripts.reduce((sum, name) => sum + readFileSync(join(dist, name)).length, 0);
  return bytes <= most ? [] : [`${bytes} bytes of JavaScript are more than ${most}: ${scripts.join(', ')}`];
}

/**
 * trial runs an entry as a workflow does that gives no inputs: it must load, in a folder with no packages near,
 * and say what is missing. A bundle can be built without an error and yet not load.
 */
function trial(name) {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-dist-'));
  const options = { cwd: folder, env: { PATH: process.env.PATH }, encoding: 'utf8', timeout: 30_000 };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, `${name}.js`)], options);
  rmSync(folder, { recursive: true });
  const said = `${stdout}${stderr}`;
  const isUserError = /^::error title=Switchyard::input environment is required/m.test(said);
  const hasStack = /^\s+at .+:\d+:\d+\)?$|%0A\s+at /m.test(said);
  if (status === 1 && isUserError && !hasStack) return [];
  return [`${name}.js without inputs does not name the missing one (exit code ${status}):\n${said}`];
}
