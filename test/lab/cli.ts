import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dockerList } from './command.ts';
import { cachedImages } from './images.ts';
import { attachLab, type Lab, removeAllLabs, removeCache, removeLab, startLab } from './lab.ts';

const help = `Real servers on this machine, to try and test Switchyard with.

  npm run lab -- up [n] [--name x]            start a lab with n servers (default 2)
  npm run lab -- ssh <i> [command…]           a shell, or a command, on server i (1, 2, …)
  npm run lab -- docker <i> <arguments…>      the docker CLI on server i
  npm run lab -- status                       the servers, and what runs on them
  npm run lab -- down [--all]                 remove the lab, or all labs
  npm run lab -- images [--remove]            the image cache, or free its disk space

  --name <lab>    which lab (default: default)
  --user <name>   for ssh: deploy (default), root, norights, noforward, nostreamlocal
  --bare          for up: servers without Docker

Options stand before the server's number: what follows it is passed on as it is.`;

/** main runs one command of the lab; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const passed = serverAt(args);
  const own = passed < 0 ? args : args.slice(0, passed + 1);
  const rest = passed < 0 ? [] : args.slice(passed + 1);
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'default' },
      user: { type: 'string', default: 'deploy' },
      all: { type: 'boolean' },
      bare: { type: 'boolean' },
      remove: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [verb, argument] = positionals;
  if (values.help || !verb) {
    console.log(help);
    return values.help ? 0 : 2;
  }
  switch (verb) {
    case 'up':
      return up(values.name, Number(argument ?? 2), values.bare ?? false);
    case 'ssh':
      return ssh(await attachLab(values.name), argument, values.user, rest);
    case 'docker': {
      const server = serverOf(await attachLab(values.name), argument);
      const terminal = process.stdin.isTTY && process.stdout.isTTY ? ['--tty'] : [];
      return handOver('docker', ['exec', '--interactive', ...terminal, server.container, 'docker', ...rest]);
    }
    case 'status':
      return status(values.name);
    case 'down':
      await (values.all ? removeAllLabs() : removeLab(values.name));
      return 0;
    case 'images':
      if (values.remove) await removeCache();
      for (const line of await cachedImages()) console.log(line);
      return 0;
    default:
      console.error(`There is no command ${verb}.\n\n${help}`);
      return 2;
  }
}

/** serverAt returns where the server's number stands: what follows it belongs to the other program, options too. */
function serverAt(args: string[]): number {
  const isValue = (i: number) => ['--name', '--user'].includes(args[i - 1] ?? '');
  const verbAt = args.findIndex((arg, i) => ['ssh', 'docker'].includes(arg) && !isValue(i));
  return verbAt < 0 ? -1 : args.findIndex((arg, i) => i > verbAt && /^\d+$/.test(arg) && !isValue(i));
}

async function up(name: string, count: number, bare: boolean): Promise<number> {
  const started = performance.now();
  const servers = Array.from({ length: count }, () => ({ docker: !bare }));
  const lab = await startLab({ name, servers, log: console.log });
  console.log(`Up in ${((performance.now() - started) / 1000).toFixed(1)} s. Files: ${lab.dir}`);
  for (const server of lab.servers) console.log(describe(server));
  return 0;
}

async function status(name: string): Promise<number> {
  const lab = await attachLab(name);
  console.log(`registry ${lab.registry.address}   files ${lab.dir}`);
  for (const server of lab.servers) {
    const [state] = await dockerList(['inspect', '--format', '{{.State.Status}}', server.container]);
    console.log(`${describe(server)}  ${state}`);
    if (state !== 'running' || !server.hasEngine) continue;
    const list = await server.exec(['docker', 'ps', '--format', '    {{.Names}}\t{{.Image}}\t{{.Status}}']);
    process.stdout.write(list.code === 0 ? list.stdout : '    the engine does not answer\n');
  }
  return 0;
}

function ssh(lab: Lab, index: string | undefined, user: string, command: string[]): Promise<number> {
  const server = serverOf(lab, index);
  return handOver('ssh', [
    ...['-i', join(lab.dir, 'keys', 'deploy'), '-o', 'IdentitiesOnly=yes', '-F', 'none'],
    ...['-o', `UserKnownHostsFile=${join(lab.dir, 'known_hosts')}`, '-o', 'StrictHostKeyChecking=yes'],
    ...['-p', `${server.port}`, `${user}@${server.host}`, ...command],
  ]);
}

function serverOf(lab: Lab, index: string | undefined): Lab['servers'][number] {
  const server = lab.servers.find((candidate) => `${candidate.index}` === index);
  if (!server) throw new Error(`The lab ${lab.name} has servers 1 to ${lab.servers.length}, not ${index}`);
  return server;
}

function describe(server: Lab['servers'][number]): string {
  const kind = server.hasEngine ? '' : ', no Docker';
  return `server ${server.index}  ${server.host}  private ${server.privateIp}  (${server.suite}${kind})`;
}

/** handOver runs a program on this terminal; returns its exit code. */
function handOver(program: string, args: string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(program, args, { stdio: 'inherit' });
  child.on('error', reject);
  child.on('exit', (code) => resolve(code ?? 1));
  return promise;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const noEngine = !existsSync('/var/run/docker.sock');
  console.error(error instanceof Error ? error.message : error);
  if (noEngine) console.error('There is no Docker engine: node scripts/setup.mjs --engine starts one');
  process.exitCode = 1;
}
