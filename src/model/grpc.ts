/** What every gRPC service may answer about its health (grpc/health/v1). */
export const GRPC_HEALTH_PATH = '/grpc.health.v1.Health/Check';

/** GRPC_HEADERS are what a call has beside its path, their names in lower case. */
export const GRPC_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/grpc',
  te: 'trailers',
};

/**
 * healthQuestion returns the message that asks for the health of a service by its full name; an empty one asks for that of
 * the whole server. Pure.
 */
export function healthQuestion(service = ''): Buffer {
  const name = Buffer.from(service);
  // One field of text; its length takes one byte, since no name is longer than NAME_MAX.
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** GRPC_NAME_MAX is how long the name of a service may be that is asked for. */
export const GRPC_NAME_MAX = 127;

/** Before a message stands whether it is compressed, and how long it is. */
const FRAME_BYTES = 5;

/** healthStatus returns what a message of the answer says, by the name that the protocol has for it; undefined for what is none. Pure. */
export function healthStatus(answer: Buffer): string | undefined {
  if (answer.length < FRAME_BYTES || answer.length !== FRAME_BYTES + answer.readUInt32BE(1)) return undefined;
  const [key, status = 0] = answer.subarray(FRAME_BYTES);
  // What is 0 is left out.
  if (key === undefined) return STATUSES[0];
  return key === 0x08 ? STATUSES[status] : undefined;
}

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
