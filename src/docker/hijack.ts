import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';

/** What became of a request that asked for its connection. */
export interface Hijacking {
  /** The engine has handed the connection over. */
  onStream(stream: Duplex): void;
  /** The engine has answered instead, as it does when it refuses. */
  onAnswer(status: number, body: string): void;
  onError(error: unknown): void;
}

/**
 * hijackHandlers are for undici's `dispatch`. Its own `upgrade` throws the answer of an engine that refuses away, and
 * with it the reason.
 */
export function hijackHandlers(
  signal: AbortSignal | undefined,
  { onStream, onAnswer, onError }: Hijacking,
): Dispatcher.DispatchHandlers {
  const body: Buffer[] = [];
  let status = 0;
  let giveUp = (): void => undefined;
  const stopListening = (): void => signal?.removeEventListener('abort', giveUp);
  return {
    onConnect(abort) {
      giveUp = () => abort(signal?.reason);
      if (signal?.aborted) giveUp();
      else signal?.addEventListener('abort', giveUp);
    },
    onUpgrade(_status, _headers, stream) {
      stopListening();
      onStream(stream);
    },
    onHeaders(statusCode) {
      status = statusCode;
      return true;
    },
    onData(chunk) {
      body.push(chunk);
      return true;
    },
    onComplete() {
      stopListening();
      onAnswer(status, Buffer.concat(body).toString());
    },
    onError(error) {
      stopListening();
      onError(error);
    },
  };
}
