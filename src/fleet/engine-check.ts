import type { Engine } from '../docker/engine.ts';
import { UserError } from '../model/errors.ts';

/** Oldest Engine API we speak: 1.41 came with Docker 20.10. */
const OLDEST_API = [1, 41] as const;

/**
 * checkEngine throws a UserError when a server's engine is too old, and whatever keeps it from answering. It asks for
 * a ping, which costs the engine nothing: for its version it runs two programs.
 */
export async function checkEngine(engine: Engine, host: string): Promise<void> {
  const apiVersion = await engine.ping();
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  if (major < OLDEST_API[0] || (major === OLDEST_API[0] && minor < OLDEST_API[1])) {
    throw new UserError(`${host}: Docker is too old (its API is ${apiVersion || 'without a number'})`, {
      hint: 'Install Docker 20.10 or newer there.',
    });
  }
}
