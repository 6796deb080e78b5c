import type {
  ContainerSpec,
  Healthcheck,
  HookSpec,
  PolicySpec,
  Protocol,
  ServiceSpec,
} from '../model/spec.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import type { Variables } from './interpolate.ts';
import { type RecognisedImage, recogniseImage } from './recognised-images.ts';
import { parseRestart } from './restart.ts';
import type { HookInput } from './schema/hook.ts';
import type { ServiceInput } from './schema/service.ts';

/** Report is told of a mistake in a service, at the path of a key below it. */
export type Report = (path: readonly (string | number)[], message: string, hint?: string) => void;

/**
 * resolveService turns a merged service into what is wanted: defaults filled in, variables without a value
 * taken from `variables`, a recognised image's port and check. Rules between its keys are reported; what
 * it returns is only of use when nothing was.
 */
export function resolveService(
  name: string,
  input: ServiceInput,
  variables: Variables,
  report: Report,
): ServiceSpec {
  const recognised =
    input.image === undefined || input.protocol === 'http' ? undefined : recogniseImage(input.image);
  const protocol = input.protocol ?? defaultProtocol(input, recognised);
  const port = input.port ?? recognised?.port;
  if (input.image === undefined) report([], 'needs an image', 'Write image: name:tag.');
  if (port === undefined) report([], 'needs a port', 'Write port: the port the container listens on.');
  if (protocol === 'tcp' && input.domain?.length) {
    report(
      ['domain'],
      `a domain needs protocol http, and this is a tcp service${recognised ? ` by its image ${input.image}` : ''}`,
      'Write protocol: http if it speaks HTTP.',
    );
  }
  checkVolumes(input, report);
  checkSecrets(input, report);
  checkReservation(input, report);
  return {
    name,
    protocol,
    port: port ?? 0,
    dependsOn: input.depends_on ?? [],
    placement: { servers: input.servers ?? DEFAULTS.servers, zones: input.zones ?? [] },
    container: container(input, variables),
    route: {
      domains: input.domain ?? [],
      idleTimeoutMs: input.idle_timeout ?? parseDuration(DEFAULTS.idle_timeout),
    },
    policy: policy(input, resolveHealthcheck(input.healthcheck ?? {}, protocol, recognised, report)),
  };
}

function defaultProtocol(input: ServiceInput, recognised: RecognisedImage | undefined): Protocol {
  if (recognised) return 'tcp';
  return input.domain?.length || input.healthcheck?.path !== undefined ? 'http' : 'tcp';
}

/** DESIGN §5.10: no two containers of a stateful service ever share a volume for writing. */
function checkVolumes(input: ServiceInput, report: Report): void {
  if (input.share_volumes) return;
  const strategy = input.strategy ?? DEFAULTS.strategy;
  const servers = input.servers ?? DEFAULTS.servers;
  input.volumes?.forEach((volume, index) => {
    if (volume.readOnly || volume.type === 'tmpfs') return;
    const what = `${volume.type === 'bind' ? 'directory' : 'volume'} ${JSON.stringify(volume.source)}`;
    if (strategy === 'toggle') {
      report(
        ['volumes', index],
        `two containers would write to ${what} at the same time during a toggle`,
        'Write strategy: recreate, or mount it read-only (:ro), or write share_volumes: true if that is safe (uploads, caches; never a database).',
      );
    } else if (servers > 1 && volume.type === 'volume') {
      report(
        ['volumes', index],
        `each of ${servers} servers would have a ${what} of its own, with other data`,
        'Write servers: 1, or share_volumes: true if the servers need not have the same data.',
      );
    }
  });
}

function checkSecrets(input: ServiceInput, report: Report): void {
  input.secrets?.forEach((secret, index) => {
    if (Object.hasOwn(input.environment ?? {}, secret)) {
      report(
        ['secrets', index],
        `"${secret}" is both a secret and a variable of the environment`,
        'Keep one of the two.',
      );
    }
  });
}

/** Docker refuses to create a container that reserves more than it may use. */
function checkReservation(input: ServiceInput, report: Report): void {
  const { limits, reservations } = input.deploy?.resources ?? {};
  if ((reservations?.memory ?? 0) > (limits?.memory ?? Number.POSITIVE_INFINITY)) {
    report(['deploy', 'resources', 'reservations', 'memory'], 'is more than the limit');
  }
}

