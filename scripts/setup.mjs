#!/usr/bin/env node
/**
 * Prepares a machine for work on Switchyard. Plain JavaScript without packages, because it is what installs them.
 *
 *   node scripts/setup.mjs            the npm packages of package-lock.json
 *   node scripts/setup.mjs --engine   also a running Docker engine and the tools of the lab (root, Debian or Ubuntu)
 *   node scripts/setup.mjs --tests    also what only tests and the benchmark need
 *
 * It may be run at any time: what is there already is left alone.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const socket = '/var/run/docker.sock';
const pidFile = '/var/run/docker.pid';
const engineLog = '/var/log/dockerd.log';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A reason to stop that the reader can do something about: shown without a stack. */
class SetupError extends Error {}

async function main() {
  const given = process.argv.slice(2);
  const unknown = given.filter((argument) => !['--engine', '--tests'].includes(argument));
  if (unknown.length > 0)
    throw new SetupError(`Unknown: ${unknown.join(' ')}. The options are --engine and --tests.`);
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`Node ${process.versions.node} is too old: Node 20 or newer is needed.`);
  }
  // Neither needs the other, and both wait for the network most of the time.
  const isForTests = given.includes('--tests');
  await together([installNpmPackages(), given.length > 0 && prepareLab(isForTests)]);
}

/** together waits for all of some work, and then throws what the first of them has failed with. */
async function together(work) {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}

/** installNpmPackages runs `npm ci`, unless node_modules holds what package-lock.json names. */
async function installNpmPackages() {
  const stamp = join(root, 'node_modules', '.switchyard-setup');
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  if (read(stamp) === wanted) return;
  if (!isInstalled(JSON.parse(lock.toString()))) {
    console.log('Installing the npm packages of package-lock.json');
    const strict = await npm(['ci']);
    // Where a registry lacks optional packages for other platforms, no lock file can name them, and `npm ci`
    // refuses such a file. `npm install --no-save` installs the same locked versions and changes no file.
    const isRefused = /Missing: .* from lock file/.test(strict.said);
    const result = isRefused ? await npm(['install', '--no-save']) : strict;
    if (result.status !== 0) throw new SetupError(`npm failed:\n${result.said}`);
  }
  writeFileSync(stamp, wanted);
}

/** npm runs npm in the repository; returns its exit code and the errors it printed, without its usage text. */
async function npm(args) {
  const result = await execute('npm', [...args, '--no-audit', '--no-fund'], { cwd: root });
  return { status: result.status, said: result.stderr.split('\nnpm error Usage:')[0] };
}

/** isInstalled compares with npm's own record of node_modules, so that a fresh `npm install` is not repeated. */
function isInstalled(lock) {
  const record = read(join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined) return false;
  const installed = JSON.parse(record).packages;
  const isOptional = (entry) => entry.optional || entry.devOptional || entry.peer;
  return Object.entries(lock.packages).every(
    ([path, entry]) =>
      path === '' || (installed[path] ? installed[path].version === entry.version : isOptional(entry)),
  );
}

/** prepareLab installs what the lab, or its tests too, need and is missing, and starts an engine if none answers. */
async function prepareLab(isForTests) {
  const state = await engineState();
  if (state === 'forbidden') {
    throw new SetupError(
      `A Docker engine is there, but ${socket} is closed to this user: run as root, or join the group docker.`,
    );
  }
  const packages = missingPackages(state === 'answers', isForTests);
  if (packages.length > 0) await installDebianPackages(packages);
  // Installing the engine may have started it.
  if (state !== 'answers' && (await engineState()) !== 'answers') await startEngine();
}

/** missingPackages returns the Debian packages whose programs are not on this machine. */
function missingPackages(engineAnswers, isForTests) {
  // By the names of their programs: what lab and demo start, what an engine is where none answers, what only tests start.
  const { lab, engine, tests } = JSON.parse(readFileSync(join(root, 'scripts', 'debian-packages.json')));
  const programs = {
    ...lab,
    ...(isForTests && tests),
    ...(!engineAnswers && engine),
    docker: hasOwnClientPackage() ? 'docker-cli' : 'docker.io',
  };
  const missing = Object.entries(programs).filter(([program]) => !isProgram(program));
  const packages = missing.map(([, name]) => name);
  // Ubuntu does not bring the keys of the Debian archive along.
  if (!existsSync(keyring)) packages.push('debian-archive-keyring');
  return [...new Set(packages)];
}

/** hasOwnClientPackage: Debian split the docker program off docker.io after Debian 12. */
function hasOwnClientPackage() {
  const { ID: id, VERSION_ID: version } = systemRelease();
  return id === 'debian' && (version === undefined || Number(version) >= 13);
}

