import type { Server } from '../../fleet/server.ts';
import { type Clock, inTime } from '../../model/clock.ts';

/** A file system that hangs must not keep a run from beginning. */
const PATIENCE_MS = 5_000;

/** How a server does, as far as two calls tell. */
export interface Vitals {
  /** The server's name. */
  server: string;
  /** `26.1.5`. */
  engine: string;
  /** The folder in which the engine keeps images and containers. */
  root: string;
  /** Free there; undefined when nobody can tell. */
  freeBytes: number | undefined;
  memoryBytes: number;
  /** How far the server's clock is ahead of ours; negative when it is behind. */
  aheadMs: number;
}

/** takeVitals asks a server how it does. Undefined when it does not say within 5 s: then nothing is known of it. */
export async function takeVitals(server: Server, clock: Clock): Promise<Vitals | undefined> {
  return await inTime(
    clock,
    ask(server, clock).catch(() => undefined),
    PATIENCE_MS,
    undefined,
  );
}

async function ask(server: Server, clock: Clock): Promise<Vitals> {
  const sentAt = clock.now();
  const info = await server.engine.info();
  const { DockerRootDir: root = '', MemTotal: memoryBytes = 0, ServerVersion: engine = '' } = info;
  // The clock was read somewhere between question and answer.
  const readAt = (sentAt + clock.now()) / 2;
  const aheadMs = info.SystemTime ? Date.parse(info.SystemTime) - readAt : 0;
  const freeBytes = await server.freeBytes(root);
  return { server: server.name, engine, root, freeBytes, memoryBytes, aheadMs };
}
