import { callGrpc } from '../../fleet/grpc.ts';
import type { Server } from '../../fleet/server.ts';
import { inTime } from '../../model/clock.ts';
import { GRPC_HEALTH_PATH, healthQuestion } from '../../model/grpc.ts';
import type { Healthcheck, Protocol } from '../../model/spec.ts';
import type { LookContext } from './context.ts';
import { complaintAboutGrpc } from './grpc-verdict.ts';
import { type Complaint, complaintAbout } from './http-verdict.ts';
import type { ImageCheck, StartedCopy } from './start.ts';

/** A copy that is asked how it does. */
export interface Candidate extends StartedCopy {
  /** A worker has neither. */
  containerPort?: number;
  protocol?: Protocol;
  /** As it counts for this copy, see {@link checkWithImage}. */
  healthcheck: Healthcheck;
  /** The Host that the app is asked with. */
  host: string;
}

/** checkWithImage returns a health check with the times of the image's own HEALTHCHECK, where that is the check. Pure. */
export function checkWithImage(healthcheck: Healthcheck, { test, ...times }: ImageCheck): Healthcheck {
  const { kind, unsaid = [] } = healthcheck;
  if (kind !== 'default' || test.length <= 1) return healthcheck;
  const known = unsaid.filter((name) => times[name] !== undefined);
  return { ...healthcheck, ...Object.fromEntries(known.map((name) => [name, times[name]])) };
}

/**
 * isJustWatched tells whether nothing can be asked of a copy: it is healthy when it has run for its start period without a
 * restart. Pure.
 */
export function isJustWatched({
  healthcheck: { kind },
  containerPort,
  protocol,
  imageCheck,
}: Candidate): boolean {
  if (kind === 'running') return true;
  // A datagram gets no answer from those who are not asked something that they know.
  const isSilent = containerPort === undefined || protocol === 'udp';
  return kind === 'default' && isSilent && imageCheck.test.length <= 1;
}

/**
 * examination returns a function that resolves to undefined for a healthy copy, else to what is wrong; it rejects where
 * that could not be asked.
 */
export function examination(
  server: Server,
  candidate: Candidate,
  { clock }: LookContext,
): () => Promise<Complaint | undefined> {
  const { healthcheck, protocol, address, containerPort } = candidate;
  const port = containerPort ?? 0;
  const { timeoutMs } = healthcheck;

  const http = async () => {
    const { path = '/', headers = {} } = healthcheck;
    const { host } = candidate;
    const answer = await server.http.get({ address, port, path, host, headers }, timeoutMs);
    return complaintAbout(answer, { path, host }, healthcheck);
  };
  const grpc = async () => {
    const { kind, grpcService: service = '', headers = {} } = healthcheck;
    const { host } = candidate;
    const question = { path: GRPC_HEALTH_PATH, host, headers, message: healthQuestion(service) };
    const answer = await callGrpc(await server.dial(address, port), question, timeoutMs);
    return complaintAboutGrpc(answer, { service, mayLack: kind === 'default' });
  };
  const tcp = async () => {
    const dialled = server.dial(address, port).then((stream) => {
      stream.destroy();
      return true;
    });
    const isOpen = await inTime(clock, dialled, timeoutMs, false);
    return isOpen ? undefined : { why: `no connection to port ${port} within ${timeoutMs} ms` };
  };
  /** What is well inside may be out of reach: an app that listens on 127.0.0.1 alone would get its traffic in vain. */
  const command = (test: readonly string[]) => async () => {
    const line = test[0] === 'CMD-SHELL' ? ['/bin/sh', '-c', ...test.slice(1)] : test.slice(1);
    const result = await server.engine.exec(candidate.id, line, AbortSignal.timeout(timeoutMs));
    if (result.exitCode === 0)
      return containerPort === undefined || protocol === 'udp' ? undefined : await tcp();
    const said = (result.stdout + result.stderr).trim().split('\n').at(-1) ?? '';
    return { why: `${test.slice(1).join(' ')} ended with ${result.exitCode}${said && ` (${said})`}` };
  };

  const running = async () => {
    const { State, RestartCount = 0 } = await server.engine.inspectContainer(candidate.id);
    const isSteady = State?.Running && !State.Restarting && RestartCount <= candidate.restarts;
    if (isSteady && clock.now() - candidate.since >= healthcheck.startPeriodMs) return undefined;
    return { why: `it has not run for ${healthcheck.startPeriodMs / 1000} s without a restart` };
  };

  if (isJustWatched(candidate)) return running;
  switch (healthcheck.kind) {
    case 'http':
      return http;
    case 'grpc':
      return grpc;
    case 'command':
      return command(healthcheck.test ?? []);
    case 'tcp':
      return tcp;
    case 'running':
      return running;
    case 'default': {
      const { test } = candidate.imageCheck;
      if (test.length > 1) return command(test);
      if (protocol === 'grpc') return grpc;
      return protocol === 'http' ? http : tcp;
    }
  }
}
