import { EngineError } from '../../../src/docker/http.ts';
import { isTunnelBroken, UserError } from '../../../src/model/errors.ts';
import type { Owner } from './clock.ts';
import type { Machine } from './machine.ts';
import type { Simulation } from './simulation.ts';

/** What happens to a run at some moment. */
export interface Strike {
  /**
   * When: the call with this number, counted from 1 over all calls of the run; or the first call, or line of its
   * debug log, that matches.
   */
  at: number | RegExp;
  /** `before` the call has reached the other end (default), or `after` it was done there, and before its answer came. */
  when?: 'before' | 'after';
  /**
   * `killed`: the run is never heard of again. `cancelled`: its signal is aborted. `cut off`: its tunnel to the server of
   * the call breaks. `switched off`: so does the server.
   */
  how: 'killed' | 'cancelled' | 'cut off' | 'switched off';
  /** How long a cut lasts, or the server is off; for good unless given. */
  forMs?: number;
  /** The server that it hits; that of the call unless given. */
  server?: string;
}

/** How long somebody needs to find out that a server does not answer. */
const SILENCE_MS = 10_000;

/** A call as it is counted and named. */
export interface CallFacts {
  /** `s1 POST containers/create shop_production_api`. */
  name: string;
  /** It may change something: such a call is never sent twice. */
  isChange: boolean;
  /** How long the other end takes for it, in ms. */
  takesMs: number;
  signal?: AbortSignal | undefined;
}

/** Run is one run of the program, as the simulation sees it: what it calls, and what happens to it meanwhile. */
export class Run implements Owner {
  /** By which its lease and its locks name it. */
  readonly name: string;
  readonly simulation: Simulation;
  /** All calls so far, by their names. */
  readonly calls: string[] = [];
  /** What it has logged. */
  readonly lines: string[] = [];
  isGone = false;
  readonly #strikes: Strike[];
  readonly #cancel = new AbortController();
  readonly #gone = Promise.withResolvers<'killed'>();
  readonly #cuts = new Map<string, number>();

  constructor(simulation: Simulation, name: string, strikes: readonly Strike[] = []) {
    this.simulation = simulation;
    this.name = name;
    this.#strikes = [...strikes];
  }

  /** Aborted when somebody cancels the run. */
  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** Resolves when the run is killed. */
  get gone(): Promise<'killed'> {
    return this.#gone.promise;
  }

  /** Whether all that was to happen to it has happened. */
  get isStruck(): boolean {
    return this.#strikes.length === 0;
  }

  /** kill ends the run: no call of it ever answers, and none of its sleeps ends. */
  kill(): void {
    this.isGone = true;
    this.#gone.resolve('killed');
  }

  cancel(): void {
    this.#cancel.abort(new UserError('the run was cancelled'));
  }

  /** cutOff breaks the tunnel to a server, for a time or for good. */
  cutOff(server: string, forMs = Number.POSITIVE_INFINITY): void {
    this.#cuts.set(server, this.simulation.clock.now() + forMs);
  }

  /** isCutOff tells whether the tunnel to a server is broken right now. */
  isCutOff(server: string): boolean {
    return (this.#cuts.get(server) ?? Number.NEGATIVE_INFINITY) > this.simulation.clock.now();
  }

  /** say notes a line of its log, at which something may happen to it. */
  say(line: string): void {
    if (this.isGone) return;
    this.lines.push(line);
    this.#strike((strike) => strike.at instanceof RegExp && strike.at.test(line));
  }

  /** count notes a call that is about to be sent, and returns what happens at it. */
  count(name: string, server: string | undefined): CallMoment {
    this.calls.push(name);
    this.simulation.remember(name);
    const number = this.calls.length;
    const isAt = ({ at }: Strike) => (typeof at === 'number' ? at === number : at.test(name));
    return {
      before: () => this.#strike((strike) => strike.when !== 'after' && isAt(strike), server),
      after: () => this.#strike((strike) => strike.when === 'after' && isAt(strike), server),
    };
  }

  #strike(isMeant: (strike: Strike) => boolean, server?: string): void {
    const index = this.#strikes.findIndex(isMeant);
    if (index < 0) return;
    const [strike] = this.#strikes.splice(index, 1);
    const { how, forMs, server: named = server } = strike!;
    this.simulation.note(`the run ${this.name} is ${how}${named && how !== 'killed' ? ` (${named})` : ''}`);
    if (how === 'killed') this.kill();
    if (how === 'cancelled') this.cancel();
    if (how === 'cut off' && named !== undefined) this.cutOff(named, forMs);
    if (how === 'switched off' && named !== undefined) this.simulation.switchOff(named, forMs);
  }
}

/** What happens to a run at one call. */
interface CallMoment {
  before(): void;
  after(): void;
}

/** Tunnel is the connection of one run to one server: all its calls go through it, and it may break. */
export class Tunnel {
  readonly #run: Run;
  readonly #machine: Machine;
  #isClosed = false;

  constructor(run: Run, machine: Machine) {
    this.#run = run;
    this.#machine = machine;
  }

  /** call has `serve` done at the other end, and returns its answer. */
  async call<T>(facts: CallFacts, serve: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#send(facts, serve);
    } catch (error) {
      // A tunnel that broke while it was idle is opened anew: what only reads is sent once more.
      if (facts.isChange || !isTunnelBroken(error)) throw error;
      return await this.#send(facts, serve);
    }
  }

  /** close ends it; nothing is sent through it any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #send<T>(facts: CallFacts, serve: () => T | Promise<T>): Promise<T> {
    const { name, takesMs, signal } = facts;
    const run = this.#run;
    if (run.isGone) return await never();
    if (this.#isClosed) throw new Error(`${name}: the connection is closed`);
    const moment = run.count(name, this.#machine.name);
    moment.before();
    if (run.isGone) return await never();
    signal?.throwIfAborted();
    if (this.#machine.isOff) await this.#machine.simulation.clock.of(run).sleep(SILENCE_MS);
    this.#failWhenBroken();
    const answered = this.#serve(takesMs, moment, serve);
    return await (signal === undefined ? answered : Promise.race([answered, abortOf(signal)]));
  }

  async #serve<T>(takesMs: number, moment: CallMoment, serve: () => T | Promise<T>): Promise<T> {
    const run = this.#run;
    const { simulation } = this.#machine;
    const { clock } = simulation;
    // What has left the run arrives, whatever becomes of the run.
    await clock.sleep(simulation.takes(takesMs));
    if (this.#machine.isOff) {
      await clock.of(run).sleep(SILENCE_MS);
      this.#failWhenBroken();
    }
    const answer = await settled(serve);
    moment.after();
    if (run.isGone) return await never();
    this.#failWhenBroken();
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  #failWhenBroken(): void {
    if (!this.#machine.isOff && !this.#run.isCutOff(this.#machine.name)) return;
    throw Object.assign(new Error('the SSH connection broke'), { isTunnelBroken: true });
  }
}

async function settled<T>(work: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** never is what a run gets that is over. */
export function never(): Promise<never> {
  return new Promise(() => undefined);
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** isTold tells whether an error is an answer: of the engine, or of whoever called the work off. */
export function isTold(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof EngineError || error instanceof UserError || signal?.aborted === true;
}
