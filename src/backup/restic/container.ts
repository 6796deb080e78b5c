import { randomBytes } from 'node:crypto';
import type { Server } from '../../fleet/server.ts';
import { type Clock, poll } from '../../model/clock.ts';
import { LABEL } from '../../model/labels.ts';
import { type Scope, scopeName } from '../../model/names.ts';
import { JOB_FOLDER, type Mount } from '../vault.ts';

/** What restic is run with. */
export interface ResticSurroundings {
  server: Pick<Server, 'name' | 'engine'>;
  scope: Scope;
  /** The network of the engine by which places outside are reached, `bridge` unless given. */
  network?: string;
  clock: Clock;
  /** Ends what runs, in good order. */
  signal: AbortSignal;
}

/** A program that is run to its end in a container of its own. */
export interface ContainerRun {
  image: string;
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Texts by their names in the folder of the job. */
  files: Readonly<Record<string, string>>;
  mounts: readonly Mount[];
  /** A folder of the server that is made where it is not there, and where it is in the container. */
  folder?: { onServer: string; inside: string } | undefined;
  /** Whether somebody outside is asked for something. */
  isOutside: boolean;
  /** How long it may take; without it, as long as it does. */
  patienceMs?: number | undefined;
}

/** How it has ended. */
export interface ContainerEnd {
  exitCode: number;
  stdout: string;
  stderr: string;
}

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;
/** A cancelled run has 7 s for all that is left to do. */
const CANCEL_GRACE_S = 3;

/** The exit code of what took too long, as that of timeout(1). */
const TOOK_TOO_LONG = 124;

/**
 * runContainer runs a program in a container and returns what it has printed. Where the run is called off the program is
 * asked to end first, so that it takes its locks back; so is what takes too long.
 */
export async function runContainer(
  surroundings: ResticSurroundings,
  run: ContainerRun,
): Promise<ContainerEnd> {
  const { server, clock, signal } = surroundings;
  const { engine } = server;
  const id = await createRun(surroundings, run);
  try {
    await engine.startContainer(id);
    const everyMs = (looks: number) => Math.min(FIRST_POLL_MS * 2 ** (looks - 1), LONGEST_POLL_MS);
    const timeoutMs = run.patienceMs ?? Number.POSITIVE_INFINITY;
    const ended = await poll(clock.endingWith(signal), { everyMs, timeoutMs }, async () => {
      const { State } = await engine.inspectContainer(id);
      return State?.Running ? undefined : { exitCode: State?.ExitCode ?? 1 };
    });
    if (ended === undefined) await engine.stopContainer(id, CANCEL_GRACE_S);
    return { exitCode: ended?.exitCode ?? TOOK_TOO_LONG, ...(await engine.logs(id, {})) };
  } catch (error) {
    if (signal.aborted) await engine.stopContainer(id, CANCEL_GRACE_S).catch(() => undefined);
    throw error;
  } finally {
    await engine.removeContainer(id);
  }
}

/** createRun creates the container of a run with its files, and returns its id; where it fails nothing is left behind. */
export async function createRun(
  { server, scope, network = 'bridge', signal }: ResticSurroundings,
  { image, command, environment, files, mounts, folder, isOutside }: ContainerRun,
): Promise<string> {
  signal.throwIfAborted();
  const { engine } = server;
  const labels = {
    [LABEL.role]: 'backup',
    [LABEL.project]: scope.project,
    [LABEL.environment]: scope.environment,
  };
  const name = `${runPrefix(scope)}${randomBytes(4).toString('hex')}`;
  const id = await engine.createContainer(name, {
    Image: image,
    Entrypoint: command.slice(0, 1),
    Cmd: command.slice(1),
    User: '0:0',
    Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    Labels: labels,
    HostConfig: {
      Init: true,
      NetworkMode: isOutside ? network : 'none',
      // A volume without a name goes with its container.
      Mounts: [{ Type: 'volume', Target: JOB_FOLDER, VolumeOptions: { Labels: labels } }, ...mounts],
      // In a mount of the newer form most engines make no folder.
      ...(folder !== undefined && { Binds: [`${folder.onServer}:${folder.inside}`] }),
      // All of it is read, once.
      LogConfig: { Type: 'json-file', Config: {} },
    },
  });
  try {
    const entries = Object.entries(files).map(([path, text]) => ({
      path,
      content: Buffer.from(text),
      mode: 0o400,
      uid: 0,
      gid: 0,
    }));
    await engine.writeEntries(id, JOB_FOLDER, entries);
  } catch (error) {
    await engine.removeContainer(id);
    throw error;
  }
  return id;
}

/** After so long nobody reads what a container has left that has ended. */
const DEAD_AFTER_MS = 10 * 60_000;

/** removeDeadRuns removes the containers that killed runs have left, and the files in them. One that is at work ends first. */
export async function removeDeadRuns({ server, scope, clock }: ResticSurroundings): Promise<void> {
  const { engine } = server;
  const own = {
    label: [`${LABEL.role}=backup`, `${LABEL.project}=${scope.project}`],
    name: [runPrefix(scope)],
  };
  const found = await engine.listContainers(own);
  const ended = found.filter(({ State }) => State === 'exited' || State === 'created');
  for (const { Id = '' } of ended) {
    const { State, Created } = (await engine.findContainer(Id)) ?? {};
    const at = Math.max(Date.parse(State?.FinishedAt ?? ''), Date.parse(Created ?? ''));
    if (clock.now() - at > DEAD_AFTER_MS) await engine.removeContainer(Id);
  }
}

function runPrefix(scope: Scope): string {
  return `${scopeName(scope)}_restic_`;
}
