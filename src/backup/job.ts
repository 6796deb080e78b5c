import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import type { Clock } from '../model/clock.ts';
import { poll } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import type { Log } from '../model/log.ts';
import { containerName, type Scope } from '../model/names.ts';
import { JOB_FOLDER, type Mount } from './vault.ts';

/** Where a job leaves what it has found out, in its folder. */
const OUTPUT_FOLDER = `${JOB_FOLDER}/out`;

/** Something that is done to the data of a service, in a container that ends by itself. */
export interface Job {
  /** For people: `the backup of db`. */
  title: string;
  service: string;
  image: string;
  /** A program of the image, and its arguments; its files are scripts of the job. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Texts in the folder of the job, by name: scripts, and what is secret. */
  files: Readonly<Record<string, string>>;
  mounts: readonly Mount[];
  /** The id of a container whose volumes and files it can read. */
  volumesOf?: string | undefined;
  /** The engine's name of the network: `container:<id>` is that of a container. */
  network: string;
  /** Undefined is without limit. */
  memoryBytes?: number | undefined;
}

/** What jobs are run with. */
export interface JobSurroundings {
  server: Server;
  scope: Scope;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/** What a job that has ended well has left, by the names in its output folder, and how long it took. */
export interface JobOutcome {
  output: ReadonlyMap<string, string>;
  tookMs: number;
}

const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 1_000;
const FEEDBACK_EVERY_MS = 10_000;
/** A cancelled run has 7 s for all that is left to do. */
const CANCEL_GRACE_S = 3;
/** How long a run waits for the job of another one. */
const TURN_MS = 60 * 60_000;
/** Whoever has created a job starts it sooner than this, and reads what one has left that has ended; unless it was killed. */
const STARTING_MS = 60_000;
const READING_MS = 10_000;
const LOG_LINES = 50;

/**
 * runJob runs a job to its end and returns what it has left. One job of a service runs on a server at a time: its container
 * has the one name for it, which the engine gives to one creator, and whoever comes later waits. What a killed run has left
 * goes on to its end, and is removed by the next one. It throws a UserError with the last lines of a job that has failed.
 */
export async function runJob(surroundings: JobSurroundings, job: Job): Promise<JobOutcome> {
  const { server, clock, signal } = surroundings;
  const { engine } = server;
  const id = await claim(surroundings, job);
  try {
    const files = Object.entries(job.files).map(([path, text]) => ({
      path,
      content: Buffer.from(text),
      mode: 0o400,
      ...ROOT,
    }));
    const folder = { path: 'out', mode: 0o700, ...ROOT };
    await engine.writeEntries(id, JOB_FOLDER, [folder, ...files]);
    signal.throwIfAborted();
    const began = clock.now();
    await engine.startContainer(id);
    const exitCode = await awaitEnd(surroundings, job, id);
    const tookMs = clock.now() - began;
    if (exitCode !== 0) throw await failure(server, job, id, exitCode);
    const found = await engine.readFiles(id, OUTPUT_FOLDER);
    const output = new Map([...found].map(([path, text]) => [path.replace(/^out\//, ''), text]));
    return { output, tookMs };
  } catch (error) {
    if (signal.aborted) await engine.stopContainer(id, CANCEL_GRACE_S).catch(() => undefined);
    throw error;
  } finally {
    await remove(server, id);
  }
}

const ROOT = { uid: 0, gid: 0 };

/** The name of the one container by which jobs of a service take turns. */
function jobName(scope: Scope, service: string): string {
  return `${containerName(scope, service, 'base')}_backup`;
}

/** Creates the container of a job as soon as nobody else has its name. */
async function claim(surroundings: JobSurroundings, job: Job): Promise<string> {
  const { server, scope, clock, log, signal } = surroundings;
  const name = jobName(scope, job.service);
  const waiting = clock.endingWith(signal);
  let seen: { id: string; status: string; at: number } | undefined;
  const id = await poll(waiting, { everyMs: LONGEST_POLL_MS, timeoutMs: TURN_MS }, async () => {
    try {
      return await create(server, scope, job, name);
    } catch (error) {
      if (!isStatus(error, 409)) throw cannotStart(server, job, error);
    }
    const other = await server.engine.findContainer(name);
    if (other?.Id === undefined) return undefined;
    const status = other.State?.Status ?? '';
    if (seen === undefined)
      log.info(`${server.name}: another backup or restore of ${job.service} is at work; waiting`);
    if (seen?.id !== other.Id || seen.status !== status) seen = { id: other.Id, status, at: clock.now() };
    const patienceMs = status === 'created' ? STARTING_MS : READING_MS;
    if (!other.State?.Running && clock.now() - seen.at >= patienceMs) await remove(server, other.Id);
    return undefined;
  });
  if (id !== undefined) return id;
  throw new UserError(`${server.name}: another backup or restore of ${job.service} is at work for an hour`, {
    hint: `See what it does with "docker logs ${name}" on ${server.name}. Once it has ended, or was stopped, run again.`,
  });
}

async function create({ engine }: Server, scope: Scope, job: Job, name: string): Promise<string> {
  const labels = {
    [LABEL.role]: 'backup',
    [LABEL.project]: scope.project,
    [LABEL.environment]: scope.environment,
    [LABEL.service]: job.service,
  };
  return await engine.createContainer(name, {
    Image: job.image,
    Entrypoint: [...job.command.slice(0, 1)],
    Cmd: [...job.command.slice(1)],
    User: '0:0',
    WorkingDir: JOB_FOLDER,
    Env: Object.entries(job.environment).map(([key, value]) => `${key}=${value}`),
    Labels: labels,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Init: true,
      NetworkMode: job.network,
      // A volume without a name goes with its container.
      Mounts: [{ Type: 'volume', Target: JOB_FOLDER, VolumeOptions: { Labels: labels } }, ...job.mounts],
      ...(job.volumesOf !== undefined && { VolumesFrom: [`${job.volumesOf}:ro`] }),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
      ...(job.memoryBytes !== undefined && { Memory: job.memoryBytes, MemorySwap: job.memoryBytes }),
    },
  });
}

async function remove({ engine }: Server, id: string): Promise<void> {
  await engine.removeContainer(id);
}

async function awaitEnd(
  { server, clock, log, signal }: JobSurroundings,
  { title }: Job,
  id: string,
): Promise<number> {
  const began = clock.now();
  let toldAt = began;
  const everyMs = (looks: number) => Math.min(FIRST_POLL_MS * 2 ** (looks - 1), LONGEST_POLL_MS);
  const ended = await poll(clock.endingWith(signal), { everyMs }, async () => {
    const found = await server.engine.findContainer(id);
    if (found === undefined) throw wasRemoved(server, title);
    const { State } = found;
    if (!State?.Running) return { exitCode: State?.ExitCode ?? 1 };
    if (clock.now() - toldAt >= FEEDBACK_EVERY_MS) {
      toldAt = clock.now();
      log.info(`${server.name}: ${title} goes on, ${Math.round((toldAt - began) / 1000)} s`);
    }
    return undefined;
  });
  return ended?.exitCode ?? 1;
}

async function failure(server: Server, { title }: Job, id: string, exitCode: number): Promise<UserError> {
  const { stdout, stderr } = await server.engine
    .logs(id, { tail: LOG_LINES })
    .catch((error) => ({ stdout: '', stderr: messageOf(error) }));
  const lines = `${stdout}${stderr}`.trimEnd();
  const said = lines === '' ? 'It printed nothing.' : `Its last lines:\n${lines.replaceAll(/^/gm, '  | ')}`;
  return new UserError(`${server.name}: ${title} failed with exit code ${exitCode}. ${said}`, {
    hint: 'Nothing of it counts as a backup. What is said above tells what is wrong; then run again.',
  });
}

/** A deploy that replaces the container of a database takes along what uses its network. */
function wasRemoved({ name }: Server, title: string): UserError {
  return new UserError(`${name}: ${title} was removed while it was at work`, {
    hint: 'A deploy has replaced the container of the service, or somebody has removed the job. Run again.',
  });
}

function cannotStart(server: Server, { title, image }: Job, error: unknown): unknown {
  if (error instanceof UserError) return error;
  return new UserError(`${server.name}: ${title} cannot start: ${messageOf(error)}`, {
    hint: `It runs in the image ${image}: is it on ${server.name} still?`,
    cause: error,
  });
}
