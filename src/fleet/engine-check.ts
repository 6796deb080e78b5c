import type { Engine } from '../docker/engine.ts';
import { UserError } from '../model/errors.ts';
import { isAtLeast } from '../model/versions.ts';

/** Oldest Engine API we speak: it came with Docker 20.10. */
const OLDEST_API = [1, 41] as const;

/**
 * checkEngine throws a UserError when the engine of `server` is too old, and whatever keeps it from answering. It asks
 * for a ping, which costs the engine nothing: for its version it runs two programs.
 */
export async function checkEngine(engine: Engine, server: string): Promise<void> {
  const apiVersion = await engine.ping();
  if (isAtLeast(apiVersion, OLDEST_API)) return;
  throw new UserError(`${server}: Docker is too old (its API is ${apiVersion || 'without a number'})`, {
    hint: 'Install Docker 20.10 or newer there.',
  });
}
