import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerInspectResponse } from '@docker/node-sdk';
import { isStatus } from '../docker/http.ts';
import { explainRefusal } from '../fleet/engine-failure.ts';
import { allOrErrors } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
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
  /** Aborted, it waits no longer. */
  signal: AbortSignal;
}

/** A lock that was taken. */
interface Lock {
  server: Server;
  id: string;
}

/**
 * withEdgeLocks runs `work` while no other run changes the edges of `servers`. A lock is a container that is
 * created and never started: the engine gives a name to one creator only. A dead holder's lock is removed by
 * its id, so a lock taken meanwhile is never hit. Nobody waits for a lock while holding another one, so two runs
 * never block each other. It throws a UserError when a lock stays held.
 */
export async function withEdgeLocks<T>(
  servers: readonly Server[],
  image: string,
  holder: LockHolder,
  log: Log,
  work: () => Promise<T>,
): Promise<T> {
  const locks = await takeAll(servers, image, holder, log);
  try {
    return await work();
  } finally {
    await giveBack(locks);
  }
}

async function takeAll(
  servers: readonly Server[],
  image: string,
  holder: LockHolder,
  log: Log,
): Promise<Lock[]> {
  // Of two runs that want the same servers, the one that gets the first gets the others too.
  const sorted = [...servers].sort((a, b) => (a.host < b.host ? -1 : 1));
  const giveUpAt = Date.now() + WAIT_MS;
  const locks: Lock[] = [];
  const take = async (server: Server): Promise<void> => {
    const id = await tryLock(server, image, holder);
    if (id !== undefined) locks.push({ server, id });
  };
  try {
    while (true) {
      await allOrErrors(sorted.slice(0, 1).map(take));
      if (locks.length > 0) await allOrErrors(sorted.slice(1).map(take));
      const held = sorted.filter((server) => !locks.some((lock) => lock.server === server));
      if (held.length === 0) return locks;
      await giveBack(locks.splice(0));
      await allOrErrors(held.map((server) => awaitRelease(server, holder, log, giveUpAt)));
    }
  } catch (error) {
    await giveBack(locks);
    throw error;
  }
}

async function giveBack(locks: readonly Lock[]): Promise<void> {
  await allOrErrors(locks.map(({ server, id }) => server.engine.removeContainer(id)));
}

/** Returns the lock's id; undefined while somebody has it. */
async function tryLock(server: Server, image: string, holder: LockHolder): Promise<string | undefined> {
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
        [LABEL.end]: new Date(Date.now() + TTL_MS).toISOString(),
      },
      HostConfig: { NetworkMode: 'none' },
    });
  } catch (error) {
    if (isStatus(error, 409)) return undefined;
    throw explainRefusal(`${server.host}: the edge cannot be locked`, error);
  }
}

/** Returns when nobody holds the lock of a server any more; a dead holder's lock is removed. */
async function awaitRelease(server: Server, holder: LockHolder, log: Log, giveUpAt: number): Promise<void> {
  const { engine, host } = server;
  let isAnnounced = false;
  let seen: { id?: string; takenAt: number } = { takenAt: Number.POSITIVE_INFINITY };
  while (true) {
    const held = await engine.findContainer(EDGE_LOCK_NAME);
    if (held === undefined) return;
    const labels = held.Config?.Labels ?? {};
    if (seen?.id !== held.Id)
      seen = { id: held.Id, takenAt: performance.now() - (await ageOf(server, held)) };
    if (performance.now() - seen.takenAt > TTL_MS || isOvertaken(labels, holder)) {
      log.info(`${host}: the edge was locked by ${labels[LABEL.holder]}, which is gone; taking over`);
      await engine.removeContainer(held.Id!);
      return;
    }
    if (Date.now() > giveUpAt) {
      throw new UserError(`${host}: the edge is being changed by ${labels[LABEL.holder]}`, {
        hint: `It holds the lock until ${labels[LABEL.end]}. Run again after that.`,
      });
    }
    if (!isAnnounced) log.info(`${host}: waiting while ${labels[LABEL.holder]} changes the edge`);
    isAnnounced = true;
    await sleep(POLL_MS, undefined, { signal: holder.signal });
  }
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
