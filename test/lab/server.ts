import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, docker, mustRun, run } from './command.ts';
import { archive, type ContainerFile } from './files.ts';
import type { LabNetworks } from './networks.ts';
import type { Suite } from './recipes.ts';
import type { Registry } from './registry.ts';

/** What another process needs to know of a server: plain data, as it stands in lab.json. */
export interface ServerFacts {
  /** 1 for the first server, whose addresses end in .11. */
  index: number;
  /** The server's container on the host's engine. */
  container: string;
  /** The outside address, which the runner's machine reaches. */
  host: string;
  /** The address on its zone's private network, which the other servers of the zone reach. */
  privateIp: string;
  /** The port of sshd. */
  port: 22;
  zone: string;
  suite: Suite;
  /** False for a bare server, on which no engine is installed. */
  hasEngine: boolean;
  /** The public host keys as known_hosts has them: `ssh-ed25519 AAAA…`, `ecdsa-sha2-nistp256 AAAA…`. */
  hostKeys: string[];
}

/** A server of the lab: a container with sshd and an engine of its own. */
export interface LabServer extends ServerFacts {
  /** exec runs a program on the server without SSH, as root unless `user` is given; any exit code is a result. */
  exec(argv: string[], options?: { input?: string | Buffer; user?: string }): Promise<CommandResult>;
  /** engineSocket returns the path of its engine's socket on this machine; a server that starts anew has another one. */
  engineSocket(): Promise<string>;
  /** docker runs the docker CLI against the server's engine, without SSH; returns stdout, throws when it fails. */
  docker(...args: string[]): Promise<string>;
  /** pause freezes the whole server with all that runs on it: connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** unpause undoes {@link LabServer.pause}. */
  unpause(): Promise<void>;
  /** stop shuts the server down in good order: its engine stops its containers first. */
  stop(): Promise<void>;
  /** kill cuts the server's power: nothing gets a signal it could answer. */
  kill(): Promise<void>;
  /** start boots a stopped or killed server, and waits until sshd and engine answer. */
  start(): Promise<void>;
  /** stopEngine stops only the engine; sshd stays. */
  stopEngine(): Promise<void>;
  /** killEngine ends only the engine, by SIGKILL. */
  killEngine(): Promise<void>;
  /** startEngine starts the engine and waits until it answers. */
  startEngine(): Promise<void>;
  /** cutOff takes the server off the outside network: SSH to it hangs, the private network stays. */
  cutOff(): Promise<void>;
  /** reconnect undoes {@link LabServer.cutOff}. */
  reconnect(): Promise<void>;
  /** muteSsh drops every packet of SSH, both ways: connections stay open and nothing arrives. All else goes on. */
  muteSsh(): Promise<void>;
  /** unmuteSsh undoes {@link LabServer.muteSsh}. */
  unmuteSsh(): Promise<void>;
}

/** Engines from 23 on know which capabilities a machine lacks, and refuse to drop one of those. */
const KNOWS_CAPABILITIES = 23;

/** nestedEngineFlags returns the flags that let an engine run in a container, also on machines that lack CAP_SYS_RESOURCE. */
export async function nestedEngineFlags(): Promise<string[]> {
  const version = Number.parseInt(await docker(['version', '--format', '{{.Server.Version}}']), 10);
  return version < KNOWS_CAPABILITIES ? [...FLAGS, '--cap-drop', 'SYS_RESOURCE'] : FLAGS;
}

const FLAGS = [
  '--init',
  ...['--cap-add', 'ALL'],
  ...['--security-opt', 'seccomp=unconfined'],
  ...['--security-opt', 'apparmor=unconfined'],
  ...['--security-opt', 'systempaths=unconfined'],
  ...['--device-cgroup-rule', 'a *:* rwm'],
  ...['--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw'],
];

/** What a server's container is made from. */
export interface ServerPlan {
  lab: string;
  facts: ServerFacts;
  image: string;
  networks: LabNetworks;
  registry: Registry;
  /** The volume that becomes the engine's data. */
  volume: string;
  /** Files to be put into it before it starts; its private host keys are among them. */
  files: ContainerFile[];
}

