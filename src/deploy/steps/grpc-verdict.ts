import type { GrpcAnswer } from '../../fleet/grpc.ts';
import { healthStatus } from '../../model/grpc.ts';
import type { Complaint } from './http-verdict.ts';

/** By the numbers that gRPC has for what went wrong. */
const UNIMPLEMENTED = 12;
const NOT_FOUND = 5;

/**
 * complaintAboutGrpc returns what is wrong with an answer to the question for the health of `service`, an empty one being
 * the whole server; undefined for a good one. Who `mayLack` it and does not know the question works all the same. Pure.
 */
export function complaintAboutGrpc(
  { httpStatus, status, text, message }: GrpcAnswer,
  { service, mayLack }: { service: string; mayLack: boolean },
): Complaint | undefined {
  const asked = service === '' ? 'its health over gRPC' : `the health of ${service} over gRPC`;
  if (httpStatus !== 200 && status === undefined)
    return {
      why: `asked for ${asked} it answered with HTTP ${httpStatus}`,
      advice: 'Does it speak gRPC on this port? Set "protocol" to what it speaks.',
    };
  if (status === UNIMPLEMENTED)
    return mayLack
      ? undefined
      : {
          why: `asked for ${asked} it does not know the question`,
          advice:
            'Register the service grpc.health.v1.Health in the app; without "grpc" under healthcheck it is enough that it answers.',
        };
  if (status === NOT_FOUND)
    return {
      why: `asked for ${asked} it does not know that service`,
      advice: 'Write the full name, "package.Service", as the app registers it with its health service.',
    };
  if (status !== 0)
    return { why: `asked for ${asked} it answered status ${status ?? 'none'}${text && ` (${text})`}` };
  const health = healthStatus(message);
  if (health === 'SERVING') return undefined;
  return { why: `asked for ${asked} it says ${health ?? 'what is no answer to that'}` };
}
