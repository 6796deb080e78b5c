import { setTimeout as sleep } from 'node:timers/promises';
import { isStatus } from '../docker/http.ts';
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
}

/**
 * withEdgeLock runs `work` while no other run changes the edge of `server`. The lock is a container that is
 * created and never started: the engine gives a name to one creator only. A dead holder's lock is removed by
 * its id, so a lock taken meanwhile is never hit. It throws a UserError when the lock stays held.
 */
export async function withEdgeLock<T>(
  server: Server,
  image: string,
  holder: LockHolder,
  log: Log,
  work: () => Promise<T>,
): Promise<T> {
  const id = await acquire(server, image, holder, log);
  try {
    return await work();
  } finally {
    await server.engine.removeContainer(id);
  }
}

async function acquire(server: Server, image: string, holder: LockHolder, log: Log): Promise<string> {
  const { engine } = server;
  const giveUpAt = Date.now() + WAIT_MS;
  let isAnnounced = false;
  while (true) {
    try {
      return await engine.createContainer(EDGE_LOCK_NAME, {
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
      if (!isStatus(error, 409)) throw error;
    }
    const held = await engine.findContainer(EDGE_LOCK_NAME);
    if (held === undefined) continue;
    const labels = held.Config?.Labels ?? {};
    if (Date.parse(labels[LABEL.end] ?? '') < Date.now() || isOvertaken(labels, holder)) {
      log.info(`${server.host}: the edge was locked by ${labels[LABEL.holder]}, which is gone; taking over`);
      await engine.removeContainer(held.Id!);
      continue;
    }
    if (Date.now() > giveUpAt) {
      throw new UserError(`${server.host}: the edge is being changed by ${labels[LABEL.holder]}`, {
        hint: `It holds the lock until ${labels[LABEL.end]}. Run again after that.`,
      });
    }
    if (!isAnnounced) log.info(`${server.host}: waiting while ${labels[LABEL.holder]} changes the edge`);
    isAnnounced = true;
    await sleep(POLL_MS);
  }
}

/** A run of our own environment with a lower number than ours has lost the lease that we hold now. */
function isOvertaken(labels: Record<string, string>, { scope, fence }: LockHolder): boolean {
  return (
    labels[LABEL.project] === scope.project &&
    labels[LABEL.environment] === scope.environment &&
    Number(labels[LABEL.fence]) < fence
  );
}
