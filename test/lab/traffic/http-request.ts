import { createHash, randomBytes, randomInt } from 'node:crypto';
import type { Answer } from './http-connection.ts';
import { Loss } from './loss.ts';
import { nameOf, type Target } from './targets.ts';

/** One request, by which its answer is known. */
export interface TrafficRequest {
  method: 'GET' | 'POST';
  id: string;
  /** The request's body; empty for GET. */
  body: Buffer;
}

/** A request as bytes. */
export interface HttpRequest extends TrafficRequest {
  bytes: Buffer;
}

/** What a request is made of. */
export interface HttpRequestParts {
  method: 'GET' | 'POST';
  path: string;
  target: Target;
  hostHeader?: string | undefined;
  keepAlive: boolean;
}

const LONGEST_BODY = 4_096;
const noise = randomBytes(65_536 + LONGEST_BODY);
let lastId = 0;

/** newRequest returns a request with an id of its own; a POST gets 1 to 4,096 random bytes. */
export function newRequest(method: 'GET' | 'POST'): TrafficRequest {
  const id = `${process.pid}-${++lastId}`;
  return { method, id, body: method === 'POST' ? randomPortion() : Buffer.alloc(0) };
}

/** buildRequest writes a new request by hand. */
export function buildRequest({ method, path, target, hostHeader, keepAlive }: HttpRequestParts): HttpRequest {
  const request = newRequest(method);
  const { id, body } = request;
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${hostHeader ?? nameOf(target)}`,
    `X-Traffic-Id: ${id}`,
    ...(method === 'POST'
      ? [`Content-Length: ${body.length}`, 'Content-Type: application/octet-stream']
      : []),
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}`,
    '',
    '',
  ].join('\r\n');
  return { ...request, bytes: Buffer.concat([Buffer.from(head), body]) };
}

/** randomPortion returns 1 to 4,096 random bytes. */
export function randomPortion(): Buffer {
  const start = randomInt(65_536);
  return noise.subarray(start, start + randomInt(1, LONGEST_BODY + 1));
}

/**
 * checkAnswer returns the version that gave the answer (`unknown` if it does not say).
 * @throws Loss `status N` unless 2xx; `mismatch` when the answer belongs to another request or a POST's body
 *   did not arrive byte for byte
 */
export function checkAnswer(
  { method, id, body }: TrafficRequest,
  answer: Pick<Answer, 'status' | 'headers' | 'body'>,
): string {
  if (answer.status < 200 || answer.status > 299) {
    throw new Loss(`status ${answer.status}`, answer.body.toString('utf8', 0, 200).trim());
  }
  const echoed = answer.headers.get('x-traffic-id');
  if (echoed !== undefined && echoed !== id)
    throw new Loss('mismatch', `the answer to ${echoed}, not to ${id}`);
  const said = jsonOf(answer);
  if (method === 'POST') {
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (said?.sha256 !== sha256 || said.length !== body.length) {
      throw new Loss('mismatch', `sent ${body.length} bytes, ${sha256}; answered ${JSON.stringify(said)}`);
    }
  }
  return typeof said?.version === 'string' ? said.version : 'unknown';
}

function jsonOf({ headers, body }: Pick<Answer, 'headers' | 'body'>): Record<string, unknown> | undefined {
  if (!headers.get('content-type')?.startsWith('application/json')) return undefined;
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    throw new Loss('mismatch', `not the JSON it claims to be: ${body.toString('utf8', 0, 80)}`);
  }
}
