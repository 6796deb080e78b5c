import type { Provider } from '../../../src/fleet/server.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { UserError } from '../../../src/model/errors.ts';
import type { Log } from '../../../src/model/log.ts';
import type { ServerSpec } from '../../../src/model/spec.ts';
import { VirtualClock } from './clock.ts';
import type { Container } from './container.ts';
import { never, Run, type Strike } from './faults.ts';
import { Machine } from './machine.ts';
import { type ImageSource, Registry } from './registry.ts';
import { simulatedServer } from './server.ts';
import { MemoryRemote, type Wire } from './state-branch.ts';
import { type Place, type Promised, Users } from './users.ts';

/** How long it takes to connect to a server, to find out that it does not answer, and to ask git for something. */
const CONNECT_MS = 50;
const SILENCE_MS = 10_000;
const GIT_MS = 30;
/** How many calls and changes are told when something was lost. */
const REMEMBERED = 15;

/** What one run has to work with. */
export interface Means {
  run: Run;
  provider: Provider;
  clock: Clock;
  log: Log;
  /** Aborted when somebody cancels the run. */
  signal: AbortSignal;
  /** The way to the git remote. */
  wire: Wire;
}

/** How a run ended. */
export type Ended<T> = { how: 'done'; value: T } | { how: 'failed'; error: unknown } | { how: 'killed' };

/** Somebody who is told when a container has started, or has ended. */
type Watcher = (machine: Machine, container: Container) => void;

/** What a simulation begins with. */
export interface SimulationOptions {
  /** Where images come from; `plain` unless given. */
  images?: ImageSource;
  /** Calls take now more, now less of their time, and so overtake each other: in another way with each seed. */
  seed?: number;
}

/** Simulation is servers, a registry, a git remote, users and the time in which all of them live. */
export class Simulation {
  readonly clock = new VirtualClock(() => `, after\n  ${this.lastCalls().join('\n  ')}`);
  readonly machines = new Map<string, Machine>();
  readonly registry: Registry;
  readonly remote = new MemoryRemote();
  readonly users = new Users(this);
  /** The runs so far. */
  readonly runs: Run[] = [];
  readonly #began = this.clock.now();
  readonly #recent: string[] = [];
  readonly #starters: Watcher[] = [];
  readonly #enders: Watcher[] = [];
  #numbers = 0;
  #chance: number | undefined;

  constructor({ images = 'plain', seed }: SimulationOptions = {}) {
    this.registry = new Registry(images, () => this.clock.now());
    this.#chance = seed;
  }

