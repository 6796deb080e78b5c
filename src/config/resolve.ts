import { failTogether, messageOf, UserError } from '../model/errors.ts';
import { checkNames, NAMES_TOTAL_MAX } from '../model/names.ts';
import { NO_FILES, type RepositoryFiles } from '../model/repository-files.ts';
import {
  domainsOf,
  type EnvironmentSpec,
  publishedOf,
  type ServerSpec,
  type ServiceSpec,
} from '../model/spec.ts';
import { VERSIONED_NAMES_TOTAL_MAX } from '../model/version-name.ts';
import { checkClaims } from './check-claims.ts';
import { connectServices } from './connect-services.ts';
import { DEFAULTS } from './defaults.ts';
import { findCycles } from './dependencies.ts';
import { parseDuration } from './duration.ts';
import { parseImage } from './image.ts';
import type { Variables } from './interpolate.ts';
import {
  examineConfig,
  inOrder,
  type LoadedConfig,
  noSuchEnvironment,
  originsOf,
  problemError,
  type Secrets,
} from './load.ts';
import { LOOPBACK, loopbackService } from './loopback.ts';
import { mergeService } from './merge-service.ts';
import { didYouMean, listed } from './nearest.ts';
import { presetDefaults } from './preset-defaults.ts';
import type { ServiceBuild } from './resolve-build.ts';
import { resolveBootstrap, resolveServers } from './resolve-servers.ts';
import { type ResolvedService, resolveService } from './resolve-service.ts';
import { checkServerSnippets } from './resolve-snippets.ts';
import { resolveTls, tlsPorts } from './resolve-tls.ts';
import type { Config } from './schema/config.ts';
import type { EnvironmentInput } from './schema/environment.ts';
import type { SecretDefinition } from './schema/secrets.ts';
import type { Sources } from './service-files.ts';

/** What a run says beside the file. */
export interface ResolveOptions {
  /** Images by service; they win over the file. */
  images?: Readonly<Record<string, string>>;
  /** The run's secrets; see loadConfig. */
  secrets?: Secrets | undefined;
  /** Mistakes of the file that are known already, to be told with those that are found. */
  beside?: readonly UserError[];
  /** The files that it may name; none unless given. */
  repository?: RepositoryFiles;
  /** Of services that are not started by the file, what they name may be missing; all are unless given. */
  isStarted?: (service: string) => boolean;
}

/**
 * loadEnvironment is loadConfig and resolveEnvironment at once: where keys are refused, all that does not hold between
 * the others is told with them. It throws what these two throw.
 */
export function loadEnvironment(
  text: string,
  file: string,
  variables: Variables,
  environment: string,
  options: ResolveOptions = {},
): ResolvedEnvironment & { config: LoadedConfig } {
  const { loaded: config, errors } = examineConfig(text, file, variables, options.secrets, environment);
  if (config === undefined) {
    failTogether(errors);
    throw new Error('a file without a mistake could not be read');
  }
  return { config, ...resolveWithSecrets(config, environment, { ...options, beside: errors }) };
}

/** Report is told of a mistake at a key of a service. */
type Report = (service: string, path: readonly (string | number)[], message: string, hint?: string) => void;

/** An environment as it is wanted, and what the secrets of its services are made from. */
export interface ResolvedEnvironment {
  wanted: EnvironmentSpec;
  /** By service. */
  secrets: Readonly<Record<string, ResolvedService['secrets']>>;
  /** How images are built, by the services that have a `build`. */
  builds: Readonly<Record<string, ServiceBuild>>;
  /** Where the file says that they come from, by name. */
  definitions: Readonly<Record<string, SecretDefinition>>;
  /** Who can open encrypted copies of generated secrets: recipients of age. */
  recipients: readonly string[];
  /** What presets stand for, as YAML for the file, by the services that have one. */
  presets: Readonly<Record<string, string>>;
  /** Databases of presets that could be backed up, and of which the file does not say whether they shall be. */
  keptNowhere: readonly string[];
}

/**
 * resolveEnvironment returns one environment as it is wanted: its services merged over those of the file,
 * recognised images, protocols and defaults filled in, all in plain units. It throws a UserError, or
 * UserErrors with all mistakes at once: an unknown environment or service, and every rule between keys.
 */