async function installDebianPackages(packages) {
  const { ID: id, ID_LIKE: like = '', PRETTY_NAME: name = process.platform } = systemRelease();
  if (![id, ...like.split(' ')].includes('debian')) {
    throw new SetupError(
      `This machine (${name}) is neither Debian nor Ubuntu. Install by hand what these packages hold, start the ` +
        `Docker engine, and run this again: ${packages.join(' ')}`,
    );
  }
  requireRoot(`install ${packages.join(' ')}`);
  console.log(`Installing the packages of the lab: ${packages.join(' ')}`);
  // A machine that has just booted often updates itself first.
  const patiently = ['-qq', '-o', 'DPkg::Lock::Timeout=180'];
  await apt(['update', ...patiently]);
  await apt(['install', '--yes', '--no-install-recommends', ...patiently, ...packages]);
}

async function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
  const result = await execute('apt-get', args, { env });
  if (result.status === 0) return;
  const said = lastLines(`${result.stdout}${result.stderr}`, 15);
  throw new SetupError(`apt-get ${args[0]} failed (exit code ${result.status}):\n${said}`);
}

/** execute runs a program without input; returns its exit code and what it printed. Throws when it cannot be started. */
function execute(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (text) => {
        said[stream] += text;
      });
    }
    child.on('error', (error) => reject(new SetupError(`${program} cannot be started: ${error.message}`)));
    child.on('close', (status) => resolve({ status, ...said }));
  });
}

/** startEngine starts the engine by the service manager if one runs, else by hand; returns when it answers. */
async function startEngine() {
  requireRoot('start the Docker engine');
  if (existsSync('/run/systemd/system')) {
    console.log('Starting the Docker engine (systemctl start docker)');
    const started = spawnSync('systemctl', ['start', 'docker'], { encoding: 'utf8' });
    if (started.status !== 0) {
      throw new SetupError(`systemctl start docker failed: ${started.stderr}See journalctl --unit docker.`);
    }
    await awaitEngine(() => true);
    return;
  }
  if (isStale(pidFile)) rmSync(pidFile);
  if (existsSync(pidFile)) {
    console.log('The Docker engine is about to start: waiting for it');
    await awaitEngine(() => !isStale(pidFile));
    return;
  }
  const containerd = '/var/run/docker/containerd/containerd.pid';
  if (isStale(containerd)) rmSync(containerd);
  console.log(`Starting the Docker engine in the background; it logs to ${engineLog}`);
  const log = openSync(engineLog, 'a');
  // A user's search path often lacks iptables' folder.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };
  const engine = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log], env });
  let ended = false;
  engine.on('error', () => {
    ended = true;
  });
  engine.on('exit', () => {
    ended = true;
  });
  engine.unref();
  await awaitEngine(() => !ended);
}

/** awaitEngine waits a minute at most for the engine, or for as long as `isAlive`. */
async function awaitEngine(isAlive) {
  const deadline = Date.now() + 60_000;
  while ((await engineState()) !== 'answers') {
    if (!isAlive() || Date.now() > deadline) {
      const said = lastLines(read(engineLog) ?? '', 12) || '(it logged nothing)';
      throw new SetupError(`The Docker engine ${isAlive() ? 'does not answer' : 'ended'}:\n${said}`);
    }
    await sleep(100);
  }
}

/** engineState asks the engine for a ping: 'answers', 'forbidden' (no right to the socket) or 'absent'. */
function engineState() {
  return new Promise((resolve) => {
    const ping = request({ socketPath: socket, path: '/_ping', timeout: 5000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'answers' : 'absent');
    });
    ping.on('error', (error) => resolve(error.code === 'EACCES' ? 'forbidden' : 'absent'));
    ping.on('timeout', () => ping.destroy());
    ping.end();
  });
}

/** isStale tells whether a pid file is there and its process is not. */
function isStale(file) {
  const content = read(file);
  if (content === undefined) return false;
  // A number alone proves little: after a reboot it may be another program's.
  return !/dockerd|containerd/.test(read(`/proc/${Number(content)}/comm`) ?? '');
}

function requireRoot(purpose) {
  if (process.getuid?.() === 0) return;
  throw new SetupError(`Only root may ${purpose}: run sudo node scripts/setup.mjs --engine`);
}

function systemRelease() {
  const lines = (read('/etc/os-release') ?? '').split('\n').map((line) => line.split('='));
  return Object.fromEntries(lines.map(([key, value = '']) => [key, value.replace(/^"|"$/g, '')]));
}

function isProgram(name) {
  const folders = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`.split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof SetupError ? `setup: ${error.message}` : error);
  process.exitCode = 1;
}