function resolveHealthcheck(
  input: NonNullable<ServiceInput['healthcheck']>,
  protocol: Protocol,
  recognised: RecognisedImage | undefined,
  report: Report,
): Healthcheck {
  const isDisabled = input.disable === true || input.test?.[0] === 'NONE';
  if (input.path !== undefined && input.test !== undefined) {
    report(['healthcheck', 'path'], 'path and test exclude each other', 'Keep one of the two.');
  } else if (isDisabled && input.path !== undefined) {
    report(['healthcheck', 'path'], 'a disabled health check has no path', 'Keep one of the two.');
  } else if (input.path !== undefined && protocol === 'tcp') {
    report(
      ['healthcheck', 'path'],
      'needs protocol http, and this is a tcp service',
      'Use test, or write protocol: http.',
    );
  }
  return {
    ...healthcheckKind(input, isDisabled, recognised),
    intervalMs: input.interval ?? parseDuration(DEFAULTS.healthcheck.interval),
    timeoutMs: input.timeout ?? parseDuration(DEFAULTS.healthcheck.timeout),
    retries: input.retries ?? DEFAULTS.healthcheck.retries,
    startPeriodMs: input.start_period ?? parseDuration(DEFAULTS.healthcheck.start_period),
  };
}

function healthcheckKind(
  { path, test }: NonNullable<ServiceInput['healthcheck']>,
  isDisabled: boolean,
  recognised: RecognisedImage | undefined,
): Pick<Healthcheck, 'kind' | 'path' | 'test'> {
  if (isDisabled) return { kind: 'tcp' };
  if (path !== undefined) return { kind: 'http', path };
  if (test !== undefined) return { kind: 'command', test };
  if (recognised?.test) return { kind: 'command', test: recognised.test };
  return { kind: recognised ? 'tcp' : 'default' };
}

function container(input: ServiceInput, variables: Variables): ContainerSpec {
  const { limits, reservations } = input.deploy?.resources ?? {};
  return {
    image: input.image ?? '',
    ...(input.naming === 'version' && { naming: input.naming }),
    ...given('command', input.command),
    ...given('entrypoint', input.entrypoint),
    ...given('user', input.user),
    ...given('workingDir', input.working_dir),
    ...given('stopSignal', input.stop_signal),
    environment: withRunsValues(input.environment ?? {}, variables),
    secrets: input.secrets ?? [],
    volumes: input.volumes ?? [],
    labels: input.labels ?? {},
    restart: parseRestart(input.restart ?? DEFAULTS.restart),
    logging: logging(input.logging ?? {}),
    resources: {
      ...given('cpus', limits?.cpus),
      ...given('memoryBytes', limits?.memory),
      ...given('pids', limits?.pids),
      ...given('reservedMemoryBytes', reservations?.memory),
    },
  };
}

/** withRunsValues gives variables without a value that of the run's environment, or leaves them out. */
function withRunsValues(
  environment: Record<string, string | null>,
  variables: Variables,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => {
      const resolved = value ?? (Object.hasOwn(variables, name) ? variables[name] : undefined);
      return resolved === undefined ? [] : [[name, resolved]];
    }),
  );
}

function logging({ driver, options }: NonNullable<ServiceInput['logging']>): ContainerSpec['logging'] {
  const name = driver ?? DEFAULTS.logging.driver;
  const defaults = name === DEFAULTS.logging.driver ? DEFAULTS.logging.options : {};
  return { driver: name, options: { ...defaults, ...options } };
}

function policy(input: ServiceInput, healthcheck: Healthcheck): PolicySpec {
  const pullPolicy = input.pull_policy ?? DEFAULTS.pull_policy;
  return {
    strategy: input.strategy ?? DEFAULTS.strategy,
    healthcheck,
    drainTimeoutMs: input.drain?.timeout ?? parseDuration(DEFAULTS.drain.timeout),
    stopGracePeriodMs: input.stop_grace_period ?? parseDuration(DEFAULTS.stop_grace_period),
    pullPolicy: pullPolicy === 'if_not_present' ? 'missing' : pullPolicy,
    ...given('preDeploy', input.pre_deploy && hook(input.pre_deploy)),
    ...given('postDeploy', input.post_deploy && hook(input.post_deploy)),
  };
}

function hook({ command, timeout, idempotent }: HookInput): HookSpec {
  return {
    command,
    timeoutMs: timeout ?? parseDuration(DEFAULTS.hook.timeout),
    idempotent: idempotent ?? DEFAULTS.hook.idempotent,
  };
}

/** given is `{ [name]: value }`, or nothing where there is no value. */
function given<N extends string, T>(name: N, value: T | null | undefined): { [K in N]?: T } {
  return value === undefined || value === null ? {} : ({ [name]: value } as { [K in N]?: T });
}