export function resolveEnvironment(
  loaded: LoadedConfig,
  environment: string,
  options: ResolveOptions = {},
): EnvironmentSpec {
  return resolveWithSecrets(loaded, environment, options).wanted;
}

/** resolveWithSecrets is resolveEnvironment, with what the secrets are made from, and how images are built. */
export function resolveWithSecrets(
  loaded: LoadedConfig,
  environment: string,
  options: ResolveOptions = {},
): ResolvedEnvironment {
  const input = environmentOf(loaded, environment);
  const errors: UserError[] = [...(options.beside ?? [])];
  const report: Report = (service, path, message, hint) => {
    const [over, base] = originsOf(environment, ['services', service, ...path]);
    const origin = loaded.has(over) ? over : base;
    errors.push(problemError({ path: loaded.spelled(origin), message, hint }, loaded.locate(origin)));
  };
  const servers = resolveServers(input);
  const bootstrap = resolveBootstrap(input);
  const base = new Map(Object.entries(loaded.config.services ?? {}));
  const over = new Map(Object.entries(input.services ?? {}));
  const names = [...new Set([...base.keys(), ...over.keys()])];
  const images = checkImages(options.images ?? {}, names, errors);
  const { project, registry } = loaded.config;
  const presets = new Map(
    names.flatMap((name) => {
      const said = mergeService(base.get(name), over.get(name));
      const around = { project, environment, hasBackups: loaded.config.backup !== undefined };
      const found = presetDefaults(around, name, said, (path, message, hint) =>
        report(name, path, message, hint),
      );
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
  const ofPresets = [...presets.values()];
  const definitions: ResolvedEnvironment['definitions'] = {
    ...Object.assign({}, ...ofPresets.map(({ secrets }) => secrets)),
    ...loaded.config.secrets,
    ...input.secrets,
  };
  const configs = {
    ...Object.assign({}, ...ofPresets.map((preset) => preset.configs)),
    ...loaded.config.configs,
    ...input.configs,
  };
  const naming = { project, environment, registry, isLocal: input.provider === 'local' };
  const sourcesOf = (service: string): Sources => ({
    ...loaded,
    definitions,
    configs,
    repository: options.repository ?? NO_FILES,
    mayBeMissing: !(options.isStarted?.(service) ?? true),
  });
  const alone = names.map((name) =>
    resolveService(
      name,
      {
        base: base.get(name),
        over: over.get(name),
        preset: presets.get(name),
        image: images.get(name),
        naming,
        around: [loaded.config.maintenance, input.maintenance],
        backups: loaded.config.backup,
      },
      sourcesOf(name),
      (path, message, hint) => report(name, path, message, hint),
    ),
  );
  const resolved = connectServices(alone, report);
  const ofFile = resolved.map(({ spec }) => spec);
  const ofNginx = nginx(loaded.config, input);
  const services = [...ofFile, ...loopbackOf(loaded.config, input, ofFile, servers, ofNginx, report)];
  checkServiceNames(loaded, environment, services, report);
  checkPlacement(services, servers, report);
  checkDependencies(services, report);
  checkClaims(services, report);
  checkPublished(services, report);
  checkServerSnippets(services, report);
  const tls = tlsOf(loaded, environment, input, services, errors);
  checkProxyProtocol(loaded, environment, ofNginx, errors);
  checkHttp3(loaded, environment, { ...ofNginx, ...tls }, errors);
  failTogether(inOrder(errors));
  const wanted: EnvironmentSpec = {
    project: loaded.config.project,
    environment,
    provider: input.provider,
    servers,
    ...(bootstrap && { bootstrap }),
    services,
    retainReleases: input.retain_releases ?? loaded.config.retain_releases ?? DEFAULTS.retain_releases,
    nginx: { ...ofNginx, ...tls, ...edgePorts(services, tls) },
    onPartialFailure:
      (input.provider === 'static' ? input.on_partial_failure : undefined) ?? DEFAULTS.on_partial_failure,
  };
  const secrets = Object.fromEntries(resolved.map(({ spec, secrets: own }) => [spec.name, own]));
  const builds = Object.fromEntries(
    resolved.flatMap(({ spec, build }) => (build === undefined ? [] : [[spec.name, build]])),
  );
  const recipients = [...new Set(input.age_recipients ?? loaded.config.age_recipients ?? [])].sort();
  const texts = Object.fromEntries([...presets].map(([name, { text }]) => [name, text]));
  const keptNowhere = resolved.flatMap(({ spec, couldBeBackedUp }) => (couldBeBackedUp ? [spec.name] : []));
  return { wanted, secrets, builds, definitions, recipients, presets: texts, keptNowhere };
}

/** The worker that serves internal ports at 127.0.0.1, where they are asked for. */
function loopbackOf(
  file: Config,
  environment: EnvironmentInput,
  services: readonly ServiceSpec[],
  servers: readonly ServerSpec[],
  { image }: Pick<EnvironmentSpec['nginx'], 'image'>,
  report: Report,
): ServiceSpec[] {
  if (!{ ...file.sidecar, ...environment.sidecar }.loopback) return [];
  if (services.some(({ name }) => name === LOOPBACK)) {
    report(LOOPBACK, [], 'is the name of what sidecar.loopback starts', 'Give the service another name.');
    return [];
  }
  return [loopbackService(services, servers, image)].filter((spec) => spec !== undefined);
}

/** What services publish, and HTTPS, the edge needs on the servers. */
function edgePorts(
  services: readonly ServiceSpec[],
  { ports: ofTls = [] }: Pick<EnvironmentSpec['nginx'], 'ports'>,
): Pick<EnvironmentSpec['nginx'], 'ports'> {
  const ports = [...new Set([...ofTls, ...services.flatMap(publishedOf)])].sort();
  return ports.length > 0 ? { ports } : {};
}

/** What an environment says of nginx is laid over what the file says, key by key. */
function nginx(file: Config, environment: EnvironmentInput): EnvironmentSpec['nginx'] {
  const { image, keepalive_min_timeout, adopt } = { ...file.sidecar, ...environment.sidecar };
  const { access_log, trusted_proxies, proxy_protocol } = { ...file.edge, ...environment.edge };
  return {
    image: image ?? DEFAULTS.sidecar.image,
    keepaliveMinTimeoutMs: keepalive_min_timeout ?? parseDuration(DEFAULTS.sidecar.keepalive_min_timeout),
    ...(access_log === false && { accessLog: false }),
    ...(trusted_proxies !== undefined && { trustedProxies: trusted_proxies }),
    ...(proxy_protocol && { proxyProtocol: true as const }),
    ...(adopt && { adopt }),
  };
}

/** Whose word would count is said nowhere else. */
function checkProxyProtocol(
  loaded: LoadedConfig,
  name: string,
  { proxyProtocol, trustedProxies = [] }: EnvironmentSpec['nginx'],
  errors: UserError[],
): void {
  if (!proxyProtocol || trustedProxies.length > 0) return;
  const [over, base] = originsOf(name, ['edge', 'proxy_protocol']);
  const origin = loaded.has(over) ? over : base;
  const message = 'needs trusted_proxies: nobody else is believed who a client is';
  const hint = 'Write the addresses of the balancers under edge.trusted_proxies.';
  errors.push(problemError({ path: loaded.spelled(origin), message, hint }, loaded.locate(origin)));
}

/** Requests that come past the balancer would be told apart from others by nobody. */
function checkHttp3(
  loaded: LoadedConfig,
  name: string,
  { proxyProtocol, tls }: EnvironmentSpec['nginx'],
  errors: UserError[],
): void {
  if (!proxyProtocol || !tls?.http3) return;
  const [over, base] = originsOf(name, ['tls', 'http3']);
  const origin = loaded.has(over) ? over : base;
  const message =
    'cannot be had with edge.proxy_protocol: that balancer passes TCP on, and QUIC comes by UDP';
  const hint = 'Leave it out; a balancer that speaks HTTP/3 to browsers speaks HTTP/1.1 or 2 to the servers.';
  errors.push(problemError({ path: loaded.spelled(origin), message, hint }, loaded.locate(origin)));
}

/** What an environment says of HTTPS is laid over what the file says, key by key; and the ports that follow from it. */
function tlsOf(
  loaded: LoadedConfig,
  name: string,
  environment: EnvironmentInput,
  services: readonly ServiceSpec[],
  errors: UserError[],
): Pick<EnvironmentSpec['nginx'], 'tls' | 'ports'> {
  const isSaid = loaded.config.tls !== undefined || environment.tls !== undefined;
  const domains = services.flatMap(({ route }) => domainsOf(route));
  const tls = resolveTls(
    isSaid ? { ...loaded.config.tls, ...environment.tls } : undefined,
    { isLocal: environment.provider === 'local', domains },
    (path, message, hint) => {
      const [over, base] = originsOf(name, ['tls', ...path]);
      const origin = loaded.has(over) ? over : base;
      errors.push(problemError({ path: loaded.spelled(origin), message, hint }, loaded.locate(origin)));
    },
  );
  const ports = tlsPorts(tls, domains);
  return { ...(tls && { tls }), ...(ports.length > 0 && { ports }) };
}

function environmentOf(loaded: LoadedConfig, name: string): EnvironmentInput {
  const { environments } = loaded.config;
  const found = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (found) return found;
  throw noSuchEnvironment(name, Object.keys(environments), loaded.file, loaded.locate(['environments']));
}

/** checkImages returns the images of the run by service; they come from no line of the file, so their errors have none. */
function checkImages(
  images: Readonly<Record<string, string>>,
  services: readonly string[],
  errors: UserError[],
): Map<string, string> {
  const checked = new Map<string, string>();
  for (const [service, image] of Object.entries(images)) {
    if (!services.includes(service)) {
      const didMean = didYouMean(service, services);
      errors.push(
        new UserError(`images: there is no service ${JSON.stringify(service)}${didMean}`, {
          hint: `The services are ${listed(services)}.`,
        }),
      );
      continue;
    }
    try {
      checked.set(service, parseImage(image));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(
        new UserError(`images: ${service}: ${error.message}`, error.hint ? { hint: error.hint } : {}),
      );
    }
  }
  return checked;
}

function checkServiceNames(
  loaded: LoadedConfig,
  environment: string,
  services: readonly ServiceSpec[],
  report: Report,
): void {
  for (const { name, container } of services) {
    const max = container.naming === 'version' ? VERSIONED_NAMES_TOTAL_MAX : NAMES_TOTAL_MAX;
    try {
      checkNames({ project: loaded.config.project, environment }, name, max);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(name, [], messageOf(error), error.hint);
    }
  }
}

function checkPlacement(
  services: readonly ServiceSpec[],
  servers: readonly ServerSpec[],
  report: Report,
): void {
  const known = [...new Set(servers.map(({ zone }) => zone))];
  for (const { name, placement } of services) {
    const { zones } = placement;
    zones.forEach((zone, index) => {
      if (!known.includes(zone)) {
        report(
          name,
          ['zones', index],
          `there is no zone ${JSON.stringify(zone)}${didYouMean(zone, known)}`,
          `The environment has ${listed(known)}.`,
        );
      }
    });
    const usable = servers.filter(({ zone }) => zones.length === 0 || zones.includes(zone)).length;
    const areKnown = zones.every((zone) => known.includes(zone));
    if (areKnown && placement.servers > usable) {
      const where = zones.length === 0 ? 'the environment' : `zone ${listed(zones)}`;
      report(
        name,
        ['servers'],
        `${placement.servers} servers are wanted, and ${where} has ${usable}`,
        `Write servers: ${usable}, at the service or for this environment, or add servers.`,
      );
    }
  }
}

function checkDependencies(services: readonly ServiceSpec[], report: Report): void {
  const known = services.map(({ name }) => name);
  for (const { name, dependsOn } of services) {
    for (const dependency of dependsOn) {
      if (known.includes(dependency)) continue;
      report(
        name,
        ['depends_on'],
        `there is no service ${JSON.stringify(dependency)} in this environment${didYouMean(dependency, known)}`,
      );
    }
  }
  for (const cycle of findCycles(new Map(services.map(({ name, dependsOn }) => [name, dependsOn])))) {
    const [first = ''] = cycle;
    report(first, ['depends_on'], `the services wait for each other in a circle: ${cycle.join(' → ')}`);
  }
}

function checkPublished(services: readonly ServiceSpec[], report: Report): void {
  const owners = new Map<string, string>();
  for (const spec of services) {
    for (const port of new Set(publishedOf(spec))) {
      const other = owners.get(port);
      if (other !== undefined)
        report(
          spec.name,
          ['publish'],
          `port ${port} of the servers belongs to both "${other}" and "${spec.name}"`,
          'Publish another one of them: "8883:1883" is port 8883 of the servers, and 1883 of the container.',
        );
      owners.set(port, spec.name);
    }
  }
}
