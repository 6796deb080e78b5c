import type { Container, HttpAnswer, HttpRequest, Outcome, Process, Program } from './container.ts';
import type { App, Command } from './image.ts';
import type { Machine } from './machine.ts';
import { Nginx } from './nginx.ts';

/** Commands that every image has, beside its own. */
const COMMANDS: Record<string, Command> = {
  true: { takesMs: 1 },
  false: { takesMs: 1, exitCode: 1 },
  migrate: {},
  fail: { exitCode: 1, says: 'it went wrong' },
  hang: { takesMs: Number.POSITIVE_INFINITY },
};
/** What a program ends with that was killed by TERM. */
const TERMINATED = 143;

/** launch starts what a container runs. */
export function launch(process: Process, machine: Machine): Program {
  const { container } = process;
  const { argv } = container;
  const [word = ''] = argv;
  if (word === 'cat' && argv.length === 1) return new Cat(process, machine);
  if (argv.includes('check') || argv.includes('hold') || argv.includes('keep'))
    return new HandOver(process, machine);
  if (word === 'chroot') return new Divert(process, machine);
  const { behaviour } = container.image;
  const command = commandOf(behaviour.runs === 'app' ? behaviour.app : {}, argv);
  if (command !== undefined) return new RunningCommand(process, command);
  if (behaviour.runs === 'app') return new AppProgram(process, behaviour.app);
  // What an edge counts beside that is no model's affair.
  if (word === '' || argv.includes('nginx')) return new Nginx(process, machine, behaviour.version);
  throw new Error(`the model does not know what "${argv.join(' ')}" does in ${container.name}`);
}

/** As apps do, it listens where its environment says, if that says anything. */
function portsOf({ port }: App, { exposedPorts, request }: Container): number[] {
  const told = request.Env?.find((pair) => pair.startsWith('PORT='))?.slice('PORT='.length);
  if (told !== undefined) return [Number(told)];
  return port === undefined ? exposedPorts : [port];
}

function commandOf(app: App, argv: readonly string[]): Command | undefined {
  const words = argv.join(' ');
  return app.commands?.[words] ?? COMMANDS[words];
}

/** AppProgram is an app that listens, as its image says. */
class AppProgram implements Program {
  readonly #process: Process;
  readonly #app: App;
  #ports: readonly number[] = [];

  constructor(process: Process, app: App) {
    this.#process = process;
    this.#app = app;
    for (const line of app.says ?? []) process.say('stdout', line);
    process.after(app.bootMs ?? 100, () => {
      this.#ports = portsOf(app, process.container);
      process.changed('boots');
    });
    if (app.crashesAfterMs !== undefined)
      process.after(app.crashesAfterMs, () => process.end(app.exitCode ?? 1));
  }

  ports(): readonly number[] {
    return this.#app.listensOn === undefined ? this.#ports : [];
  }

  get isLeaking(): boolean {
    return this.#process.container.environment.LEAK === '1';
  }

  hiddenPorts() {
    const { listensOn } = this.#app;
    return listensOn === undefined ? [] : this.#ports.map((port) => ({ port, address: listensOn }));
  }

  /** A good app ends what it has begun, and takes nothing new. */
  signal(name: string): void {
    if (name !== 'TERM' && name !== 'INT' && name !== 'QUIT') return;
    const { stopMs = 20 } = this.#app;
    if (!Number.isFinite(stopMs)) return;
    this.#ports = [];
    this.#process.changed('stops');
    this.#process.after(stopMs, () => this.#process.end(0));
  }

