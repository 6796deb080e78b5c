import { LOOPBACK_CONFIGURATION } from '../model/names.ts';
import { portsOf, type ServerSpec, type ServiceSpec } from '../model/spec.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';

/** The name of the service that it is; the file can have no other one of that name then. */
export const LOOPBACK = 'loopback';

/** Above its start: that it still runs then is all that is asked of it. */
const START_PERIOD_MS = 1_000;

/**
 * loopbackService returns the worker that serves the internal ports of services at 127.0.0.1 of every server: an nginx apart
 * from the sidecar, so that no connection of an app ever depends on it. Undefined where no service has a port for TCP. Pure.
 */
export function loopbackService(
  services: readonly ServiceSpec[],
  servers: readonly ServerSpec[],
  image: string,
): ServiceSpec | undefined {
  const dependsOn = services
    .filter((spec) => portsOf(spec)[0] !== undefined && spec.protocol !== 'udp')
    .map(({ name }) => name);
  if (dependsOn.length === 0) return undefined;
  return {
    name: LOOPBACK,
    dependsOn,
    placement: { servers: servers.length, zones: [], replicas: 1 },
    container: {
      image,
      isLoopback: true,
      entrypoint: ['nginx'],
      command: ['-c', LOOPBACK_CONFIGURATION, '-g', 'daemon off;'],
      stopSignal: 'SIGQUIT',
      environment: {},
      secrets: [],
      volumes: [],
      labels: {},
      restart: { name: 'unless-stopped' },
      logging: { driver: DEFAULTS.logging.driver, options: { ...DEFAULTS.logging.options } },
      resources: {},
    },
    route: { domains: [], idleTimeoutMs: parseDuration(DEFAULTS.idle_timeout) },
    policy: {
      // A port of the server has one owner at a time.
      strategy: 'recreate',
      healthcheck: {
        kind: 'running',
        intervalMs: parseDuration(DEFAULTS.healthcheck.interval),
        timeoutMs: parseDuration(DEFAULTS.healthcheck.timeout),
        retries: DEFAULTS.healthcheck.retries,
        startPeriodMs: START_PERIOD_MS,
      },
      drainTimeoutMs: parseDuration(DEFAULTS.drain.timeout),
      stopGracePeriodMs: START_PERIOD_MS,
      pullPolicy: 'missing',
    },
  };
}
