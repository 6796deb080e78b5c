import { targetTitle } from '../../model/backup-target.ts';
import { accessTo, type Repository } from './access.ts';
import { type ContainerRun, type ResticSurroundings, runContainer } from './container.ts';
import { EXIT, explainRestic } from './failure.ts';
import { OWN_PROGRAMS } from './program.ts';

/** How long restic waits for who has the repository locked. */
const LOCK_PATIENCE = '2m';

/** What one command of restic needs beside its words. */
export interface CommandOptions extends Pick<ContainerRun, 'folder' | 'patienceMs'> {
  /** Exit codes that say something, other than 0. */
  expected?: readonly number[];
}

/** Restic runs commands of restic on a server, each in a container of its image, in one repository. */
export class Restic {
  readonly surroundings: ResticSurroundings;
  readonly repository: Repository;
  readonly #image: string;

  constructor(surroundings: ResticSurroundings, repository: Repository, image: string) {
    this.surroundings = surroundings;
    this.repository = repository;
    this.#image = image;
  }

  /** title says where the repository is. */
  get title(): string {
    return targetTitle(this.repository.target);
  }

  /** requestFor returns what a container is made of that runs a command. */
  requestFor(command: readonly string[]): ContainerRun {
    const access = accessTo(this.repository, this.surroundings.scope, OWN_PROGRAMS);
    return {
      image: this.#image,
      command: [...access.command, ...command],
      environment: access.environment,
      files: access.files,
      mounts: access.mounts,
      isOutside: this.repository.target.kind !== 'disk',
    };
  }

  /**
   * run runs a command, and returns its exit code and what it has printed as JSON, a value a line. A lock that is in its way
   * it waits for; one that a dead run has left it takes away first. It throws a UserError that says what is wrong.
   */
  async run(command: readonly string[], options: CommandOptions = {}): Promise<ResticOutput> {
    const { exitCode, stdout, stderr } = await this.#attempt(command, options);
    if (exitCode === 0 || options.expected?.includes(exitCode)) return { exitCode, values: valuesOf(stdout) };
    throw this.explain(exitCode, stderr);
  }

  /** explain returns the error for people of a command that has failed. */
  explain(exitCode: number, stderr: string) {
    return explainRestic({ exitCode, stderr, target: this.title, server: this.surroundings.server.name });
  }

  async #attempt(command: readonly string[], { folder, patienceMs }: CommandOptions) {
    const attempt = (words: readonly string[]) =>
      runContainer(this.surroundings, { ...this.requestFor(words), folder, patienceMs });
    const patient = ['--retry-lock', LOCK_PATIENCE, '--cleanup-cache', '--json', ...command];
    const ended = await attempt(patient);
    if (ended.exitCode !== EXIT.locked) return ended;
    await attempt(['unlock']);
    return await attempt(patient);
  }
}

/** What a command has come to. */
export interface ResticOutput {
  exitCode: number;
  values: unknown[];
}

/** Some commands print one value over several lines, others one a line. */
function valuesOf(stdout: string): unknown[] {
  const text = stdout.trim();
  if (text === '') return [];
  try {
    return [JSON.parse(text)];
  } catch {
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as unknown];
      } catch {
        return [];
      }
    });
  }
}