  answer(request: HttpRequest): HttpAnswer {
    const own = this.#app.answers?.(request);
    if (own !== undefined) return own;
    return { status: this.#app.status ?? 200, headers: {}, body: this.#process.container.image.id };
  }

  /** A health check needs the app to be there, where its image does not say what it comes to. */
  exec(argv: readonly string[]): Outcome | Promise<Outcome> | undefined {
    const command = commandOf(this.#app, argv);
    if (command !== undefined) return outcomeOf(this.#process, command);
    const isUp = this.#ports.length > 0 && (this.#app.status ?? 200) < 400;
    return { exitCode: isUp ? 0 : 1, stdout: '', stderr: isUp ? '' : 'nobody answers\n' };
  }
}

function outcomeOf(process: Process, { takesMs = 20, exitCode = 0, says }: Command): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const outcome = { exitCode, stdout: says === undefined ? '' : `${says}\n`, stderr: '' };
  if (Number.isFinite(takesMs)) process.after(takesMs, () => resolve(outcome));
  return promise;
}

/** RunningCommand is a container that runs a command and ends with it. */
class RunningCommand implements Program {
  readonly #process: Process;

  constructor(process: Process, { takesMs = 20, exitCode = 0, says }: Command) {
    this.#process = process;
    if (says !== undefined) process.say('stdout', says);
    if (Number.isFinite(takesMs)) process.after(takesMs, () => process.end(exitCode));
  }

  ports(): readonly number[] {
    return [];
  }

  signal(name: string): void {
    if (name === 'TERM' || name === 'INT') this.#process.end(TERMINATED);
  }

  exec(): undefined {
    return undefined;
  }
}

/** Cat waits on its open input for ever, and shows files by exec: those of the kernel are of the network it is in. */
class Cat implements Program {
  readonly #process: Process;
  readonly #machine: Machine;

  constructor(process: Process, machine: Machine) {
    this.#process = process;
    this.#machine = machine;
  }

  ports(): readonly number[] {
    return [];
  }

  signal(): void {
    // As the first process of its container it ignores what it does not handle.
  }

  exec([word, ...paths]: readonly string[]): Outcome | undefined {
    if (word !== 'cat') return undefined;
    this.#machine.simulation.users.elapse();
    const { tcp, tcp6 } = this.#process.container.namespace.tables(this.#process.now());
    const files: Record<string, string> = { '/proc/net/tcp': tcp, '/proc/net/tcp6': tcp6 };
    const missing = paths.filter((path) => files[path] === undefined);
    return {
      exitCode: missing.length > 0 ? 1 : 0,
      stdout: paths.map((path) => files[path] ?? '').join(''),
      stderr: missing.map((path) => `cat: ${path}: No such file or directory\n`).join(''),
    };
  }
}

/** So long the script of a hand-over holds by itself. */
const HELD_MS = 30_000;

/** HandOver is the script of src/nginx/hand-over.ts, which runs with the server's own ip and nsenter. */
class HandOver implements Program {
  readonly #process: Process;
  readonly #machine: Machine;
  readonly #pid: number;
  #isHolding = false;

  constructor(process: Process, machine: Machine) {
    this.#process = process;
    this.#machine = machine;
    const [what, pid = '', address = ''] = process.container.request.Cmd ?? [];
    this.#pid = Number(pid);
    process.after(5, () => {
      if (!machine.hasIp) {
        process.say('stderr', '/bin/sh: 1: nsenter: not found');
        process.end(127);
      } else if (what === 'hold') this.#hold();
      else if (what === 'keep' && !machine.keep(this.#pid, address)) process.end(1);
      else this.#done();
    });
  }

  #hold(): void {
    this.#isHolding = true;
    this.#machine.remember(this.#pid);
    this.#process.say('stdout', 'it is done');
    this.#process.after(HELD_MS, () => this.#end());
  }

  #done(): void {
    this.#process.say('stdout', 'it is done');
    this.#process.end(0);
  }

  #end(): void {
    if (this.#isHolding) this.#machine.forget(this.#pid);
    this.#process.end(0);
  }

  ports(): readonly number[] {
    return [];
  }

  signal(name: string): void {
    if (name === 'TERM' || name === 'INT') this.#end();
  }

  exec(): undefined {
    return undefined;
  }
}

/** How often the script looks whether the bridge lives. */
const LOOK_MS = 1_000;

/**
 * Divert is the script of src/nginx/divert.ts, which runs with the server's own iptables: with an address, a process
 * and ports, new connections to these ports go to the address for as long as the process lives.
 */
class Divert implements Program {
  readonly #process: Process;
  readonly #machine: Machine;

  constructor(process: Process, machine: Machine) {
    this.#process = process;
    this.#machine = machine;
    const words = process.container.request.Cmd ?? [];
    const [address = '', pid = '', ...ports] = words;
    machine.divert(undefined);
    if (!machine.hasIptables) {
      process.say('stderr', '/bin/sh: 1: iptables: not found');
      process.after(5, () => process.end(127));
    } else if (words.length === 0) process.after(5, () => process.end(0));
    else {
      process.after(5, () => {
        machine.divert({ address, ports: ports.map((door) => Number.parseInt(door, 10)) });
        process.say('stdout', 'new connections are diverted');
        process.changed('diverts');
        this.#watch(Number(pid));
      });
    }
  }

  #watch(pid: number): void {
    this.#process.after(LOOK_MS, () => {
      if (this.#machine.hasProcess(pid)) this.#watch(pid);
      else this.#end();
    });
  }

  #end(): void {
    this.#machine.divert(undefined);
    this.#process.changed('diverts no more');
    this.#process.end(0);
  }

  ports(): readonly number[] {
    return [];
  }

  signal(name: string): void {
    if (name === 'TERM' || name === 'INT') this.#end();
  }

  exec(): undefined {
    return undefined;
  }
}
