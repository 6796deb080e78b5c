import type { ConnectionSpec } from '../model/connection.ts';
import { type ContainerOptions, optionNames, saidOptions } from '../model/container-options.ts';
import { UserError } from '../model/errors.ts';
import type { MonitorSpec } from '../model/monitor.ts';
import {
  type ContainerSpec,
  type Healthcheck,
  type HookSpec,
  isOverHttp,
  type PolicySpec,
  type ServiceSpec,
} from '../model/spec.ts';
import { isTransferred } from '../model/transferred-image.ts';
import { type AutoAddress, autoAddressesOf } from './auto-addresses.ts';
import { checkService, type Report, replicasOf, strategyOf } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import { type RecognisedImage, recogniseImage } from './image.ts';
import { mergeService } from './merge-service.ts';
import { isOfRepository } from './mount.ts';
import { passwordFilesOf } from './password-files.ts';
import { overPreset, type PresetDefaults } from './preset-defaults.ts';
import { couldBeBackedUp, resolveBackup } from './resolve-backup.ts';
import {
  type BuildSurroundings,
  imageOnServers,
  type ServiceBuild,
  serviceBuildOf,
} from './resolve-build.ts';
import { resolveEdgeOptions } from './resolve-edge-options.ts';
import { resolveHealthcheck } from './resolve-healthcheck.ts';
import { maintenanceOf } from './resolve-maintenance.ts';
import { resolvePorts } from './resolve-ports.ts';
import { parseRestart } from './restart.ts';
import type { BackupSettingsInput } from './schema/backup.ts';
import type { ConnectionInput } from './schema/connection.ts';
import type { HookInput } from './schema/hook.ts';
import type { MaintenanceInput } from './schema/maintenance.ts';
import type { MonitorInput } from './schema/monitor.ts';
import type { ServiceInput } from './schema/service.ts';
import { givenBy, type Sources } from './service-files.ts';
import { type SecretParts, secretFilesOf, variablesOf } from './service-secrets.ts';
import { checkVariableSize } from './variable-size.ts';

/** What is said of a service, and where; the later ones win. */
export interface ServiceParts {
  /** Under the file's own `services`. */
  base: ServiceInput | undefined;
  /** Under the environment. */
  over: ServiceInput | undefined;
  /** Under both of them; undefined without a preset. */
  preset: PresetDefaults | undefined;
  /** By the run. */
  image: string | undefined;
  /** What names the image of a build. */
  naming: BuildSurroundings;
  /** Maintenance as the top and the environment have it, the later one over the other. */
  around?: readonly (MaintenanceInput | undefined)[];
  /** What all backups of the file share. */
  backups?: BackupSettingsInput | undefined;
}

/** A service as it is wanted, and what its secrets are made from. */
export interface ResolvedService {
  spec: ServiceSpec;
  /** By the names that the values are kept under. */
  secrets: SecretParts;
  /** Its variables that shall be addresses of other services. */
  addresses: readonly AutoAddress[];
  /** How its image is built; absent for one that is not. */
  build?: ServiceBuild;
  /** See couldBeBackedUp. */
  couldBeBackedUp: boolean;
}

/**
 * resolveService turns what is said of a service into what is wanted: merged, defaults filled in, variables without a
 * value taken from those of `sources`, files and env files read there, a recognised image's port and check. Rules between
 * its keys are reported; what it returns is only of use when nothing was.
 */
export function resolveService(
  name: string,
  { base, over, preset, image, naming, around = [], backups }: ServiceParts,
  sources: Sources,
  report: Report,
): ResolvedService {
  const said = overPreset(preset, mergeService(base, over));
  const build = serviceBuildOf(name, said, naming, report);
  const input = {
    ...said,
    ...given('image', imageOnServers(build, image) ?? said.image ?? build?.repository),
  };
  const recognised =
    input.image === undefined || isOverHttp(input.protocol) ? undefined : recogniseImage(input.image);
  if (input.image === undefined)
    report([], 'needs an image', 'Write image: name:tag, or build: ./folder for one that is built.');
  const { ports, domains, published } = resolvePorts(input, recognised, report);
  checkService(input, ports, report);
  const recognisedTest = recognised && { test: recognised.test?.(ports.port ?? recognised.port) };
  const fromRepository = givenBy(input, sources, report);
  const { addresses, others } = autoAddressesOf(input.environment ?? {});
  const variables = variablesOf(others, sources, fromRepository.names);
  const environment = { ...fromRepository.environment, ...variables.environment };
  checkVariableSizes(environment, input, report);
  const levels = domains.domains.length + Object.keys(domains.extraDomains ?? {}).length > 0 ? around : [];
  const secretFiles = secretFilesOf(input, sources);
  const secretVariables = [...Object.keys(variables.secrets), ...fromRepository.secretVariables];
  const passwords = passwordFilesOf(input, secretVariables);
  const files = [...fromRepository.files, ...secretFiles.files, ...passwords.files];
  const spec: ServiceSpec = {
    name,
    ...ports,
    dependsOn: input.depends_on ?? [],
    placement: {
      servers: input.servers ?? DEFAULTS.servers,
      zones: input.zones ?? [],
      replicas: replicasOf(input),
    },
    container: {
      ...container(name, input, recognised),
      environment: { ...environment, ...passwords.environment },
      // Where a variable stands in the file is no change.
      secrets: secretVariables.filter((variable) => !passwords.variables.includes(variable)).sort(),
      ...(files.length > 0 && { files }),
      ...given('preset', preset?.spec),
    },
    route: {
      ...domains,
      ...published,
      idleTimeoutMs: input.idle_timeout ?? parseDuration(DEFAULTS.idle_timeout),
      ...given('maxBodyBytes', input.max_body_size || undefined),
      ...given('maintenance', maintenanceOf([...levels, input.maintenance], sources, report)),
      ...given('queueRequestsMs', input.queue_requests),
      ...given('requestBuffering', input.request_buffering === 'auto' ? undefined : input.request_buffering),
      ...given('edge', input.edge && resolveEdgeOptions(input.edge, sources, report)),
    },
    policy: policy(input, resolveHealthcheck(input.healthcheck ?? {}, ports, recognisedTest, report)),
    ...given('adopt', input.adopt),
    ...given('backup', resolveBackup(input, backups, report)),
    ...given('connection', input.connection && connectionOf(input.connection)),
  };
  const secrets = { ...fromRepository.secrets, ...variables.secrets, ...secretFiles.secrets };
  return { spec, secrets, addresses, couldBeBackedUp: couldBeBackedUp(input), ...(build && { build }) };
}

