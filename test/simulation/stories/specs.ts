import type { ContainerOptions } from '../../../src/model/container-options.ts';
import type { MonitorSpec } from '../../../src/model/monitor.ts';
import type {
  EnvironmentSpec,
  FileSpec,
  PolicySpec,
  ServerSpec,
  ServiceSpec,
} from '../../../src/model/spec.ts';

/** The repository that deploys the shop. */
export const REPOSITORY = 'github.com/acme/shop';

/** How a new version is watched, for six seconds. */
export const MONITOR: MonitorSpec = {
  periodMs: 6_000,
  maxFailureRatio: 0.05,
  latencyMs: 500,
  maxSlowRatio: 0.5,
  maxMemoryRatio: 0.95,
  minRequests: 20,
  breaches: 3,
};

/** What of a service a story may want otherwise; policy keys are merged. */
export type ServiceChanges = Partial<
  Omit<ServiceSpec, 'name' | 'container' | 'route' | 'policy' | 'placement'>
> & {
  image?: string;
  naming?: 'version' | undefined;
  domains?: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  volumes?: string[];
  files?: FileSpec[];
  options?: ContainerOptions;
  servers?: number;
  zones?: string[];
  replicas?: number;
  policy?: Partial<PolicySpec>;
};

/** service returns an http service with a domain, in which everything else is a default. */
export function service(name: string, changes: ServiceChanges = {}): ServiceSpec {
  const {
    image,
    naming,
    domains,
    environment,
    secrets,
    volumes,
    files,
    servers,
    zones,
    replicas,
    policy,
    options,
    ...rest
  } = changes;
  return {
    name,
    protocol: 'http',
    port: 3000,
    dependsOn: [],
    placement: { servers: servers ?? 1, zones: zones ?? [], replicas: replicas ?? 1 },
    container: {
      image: image ?? `${name}:1`,
      ...(naming && { naming }),
      environment: environment ?? {},
      secrets: secrets ?? [],
      volumes: (volumes ?? []).map((source) => ({
        type: 'volume',
        source,
        target: `/${source}`,
        readOnly: false,
      })),
      labels: {},
      restart: { name: 'unless-stopped' },
      logging: { driver: 'json-file', options: {} },
      resources: {},
      ...(files && { files }),
      ...(options && { options }),
    },
    route: { domains: domains ?? [`${name}.example.com`], idleTimeoutMs: 60_000 },
    policy: {
      strategy: 'toggle',
      healthcheck: { kind: 'default', intervalMs: 1000, timeoutMs: 1000, retries: 3, startPeriodMs: 0 },
      drainTimeoutMs: 120_000,
      stopGracePeriodMs: 10_000,
      pullPolicy: 'missing',
      ...policy,
    },
    ...rest,
  };
}

/** database returns a tcp service with a volume, which is recreated. */
export function database(name: string, changes: ServiceChanges = {}): ServiceSpec {
  return service(name, {
    protocol: 'tcp',
    port: 5432,
    domains: [],
    volumes: [`${name}-data`],
    ...changes,
    policy: { strategy: 'recreate', ...changes.policy },
  });
}

/** worker returns a service without a port, healthy when it has run for two seconds. */
export function worker(name: string, changes: ServiceChanges = {}): ServiceSpec {
  const { protocol, port, ...spec } = service(name, { domains: [], ...changes });
  const healthcheck = { ...spec.policy.healthcheck, startPeriodMs: 2_000 };
  return { ...spec, policy: { ...spec.policy, healthcheck, ...changes.policy } };
}

/** What a worker has in its environment of which two must not run at once: a rule of the world. */
const ALONE = { ALONE: 'yes' };

/** scheduler returns a worker of which two must not run at once. */
export function scheduler(name: string, changes: ServiceChanges = {}): ServiceSpec {
  return worker(name, {
    ...changes,
    environment: { ...ALONE, ...changes.environment },
    policy: { strategy: 'recreate', ...changes.policy },
  });
}

/** servers returns up to seven servers `a`, `b`, … with private addresses; `zones` names the zone of each, `lon1` unless given. */
export function servers(count: number, zones: readonly string[] = []): ServerSpec[] {
  return ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, count).map((name, index) => ({
    name,
    host: `192.0.2.${index + 1}`,
    port: 22,
    user: 'deploy',
    privateIp: `10.0.0.${index + 1}`,
    zone: zones[index] ?? 'lon1',
    hostKeys: [],
  }));
}

/** shop returns the environment `shop production` with these services, on one server unless told. */
export function shop(services: ServiceSpec[], on: ServerSpec[] = servers(1)): EnvironmentSpec {
  return {
    project: 'shop',
    environment: 'production',
    provider: 'static',
    servers: on,
    services,
    retainReleases: 50,
    nginx: { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2000 },
    onPartialFailure: 'revert',
  };
}
