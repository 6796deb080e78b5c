import {
  type Healthcheck,
  type HealthExpectation,
  type HealthTimes,
  isWorker,
  type PortsSpec,
} from '../model/spec.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import type { ServiceInput } from './schema/service.ts';

type HealthcheckInput = NonNullable<ServiceInput['healthcheck']>;

/** HTTP_KEYS are the keys of a health check that are about requests. */
export const HTTP_KEYS = ['path', 'headers', 'expect'] as const;

/** asksOverHttp tells whether what is said of a health check is about requests. */
export function asksOverHttp(input: HealthcheckInput): boolean {
  return HTTP_KEYS.some((name) => input[name] !== undefined);
}

/** The check of a recognised image; without a test a connection to its port. */
interface RecognisedTest {
  test: string[] | undefined;
}

/**
 * resolveHealthcheck turns what is said of a health check into what is wanted, defaults filled in. What makes no sense
 * together is reported.
 */
export function resolveHealthcheck(
  input: HealthcheckInput,
  ports: PortsSpec,
  recognised: RecognisedTest | undefined,
  report: Report,
): Healthcheck {
  const isDisabled = input.disable === true || input.test?.[0] === 'NONE';
  for (const name of HTTP_KEYS.filter((one) => input[one] !== undefined)) {
    const at = ['healthcheck', name];
    if (isDisabled) report(at, `a disabled health check has no ${name}`, 'Keep one of the two.');
    else if (input.test !== undefined)
      report(at, `${name} and test exclude each other`, 'Keep one of the two.');
    else if (ports.protocol !== undefined && ports.protocol !== 'http') {
      report(
        at,
        `needs protocol http, and this is a ${ports.protocol} service`,
        'Use test, or write protocol: http.',
      );
    }
  }
  checkGrpc(input, ports, isDisabled, report);
  const instead = isWorker(ports) || ports.protocol === 'udp' ? 'running' : 'tcp';
  const check = healthcheckKind(input, isDisabled ? instead : undefined, recognised);
  const said = {
    intervalMs: input.interval,
    timeoutMs: input.timeout,
    retries: input.retries,
    startPeriodMs: input.start_period,
  };
  const unsaid = TIMES.filter((name) => said[name] === undefined);
  return {
    ...check,
    intervalMs: said.intervalMs ?? parseDuration(DEFAULTS.healthcheck.interval),
    timeoutMs: said.timeoutMs ?? parseDuration(DEFAULTS.healthcheck.timeout),
    retries: said.retries ?? DEFAULTS.healthcheck.retries,
    startPeriodMs: said.startPeriodMs ?? parseDuration(DEFAULTS.healthcheck.start_period),
    ...(check.kind === 'default' && unsaid.length > 0 && { unsaid }),
  };
}

function checkGrpc(
  { grpc, test }: HealthcheckInput,
  { protocol }: PortsSpec,
  isDisabled: boolean,
  report: Report,
): void {
  if (grpc === undefined) return;
  const at = ['healthcheck', 'grpc'];
  if (isDisabled) report(at, 'a disabled health check has no grpc', 'Keep one of the two.');
  else if (test !== undefined) report(at, 'grpc and test exclude each other', 'Keep one of the two.');
  else if (protocol !== undefined && protocol !== 'grpc')
    report(
      at,
      `needs protocol grpc, and this is a ${protocol} service`,
      'Write protocol: grpc, or leave it out.',
    );
}

const TIMES = ['intervalMs', 'timeoutMs', 'retries', 'startPeriodMs'] as const;

function healthcheckKind(
  { path, test, headers, expect, grpc }: HealthcheckInput,
  instead: 'running' | 'tcp' | undefined,
  recognised: RecognisedTest | undefined,
): Omit<Healthcheck, keyof HealthTimes> {
  if (instead !== undefined) return { kind: instead };
  if (path !== undefined || headers !== undefined || expect !== undefined) {
    return {
      kind: 'http',
      ...(path !== undefined && { path }),
      ...(headers !== undefined && { headers }),
      ...(expect !== undefined && { expect: expectation(expect) }),
    };
  }
  if (grpc !== undefined)
    return { kind: 'grpc', ...(grpc.service !== undefined && { grpcService: grpc.service }) };
  if (test !== undefined) return { kind: 'command', test };
  if (recognised?.test) return { kind: 'command', test: recognised.test };
  return { kind: recognised ? 'tcp' : 'default' };
}

function expectation({ status, json }: NonNullable<HealthcheckInput['expect']>): HealthExpectation {
  return { ...(status && { status }), ...(json && { json }) };
}
