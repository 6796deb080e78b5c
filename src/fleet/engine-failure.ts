import { isFullDisk, ROOM_ON_SERVER } from '../docker/full-disk.ts';
import { EngineError } from '../docker/http.ts';
import { isTunnelBroken, messageOf, UserError } from '../model/errors.ts';

/**
 * explainCutOff returns the error for a request to the engine of `server` that got no answer, or only a part of one. It
 * is as isTunnelBroken as `error`.
 */
export function explainCutOff(server: string, error: unknown): UserError {
  const explained = new UserError(
    `${server}: the connection to its Docker engine broke off (${messageOf(error)})`,
    {
      hint: 'Nobody knows what became of the last call there. Run again: the next run looks, and finishes or undoes what was begun.',
      cause: error,
    },
  );
  return isTunnelBroken(error) ? Object.assign(explained, { isTunnelBroken: true }) : explained;
}

/**
 * explainRefusal returns the error for an engine that refused what nobody had expected it to: `what` names step and
 * server. Every other error is returned as it is.
 */
export function explainRefusal(what: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  return new UserError(`${what}: the Docker engine refuses: ${error.message}`, {
    hint: isFullDisk(error.message)
      ? ROOM_ON_SERVER
      : 'These are the words of the Docker engine. What had the traffic has it still; the next run finishes what is left.',
    cause: error,
  });
}
