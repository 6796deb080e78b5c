import { LABEL } from '../../../src/model/labels.ts';
import type { Container } from './container.ts';
import type { Machine } from './machine.ts';
import type { Simulation } from './simulation.ts';

/** Something that must never happen, and has. */
export interface BrokenRule {
  atMs: number;
  what: string;
  /** The last calls before it. */
  after: readonly string[];
}

/** How a hook of one release has ended, or that it has not. */
type HookEnd = 'runs' | 'well' | 'badly' | 'killed';

/**
 * Rules are what must hold at every moment, whoever was killed: no two containers write one volume, no two run at once of a
 * worker that must be alone, no two hooks of a service do, and no hook runs again that has ended well.
 */
export class Rules {
  readonly broken: BrokenRule[] = [];
  readonly #simulation: Simulation;
  readonly #hooks = new Map<string, HookEnd>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    simulation.onStart((machine, container) => this.#started(machine, container));
    simulation.onEnd((_machine, container) => this.#ended(container));
  }

  /** ends returns how each hook has ended that was started, by service, hook, release and image. */
  get ends(): ReadonlyMap<string, HookEnd> {
    return this.#hooks;
  }

  /** forgetHooks is for a record that is lost: its numbers are given again, to releases that are other ones. */
  forgetHooks(): void {
    this.#hooks.clear();
  }

  #started(machine: Machine, container: Container): void {
    this.#checkVolumes(machine, container);
    if (container.environment.ALONE !== undefined) this.#checkAlone(machine, container);
    if (container.labels[LABEL.role] === 'hook') this.#checkHook(container);
  }

  #checkVolumes(machine: Machine, container: Container): void {
    if (!isApp(container)) return;
    const written = container.mounts.filter(({ isReadOnly }) => !isReadOnly).map(({ volume }) => volume);
    for (const other of machine.containers.values()) {
      if (other === container || !other.isRunning || !isApp(other)) continue;
      const shared = other.mounts.find(
        ({ volume, isReadOnly }) => volume !== undefined && !isReadOnly && written.includes(volume),
      );
      if (shared !== undefined)
        this.#note(`${container.name} and ${other.name} write ${shared.volume?.name} on ${machine.name}`);
    }
  }

  #checkAlone(machine: Machine, container: Container): void {
    const rival = [...this.#simulation.machines.values()]
      .filter(({ isOff }) => !isOff)
      .flatMap(({ containers }) => [...containers.values()])
      .find((other) => other !== container && other.isRunning && isSameService(other, container));
    if (rival !== undefined)
      this.#note(`${container.name} starts on ${machine.name} while ${rival.name} still works`);
  }

  #checkHook(container: Container): void {
    const key = keyOf(container);
    const before = this.#hooks.get(key);
    if (before === 'well') this.#note(`${key} runs again, and has ended well`);
    const rival = [...this.#simulation.machines.values()]
      .flatMap(({ containers }) => [...containers.values()])
      .find((other) => other !== container && other.isRunning && isSameService(other, container));
    if (rival !== undefined) this.#note(`${container.name} and ${rival.name} run at once`);
    this.#hooks.set(key, 'runs');
  }

  #ended(container: Container): void {
    if (container.labels[LABEL.role] !== 'hook') return;
    const { exitCode } = container;
    this.#hooks.set(keyOf(container), exitCode === 0 ? 'well' : exitCode > 128 ? 'killed' : 'badly');
  }

  #note(what: string): void {
    const { elapsedMs } = this.#simulation;
    this.broken.push({ atMs: elapsedMs, what, after: this.#simulation.lastCalls() });
  }
}

/** Edge, sidecar and helpers read and write files of ours. */
function isApp({ labels }: Container): boolean {
  const role = labels[LABEL.role];
  return role === undefined || role === 'service';
}

function keyOf({ labels, image }: Container): string {
  const words = [LABEL.project, LABEL.environment, LABEL.service, LABEL.hook, LABEL.release];
  return [...words.map((label) => labels[label]), image.id.slice(7, 19)].join(' ');
}

function isSameService(one: Container, other: Container): boolean {
  const words = [LABEL.role, LABEL.project, LABEL.environment, LABEL.service];
  return words.every((label) => one.labels[label] === other.labels[label]);
}