function checkVariableSizes(
  environment: Readonly<Record<string, string>>,
  input: ServiceInput,
  report: Report,
): void {
  for (const [name, value] of Object.entries(environment)) {
    try {
      checkVariableSize(name, value);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const path = Object.hasOwn(input.environment ?? {}, name) ? ['environment', name] : ['env_file'];
      report(path, error.message, error.hint);
    }
  }
}

function container(
  name: string,
  input: ServiceInput,
  recognised: RecognisedImage | undefined,
): Omit<ContainerSpec, 'environment' | 'secrets' | 'files'> {
  const { limits, reservations } = input.deploy?.resources ?? {};
  const options = optionsOf(name, input, recognised);
  return {
    image: input.image ?? '',
    ...(input.naming === 'version' && { naming: input.naming }),
    ...given('command', input.command),
    ...given('entrypoint', input.entrypoint),
    ...given('user', input.user),
    ...given('workingDir', input.working_dir),
    ...given('stopSignal', input.stop_signal),
    volumes: (input.volumes ?? []).filter((volume) => !isOfRepository(volume)),
    labels: input.labels ?? {},
    restart: restart(input),
    logging: logging(input.logging ?? {}),
    resources: {
      ...given('cpus', limits?.cpus ?? input.cpus),
      ...given('memoryBytes', limits?.memory ?? input.mem_limit),
      ...given('pids', limits?.pids ?? input.pids_limit),
      ...given('reservedMemoryBytes', reservations?.memory ?? input.mem_reservation),
    },
    ...(Object.keys(options).length > 0 && { options }),
  };
}

/** The options that the file says, and a stable name for images that keep their data under it. */
function optionsOf(
  name: string,
  input: ServiceInput,
  recognised: RecognisedImage | undefined,
): ContainerOptions {
  const said = Object.fromEntries(
    optionNames().flatMap((option) => Object.entries(given(option, input[option]))),
  );
  const gpus = [...(input.gpus ?? []), ...(input.deploy?.resources?.reservations?.devices ?? [])];
  return saidOptions({
    ...(recognised?.keepsHostname && { hostname: name }),
    ...said,
    ...(gpus.length > 0 && { gpus }),
  });
}

/** Compose's own order: `restart`, else what `deploy` says in the words of Swarm. */
function restart({ restart: said, deploy }: ServiceInput): ContainerSpec['restart'] {
  const policy = deploy?.restart_policy;
  if (said !== undefined || policy === undefined) return parseRestart(said ?? DEFAULTS.restart);
  if (policy.condition === 'none') return { name: 'no' };
  if (policy.condition !== 'on-failure') return { name: 'always' };
  return { name: 'on-failure', ...given('maximumRetryCount', policy.max_attempts) };
}

function logging({ driver, options }: NonNullable<ServiceInput['logging']>): ContainerSpec['logging'] {
  const name = driver ?? DEFAULTS.logging.driver;
  const defaults = name === DEFAULTS.logging.driver ? DEFAULTS.logging.options : {};
  return { driver: name, options: { ...defaults, ...options } };
}

function connectionOf({ kind, user, database, password, tls }: ConnectionInput): ConnectionSpec {
  return {
    kind,
    ...given('user', user),
    ...given('database', database),
    ...given('passwordSecret', password),
    ...(tls && { tls }),
  };
}

function policy(input: ServiceInput, healthcheck: Healthcheck): PolicySpec {
  const pullPolicy = input.pull_policy ?? DEFAULTS.pull_policy;
  return {
    strategy: strategyOf(input),
    healthcheck,
    drainTimeoutMs: input.drain?.timeout ?? parseDuration(DEFAULTS.drain.timeout),
    stopGracePeriodMs: input.stop_grace_period ?? parseDuration(DEFAULTS.stop_grace_period),
    // Nobody has another image for a name that says its digest.
    pullPolicy:
      pullPolicy === 'if_not_present' || (pullPolicy === 'always' && isTransferred(input.image ?? ''))
        ? 'missing'
        : pullPolicy,
    ...given('preDeploy', input.pre_deploy && hook(input.pre_deploy)),
    ...given('monitor', input.monitor && monitorOf(input.monitor)),
    ...given('postDeploy', input.post_deploy && hook(input.post_deploy)),
  };
}

function monitorOf(input: MonitorInput): MonitorSpec {
  const said = { ...DEFAULTS.monitor, ...input };
  return {
    periodMs: input.period,
    maxFailureRatio: said.max_failure_ratio,
    latencyMs: input.latency ?? parseDuration(DEFAULTS.monitor.latency),
    maxSlowRatio: said.max_slow_ratio,
    maxMemoryRatio: said.max_memory_ratio,
    minRequests: said.min_requests,
    breaches: said.breaches,
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
