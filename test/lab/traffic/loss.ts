/**
 * Why a request counts as lost. `closed` is a FIN before the whole answer, `reset` a RST, `mismatch` a whole
 * answer with the wrong content, `malformed` no HTTP at all,
 * `handshake` TLS that did not come about, `unreachable` no route to the server, and
 * `client` a limit of the load generator's own machine (ports, file handles), which says nothing about the server.
 */
export type LossKind =
  | 'refused'
  | 'reset'
  | 'closed'
  | 'timeout'
  | 'mismatch'
  | 'malformed'
  | 'handshake'
  | 'unreachable'
  | 'client'
  | `status ${number}`;

/** Loss is the error of one request, connection or stream that did not get what it was owed. */
export class Loss extends Error {
  readonly kind: LossKind;
  readonly detail: string;
  /** When it was noticed, in milliseconds since 1970. */
  readonly at = Date.now();

  constructor(kind: LossKind, detail: string) {
    super(`${kind}: ${detail}`);
    this.name = 'Loss';
    this.kind = kind;
    this.detail = detail;
  }
}

const kinds: Record<string, LossKind> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
};

/** lossOf turns a socket's error into a Loss; `doing` says what was under way, as in `connecting`. */
export function lossOf(error: Error, doing: string): Loss {
  if (error instanceof Loss) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new Loss(kinds[code] ?? 'client', `${code || error.message} while ${doing}`);
}