  /** takes returns how long something takes this time that takes `ms` on average: by chance with a seed, which repeats itself. */
  takes(ms: number): number {
    if (this.#chance === undefined) return ms;
    // A linear congruential generator: nothing more is needed to mix orders.
    this.#chance = ((this.#chance + 1) * 48_271) % 2_147_483_647;
    return ms * (0.2 + 1.6 * (this.#chance / 2_147_483_647));
  }

  /** Virtual milliseconds since the simulation began. */
  get elapsedMs(): number {
    return this.clock.now() - this.#began;
  }

  /** machine returns a server by its name. */
  machine(name: string): Machine {
    const found = this.machines.get(name);
    if (found === undefined) throw new Error(`there is no server ${name}`);
    return found;
  }

  /** machineAt returns the server with a private address. */
  machineAt(address: string): Machine | undefined {
    for (const machine of this.machines.values()) if (machine.spec.privateIp === address) return machine;
    return undefined;
  }

  /** addServers makes servers exist, and knows those that exist by what is said of them now. */
  addServers(specs: readonly ServerSpec[]): void {
    for (const spec of specs) {
      const known = this.machines.get(spec.name);
      if (known === undefined) this.machines.set(spec.name, new Machine(this, spec));
      else known.spec = spec;
    }
  }

  /** switchOff cuts the power of a server, for a time or for good. */
  switchOff(name: string, forMs = Number.POSITIVE_INFINITY): void {
    const machine = this.machine(name);
    this.users.forsake(machine);
    machine.powerOff();
    if (Number.isFinite(forMs)) this.clock.after(forMs, () => machine.powerOn());
  }

  /** switchOn boots a server that is off. */
  switchOn(name: string): void {
    this.machine(name).powerOn();
  }

  /**
   * begin starts a run: `work` is the program, and `strikes` is what happens to it. With `promise` users are watched
   * while it runs. It goes on as time passes: `finish` what it returns.
   */
  begin<T>(
    work: (means: Means) => Promise<T>,
    { strikes = [], promise }: { strikes?: readonly Strike[]; promise?: (place: Place) => Promised } = {},
  ): { run: Run; ended: Promise<Ended<T>> } {
    const run = new Run(this, `run-${this.runs.length + 1}`, strikes);
    this.runs.push(run);
    const leave = promise === undefined ? () => undefined : this.users.watch(promise);
    const done = work(this.#meansOf(run)).then(
      (value): Ended<T> => ({ how: 'done', value }),
      (error: unknown): Ended<T> => ({ how: 'failed', error }),
    );
    const ended = Promise.race([done, run.gone.then((): Ended<T> => ({ how: 'killed' }))]);
    return { run, ended: ended.finally(leave) };
  }

  /** run is begin, and lets time pass until the run has ended. */
  async run<T>(
    work: (means: Means) => Promise<T>,
    options: { strikes?: readonly Strike[]; promise?: (place: Place) => Promised } = {},
  ): Promise<Ended<T>> {
    return await this.clock.finish(this.begin(work, options).ended);
  }

  #meansOf(run: Run): Means {
    return {
      run,
      provider: this.#providerOf(run),
      clock: this.clock.of(run),
      log: logOf(run),
      signal: run.signal,
      wire: (call, serve) => this.#callGit(run, call, serve),
    };
  }

  #providerOf(run: Run): Provider {
    const servers = async () => [...this.machines.values()].map(({ spec }) => spec);
    return { servers, ensure: servers, connect: (spec) => this.#connect(run, spec) };
  }

  async #connect(run: Run, spec: ServerSpec) {
    const machine = this.machine(spec.name);
    const clock = this.clock.of(run);
    await clock.sleep(this.takes(CONNECT_MS));
    if (!machine.isOff && !run.isCutOff(machine.name)) return simulatedServer(run, machine);
    await clock.sleep(SILENCE_MS);
    throw new UserError(`${spec.name}: cannot connect to ${spec.host}: no answer`, {
      hint: 'Is the server on?',
    });
  }

  async #callGit<T>(run: Run, call: string, serve: () => T): Promise<T> {
    if (run.isGone) return await never();
    const moment = run.count(`git ${call}`, undefined);
    moment.before();
    if (run.isGone) return await never();
    await this.clock.sleep(this.takes(GIT_MS));
    const answer = serve();
    moment.after();
    return run.isGone ? await never() : answer;
  }

  /** onStart has somebody told of every container that starts, and onEnd of every one that ends. */
  onStart(watcher: Watcher): void {
    this.#starters.push(watcher);
  }

  onEnd(watcher: Watcher): void {
    this.#enders.push(watcher);
  }

  started(machine: Machine, container: Container): void {
    for (const watcher of this.#starters) watcher(machine, container);
  }

  ended(machine: Machine, container: Container): void {
    for (const watcher of this.#enders) watcher(machine, container);
  }

  /** remember keeps a call or a change, for whoever asks what came before a loss. */
  remember(what: string): void {
    this.#recent.push(what);
    if (this.#recent.length > 4 * REMEMBERED) this.#recent.splice(0, 3 * REMEMBERED);
  }

  /** note is remember, for what the story itself does. */
  note(what: string): void {
    this.remember(`!! ${what}`);
  }

  /** lastCalls returns the last calls and changes, the newest last. */
  lastCalls(): string[] {
    return this.#recent.slice(-REMEMBERED);
  }

  /** newNumber returns a number that nothing else has. */
  newNumber(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** newId returns the id of a new thing of an engine. */
  newId(): string {
    return this.newNumber().toString(16).padStart(12, '0').padEnd(64, 'e');
  }
}

function logOf(run: Run): Log {
  return {
    debug: (line) => run.say(line),
    info: (line) => run.say(line),
    warning: (line) => run.say(`warning: ${line}`),
    group: (title, work) => {
      run.say(title);
      return work();
    },
  };
}
