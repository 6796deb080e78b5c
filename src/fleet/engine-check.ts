import type { Engine } from '../docker/engine.ts';
import { UserError } from '../model/errors.ts';

/** Oldest Engine API we speak: 1.41 came with Docker 20.10. */
const OLDEST_API = [1, 41] as const;

/** checkEngine throws a UserError when a server's engine is too old, and whatever keeps it from answering. */
export async function checkEngine(engine: Engine, host: string): Promise<void> {
  const { Version, ApiVersion } = await engine.http.json<{ Version: string; ApiVersion: string }>({
    method: 'GET',
    path: ['version'],
  });
  const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
  if (major < OLDEST_API[0] || (major === OLDEST_API[0] && minor < OLDEST_API[1])) {
    throw new UserError(`${host}: Docker ${Version} is too old`, {
      hint: 'Install Docker 20.10 or newer there.',
    });
  }
}
