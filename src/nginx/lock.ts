import type { ContainerInspectResponse } from '@docker/node-sdk';
import { isStatus } from '../docker/http.ts';
import { explainRefusal } from '../fleet/engine-failure.ts';
import { allOrErrors } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import type { Log } from '../model/log.ts';
import { EDGE_LOCK_NAME, type Scope } from '../model/names.ts';

/** A change of the edge takes a second or two; a holder that is silent for this long is dead. */
const TTL_MS = 60_000;
const WAIT_MS = 90_000;
const POLL_MS = 200;

/** Who takes a lock, for the other runs' messages. */
export interface LockHolder {
  /** Names the run: a link or an id. */
  run: string;
  /** The environment whose lease the run holds, and the lease's number. */
  scope: Scope;
  fence: number;
}

/** EdgeLocks are the locks that a run holds on the edges of some servers, until it releases them. */
export class EdgeLocks {
  /** By the clock that they were taken with: from then on another run may take them for those of a dead holder. */
  readonly endsAt: number;
  readonly #held: Map<Server, string>;

  /** `held` are the locks' ids. */
  constructor(held: ReadonlyMap<Server, string>, endsAt: number) {
    this.#held = new Map(held);
    this.endsAt = endsAt;
  }

  /** release gives all of them back; those that are gone already are fine. It may be called again. */
  async release(): Promise<void> {
    await allOrErrors(
      [...this.#held].map(async ([server, id]) => {
        await server.engine.removeContainer(id);
        this.#held.delete(server);
      }),
    );
  }
}

/**
 * takeEdgeLocks returns when no other run may change the edges of `servers` any more. A lock is a container that is
 * created and never started: the engine gives a name to one creator only. A dead holder's lock is removed by its id, so
 * a lock taken meanwhile is never hit. Nobody waits for a lock while holding another one, so two runs never block each
 * other. It throws a UserError when a lock stays held, and what the clock ends with.
 */
export async function takeEdgeLocks(
  servers: readonly Server[],
  image: string,
  holder: LockHolder,
  clock: Clock,
  log: Log,
): Promise<EdgeLocks> {
  const giveUpAt = clock.now() + WAIT_MS;
  while (true) {
    const { locks, missing } = await tryLocks(servers, image, holder, clock.now() + TTL_MS);
    if (missing.length === 0) return locks;
    await locks.release();
    await allOrErrors(missing.map((server) => awaitRelease(server, holder, giveUpAt, clock, log)));
  }
}

/** withEdgeLocks runs `work` while no other run changes the edges of `servers`; see {@link takeEdgeLocks}. */
export async function withEdgeLocks<T>(
  servers: readonly Server[],
  image: string,
  holder: LockHolder,
  clock: Clock,
  log: Log,
  work: () => Promise<T>,
): Promise<T> {
  const locks = await takeEdgeLocks(servers, image, holder, clock, log);
  try {
    return await work();
  } finally {
    await locks.release();
  }
}

/** Takes what is free. Of two runs that want the same servers, the one that gets the first gets the others too. */
async function tryLocks(
  servers: readonly Server[],
  image: string,
  holder: LockHolder,
  endsAt: number,
): Promise<{ locks: EdgeLocks; missing: Server[] }> {
  const [first, ...others] = [...servers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const held = new Map<Server, string>();
  const take = async (server: Server): Promise<void> => {
    const id = await tryLock(server, image, holder, endsAt);
    if (id !== undefined) held.set(server, id);
  };
  try {
    if (first !== undefined) await take(first);
    if (held.size > 0) await allOrErrors(others.map(take));
  } catch (error) {
    // A lock that cannot be given back ends by itself; why another one could not be taken is worth more.
    await new EdgeLocks(held, endsAt).release().catch(() => undefined);
    throw error;
  }
  const missing = servers.filter((server) => !held.has(server));
  return { locks: new EdgeLocks(held, endsAt), missing };
}

/** Returns the lock's id; undefined while somebody has it. */
async function tryLock(
  server: Server,
  image: string,
  holder: LockHolder,
  endsAt: number,
): Promise<string | undefined> {
  try {
    return await server.engine.createContainer(EDGE_LOCK_NAME, {
      Image: image,
      Cmd: ['true'],
      Labels: {
        [LABEL.role]: 'edge-lock',
        [LABEL.holder]: holder.run,
        [LABEL.project]: holder.scope.project,
        [LABEL.environment]: holder.scope.environment,
        [LABEL.fence]: String(holder.fence),
        [LABEL.end]: new Date(endsAt).toISOString(),
      },
      HostConfig: { NetworkMode: 'none' },
    });
  } catch (error) {
    if (isStatus(error, 409)) return undefined;
    throw explainRefusal(`${server.name}: the edge cannot be locked`, error);
  }
}

/** Returns when nobody holds the lock of a server any more; a dead holder's lock is removed. */
async function awaitRelease(
  server: Server,
  holder: LockHolder,
  giveUpAt: number,
  clock: Clock,
  log: Log,
): Promise<void> {
  const { engine, name } = server;
  let labels: Record<string, string> = {};
  let isAnnounced = false;
  let seen = { id: '', takenAt: 0 };
  const timeoutMs = giveUpAt - clock.now();
  const isFree = await poll(clock, { everyMs: POLL_MS, timeoutMs }, async () => {
    const held = await engine.findContainer(EDGE_LOCK_NAME);
    if (held === undefined) return true;
    labels = held.Config?.Labels ?? {};
    if (seen.id !== held.Id) seen = { id: held.Id!, takenAt: clock.now() - (await ageOf(server, held)) };
    if (clock.now() - seen.takenAt > TTL_MS || isOvertaken(labels, holder)) {
      log.info(`${name}: the edge was locked by ${labels[LABEL.holder]}, which is gone; taking over`);
      await engine.removeContainer(held.Id!);
      return true;
    }
    if (!isAnnounced) log.info(`${name}: waiting while ${labels[LABEL.holder]} changes the edge`);
    isAnnounced = true;
    return undefined;
  });
  if (isFree) return;
  throw new UserError(`${name}: the edge is being changed by ${labels[LABEL.holder]}`, {
    hint: `It holds the lock until ${labels[LABEL.end]}. Run again after that.`,
  });
}

/** How long ago a lock was taken, in ms, by the server's own clock: the holder's or ours may be minutes off. */
async function ageOf({ engine }: Server, { Created }: ContainerInspectResponse): Promise<number> {
  const { SystemTime } = await engine.info();
  return Date.parse(SystemTime ?? '') - Date.parse(Created ?? '');
}

/** A run of our own environment with a lower number than ours has lost the lease that we hold now. */
function isOvertaken(labels: Record<string, string>, { scope, fence }: LockHolder): boolean {
  return (
    labels[LABEL.project] === scope.project &&
    labels[LABEL.environment] === scope.environment &&
    Number(labels[LABEL.fence]) < fence
  );
}
