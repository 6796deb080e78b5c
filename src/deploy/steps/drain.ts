import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStatus } from '../../docker/http.ts';
import type { Server } from '../../fleet/server.ts';
import { LABEL } from '../../model/labels.ts';
import type { Log } from '../../model/log.ts';
import type { Scope } from '../../model/names.ts';
import type { RetireStep } from '../planning/plan.ts';
import { countConnections } from './connections.ts';

const POLL_MS = 1_000;
/** A connection may be between two requests of one user: only three empty looks in a row are an end. */
const EMPTY_LOOKS_NEEDED = 3;
/** Between empty looks: the old side has to stop within 5 s of its last connection, also on a busy server. */
const EMPTY_POLL_MS = 250;
const FEEDBACK_EVERY_MS = 5_000;

/** How a drain ended. */
export interface DrainOutcome {
  ms: number;
  /** Connections that were still open when the time was over. */
  cut: number;
}

/** warnOfCut says that a drain was not over in time. */
export function warnOfCut(
  log: Log,
  where: string,
  { cut }: DrainOutcome,
  limitMs: number,
  fate: string,
): void {
  if (cut === 0) return;
  const what = cut === 1 ? '1 connection is' : `${cut} connections are`;
  log.warning(`${where}: ${what} ${fate}, the drain timeout of ${limitMs / 1000} s is over`);
}

/** The container that nobody shall be connected to any more. */
export interface DrainTarget extends Pick<RetireStep, 'service' | 'id' | 'name'> {
  /** Ports whose connections count; undefined is every port that it listens on. */
  ports: readonly number[] | undefined;
  /** 0 is without limit. */
  drainTimeoutMs: number;
}

/** What a drain needs beside the step. */
export interface DrainContext {
  scope: Scope;
  /** An image that is on the server and has `cat`. */
  helperImage: string;
  log: Log;
  signal: AbortSignal;
}

/**
 * drain waits until nobody is connected to a container any more, or the time of the step is over. A helper in
 * the container's network namespace reads the kernel's table: that works for every image, also without a
 * shell, and needs no right but Docker's.
 */
export async function drain(server: Server, step: DrainTarget, context: DrainContext): Promise<DrainOutcome> {
  const begun = Date.now();
  const limitMs = step.drainTimeoutMs || Number.POSITIVE_INFINITY;
  let helper = await startHelper(server, step, context);
  let emptyLooks = 0;
  let open = 0;
  let toldAt = begun;
  try {
    while (true) {
      context.signal.throwIfAborted();
      // The container to drain has ended by itself, or another run has removed it.
      if (helper === undefined) return { ms: Date.now() - begun, cut: 0 };
      const seen = await look(server, helper, step.ports);
      if (seen === undefined) {
        helper = await startHelper(server, step, context);
        continue;
      }
      open = seen;
      emptyLooks = open === 0 ? emptyLooks + 1 : 0;
      const elapsedMs = Date.now() - begun;
      if (emptyLooks === EMPTY_LOOKS_NEEDED) return { ms: elapsedMs, cut: 0 };
      if (elapsedMs >= limitMs) {
        return { ms: elapsedMs, cut: open };
      }
      if (open > 0 && Date.now() - toldAt >= FEEDBACK_EVERY_MS) {
        toldAt = Date.now();
        context.log.info(
          `${step.name} on ${server.host} drains: ${open} open, ${Math.round(elapsedMs / 1000)} s of ${limitText(limitMs)}`,
        );
      }
      const pollMs = open === 0 ? EMPTY_POLL_MS : POLL_MS;
      await sleep(Math.min(pollMs, Math.max(0, limitMs - elapsedMs)), undefined, { signal: context.signal });
    }
  } finally {
    if (helper !== undefined) await server.engine.removeContainer(helper);
  }
}

function limitText(limitMs: number): string {
  return Number.isFinite(limitMs) ? `${limitMs / 1000} s` : 'unlimited time';
}

/**
 * Returns undefined when the container to drain does not run any more; that alone says so, never a missing helper.
 * `cat` without an argument waits on its open input for ever; it is asked for files by exec.
 */
async function startHelper(
  server: Server,
  step: DrainTarget,
  context: DrainContext,
): Promise<string | undefined> {
  const { engine } = server;
  try {
    const id = await engine.createContainer(`${step.name}_drain_${randomUUID()}`, {
      Image: context.helperImage,
      Entrypoint: ['cat'],
      Cmd: [],
      OpenStdin: true,
      NetworkDisabled: false,
      Labels: {
        [LABEL.role]: 'helper',
        [LABEL.project]: context.scope.project,
        [LABEL.environment]: context.scope.environment,
        [LABEL.service]: step.service,
      },
      HostConfig: {
        NetworkMode: `container:${step.id}`,
        AutoRemove: true,
        CapDrop: ['ALL'],
        ReadonlyRootfs: true,
      },
    });
    await engine.startContainer(id);
    return id;
  } catch (error) {
    if ((await engine.findContainer(step.id))?.State?.Running !== true) return undefined;
    throw error;
  }
}

/** Returns undefined when the helper has gone. */
async function look(
  server: Server,
  helper: string,
  ports: readonly number[] | undefined,
): Promise<number | undefined> {
  try {
    const { stdout } = await server.engine.exec(helper, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    return countConnections(stdout, ports);
  } catch (error) {
    if (isStatus(error, 404, 409)) return undefined;
    throw error;
  }
}
