import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import { LABEL } from '../model/labels.ts';
import type { Scope } from '../model/names.ts';
import type { DatabaseContainer } from './databases/program.ts';

/** A container of a service that runs, with what it was told. */
export interface RunningContainer extends DatabaseContainer {
  id: string;
  /** The image as its release names it, and the id of the one that runs. */
  image: string;
  imageId: string;
  release: number;
  memoryBytes: number | undefined;
  isRunning: boolean;
  /** Names of the volumes that it mounts. */
  volumes: string[];
  /** Its variables as they are. */
  variables: string[];
  workingDir: string;
}

/** findRunning returns the container of a service that runs on a server; undefined where there is none. */
export async function findRunning(
  server: Server,
  scope: Scope,
  service: string,
): Promise<RunningContainer | undefined> {
  const found = await findStanding(server, scope, service);
  return found?.isRunning ? found : undefined;
}

/** findStanding returns the container of a service on a server, one that runs before one that does not; undefined where there is none. */
export async function findStanding(
  server: Server,
  scope: Scope,
  service: string,
): Promise<RunningContainer | undefined> {
  const { engine } = server;
  const label = [
    `${LABEL.role}=service`,
    `${LABEL.project}=${scope.project}`,
    `${LABEL.environment}=${scope.environment}`,
    `${LABEL.service}=${service}`,
  ];
  const found = await engine.listContainers({ label });
  const byAge = found.sort((a, b) => (b.Created ?? 0) - (a.Created ?? 0));
  // Two stand only while the one is replaced by the other: the newer one has the data.
  const newest = byAge.find(({ State }) => State === 'running') ?? byAge[0];
  if (newest?.Id === undefined) return undefined;
  const { Config, Image, Args, Path, HostConfig, Mounts } = await engine.inspectContainer(newest.Id);
  const labels = Config?.Labels ?? {};
  const command = [Path ?? '', ...(Args ?? [])];
  return {
    id: newest.Id,
    image: labels[LABEL.version] ?? Config?.Image ?? '',
    imageId: Image ?? '',
    release: Number(labels[LABEL.release] ?? 0),
    memoryBytes: HostConfig?.Memory || undefined,
    isRunning: newest.State === 'running',
    volumes: (Mounts ?? []).flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
    variables: Config?.Env ?? [],
    workingDir: Config?.WorkingDir || '/',
    command,
    configuration: await configurationOf(server, newest.Id, command),
    environment: await environmentOf(server, newest.Id, Config?.Env ?? []),
  };
}

const FILE = '_FILE';

/** What a variable names with `_FILE` is read where the container has it, as its own entrypoint does. */
async function environmentOf(
  { engine }: Server,
  id: string,
  said: readonly string[],
): Promise<Record<string, string>> {
  const pairs = said.map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const read = pairs.map(async ([name, value]) => {
    if (!name.endsWith(FILE) || !value.startsWith('/')) return [name, value] as const;
    try {
      const [text = ''] = (await engine.readFiles(id, value)).values();
      return [name.slice(0, -FILE.length), text.replace(/\n+$/, '')] as const;
    } catch (error) {
      if (isStatus(error, 404)) return [name, value] as const;
      throw error;
    }
  });
  return Object.fromEntries(await Promise.all(read));
}

/** A file of settings among the words of the command, as redis-server takes it. */
async function configurationOf(
  { engine }: Server,
  id: string,
  command: readonly string[],
): Promise<string | undefined> {
  const path = command.find((word) => word.startsWith('/') && word.endsWith('.conf'));
  if (path === undefined) return undefined;
  try {
    return [...(await engine.readFiles(id, path)).values()][0];
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
