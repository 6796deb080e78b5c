import type { Server } from '../../fleet/server.ts';
import { messageOf } from '../../model/errors.ts';

/** How much of a container's log is shown. */
const LOG_LINES = 50;

/** lastLines returns the end of a container's log as it is shown in errors: behind bars, or that there is nothing. */
export async function lastLines(server: Server, id: string): Promise<string> {
  const { stdout, stderr } = await server.engine
    .logs(id, { tail: LOG_LINES })
    .catch((error) => ({ stdout: '', stderr: messageOf(error) }));
  const lines = `${stdout}${stderr}`.trimEnd();
  return lines === '' ? 'It printed nothing.' : `Its last lines:\n${lines.replaceAll(/^/gm, '  | ')}`;
}