/** bootServer creates and starts a server; it does not wait until it answers, see {@link awaitServer}. */
export async function bootServer(plan: ServerPlan): Promise<void> {
  const { facts, networks, registry } = plan;
  const zone = networks.zones[facts.zone]!;
  await docker([
    ...[
      'create',
      '--name',
      facts.container,
      '--label',
      `switchyard.lab=${plan.lab}`,
      ...(await nestedEngineFlags()).filter((flag) => facts.hasEngine || flag !== '--init'),
    ],
    ...['--hostname', `${plan.lab}-${facts.index}`, '--volume', `${plan.volume}:/var/lib/docker`],
    // As on a real machine, what is in /run does not outlive a restart.
    ...['--tmpfs', '/run:exec,mode=755'],
    ...['--env', `LAB_REGISTRY=${registry.direct}`],
    ...['--env', `LAB_REGISTRY_PORT=${registry.address.split(':')[1]}`],
    ...['--network', networks.outside.name, '--ip', facts.host, plan.image],
  ]);
  await docker(['network', 'connect', '--ip', facts.privateIp, zone.name, facts.container]);
  await docker(['cp', '-', `${facts.container}:/`], { input: await archive(plan.files) });
  await docker(['start', facts.container]);
}

/** awaitServer waits until sshd and the engine, where there is one, answer. Throws with their log after a minute. */
export async function awaitServer(facts: ServerFacts): Promise<void> {
  await Promise.all([
    awaitSshd(facts),
    facts.hasEngine && mustRun(['docker', 'exec', facts.container, 'lab-engine', 'wait']),
  ]);
}

/** labServer gives a running server its abilities. */
export function labServer(facts: ServerFacts, outside: string): LabServer {
  const { container } = facts;
  const engine = async (verb: string) => {
    await mustRun(['docker', 'exec', container, 'lab-engine', verb]);
  };
  const socket = engineSocket(container);
  const host = async (...args: string[]) => {
    await docker(args);
  };
  const sshPackets = async (verb: '-I' | '-D') => {
    for (const way of [
      ['INPUT', '-p', 'tcp', '--dport', String(facts.port)],
      ['OUTPUT', '-p', 'tcp', '--sport', String(facts.port)],
    ]) {
      await mustRun(['docker', 'exec', container, 'iptables', '-w', verb, ...way, '-j', 'DROP']);
    }
  };
  return {
    ...facts,
    exec: (argv, options = {}) =>
      run(
        [
          ...['docker', 'exec', '--interactive'],
          ...(options.user ? ['--user', options.user] : []),
          container,
          ...argv,
        ],
        { input: options.input },
      ),
    engineSocket: socket,
    docker: async (...args) => mustRun(['docker', '--host', `unix://${await socket()}`, ...args]),
    pause: () => host('pause', container),
    unpause: () => host('unpause', container),
    stop: () => host('stop', '--time', '30', container),
    kill: () => host('kill', container),
    start: async () => {
      await host('start', container);
      await awaitServer(facts);
    },
    stopEngine: () => engine('stop'),
    killEngine: () => engine('kill'),
    startEngine: async () => {
      await engine('start');
      await engine('wait');
    },
    cutOff: () => host('network', 'disconnect', outside, container),
    reconnect: () => host('network', 'connect', '--ip', facts.host, outside, container),
    muteSsh: () => sshPackets('-I'),
    unmuteSsh: () => sshPackets('-D'),
  };
}

/**
 * engineSocket returns a function that returns the path of a server's engine on this machine, through its first process.
 * The tests ask engines hundreds of times, and a program inside of the container costs several times what one beside it does.
 */
function engineSocket(container: string): () => Promise<string> {
  let known: { root: string; hostname: string | undefined } | undefined;
  return async () => {
    // A server that was started anew has another first process, and its number may be somebody else's by now.
    if (known?.hostname === undefined || hostnameIn(known.root) !== known.hostname) {
      const pid = await docker(['inspect', '--format', '{{.State.Pid}}', container]);
      if (pid === '0') throw new Error(`${container} does not run`);
      const root = `/proc/${pid}/root`;
      known = { root, hostname: hostnameIn(root) };
    }
    return `${known.root}/run/docker.sock`;
  };
}

function hostnameIn(root: string): string | undefined {
  try {
    return readFileSync(`${root}/etc/hostname`, 'utf8');
  } catch {
    return undefined;
  }
}

async function awaitSshd(facts: ServerFacts): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await greets(facts.host, facts.port))) {
    if (performance.now() > deadline) {
      const { stdout, stderr } = await run(['docker', 'logs', '--tail', '20', facts.container]);
      throw new Error(`sshd of ${facts.container} does not answer:\n${stdout}${stderr}`);
    }
    await sleep(50);
  }
}

/** greets tells whether an SSH server says its banner at an address. */
function greets(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 1000 });
  socket.once('data', (banner) => resolve(banner.toString().startsWith('SSH-')));
  for (const event of ['error', 'timeout', 'close']) socket.once(event, () => resolve(false));
  return promise.finally(() => socket.destroy());
}
