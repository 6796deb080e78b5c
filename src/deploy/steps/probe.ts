import type { Server } from '../../fleet/server.ts';
import { inTime } from '../../model/clock.ts';
import { scopeName } from '../../model/names.ts';
import { DIRECT_HTTP_PORT } from '../../nginx/listening.ts';
import { hostOf, isServedOn, questionOf, type Route, type RoutePort, userPath } from '../../nginx/routes.ts';
import { nginxKey, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { mergeReports, Prober, type ProbeTarget } from './prober.ts';

/** Beginning to send requests to a service whose traffic is about to move, as a user would. */
export interface ProbeStep {
  kind: 'probe';
  service: string;
  /** How it is served afterwards. */
  route: Route;
  /** Those of its ports that requests are sent to: they speak HTTP, and are served before the switch too. */
  ports: RoutePort[];
}

/** Ending the requests to a service when its old copies have stopped. */
export interface EndProbeStep {
  kind: 'end probe';
  service: string;
}

/** A switch does not wait longer than this for its probes. */
const FIRST_ANSWERS_MS = 1_000;
/** A drain may last for hours; the switch is over long before. */
const LONGEST_PROBE_MS = 30_000;

/**
 * Sends requests through the edges of all servers, or the sidecars where a port has no domain. It is done when the
 * first answers have come, or after a second: a probe that begins after the switch has seen nothing.
 */
export const probe: StepKind<ProbeStep> = {
  describe: ({ service }) => `begin to probe ${service}`,
  async run({ service, route, ports }, context) {
    const { clock, known } = context;
    const targets = ports.flatMap((port) => targetsOf(context, route, port));
    const probers = targets.map((target) => new Prober(target, clock));
    known.probers.set(service, probers);
    await inTime(clock, Promise.all(probers.map(({ begun }) => begun)), FIRST_ANSWERS_MS, undefined);
    void clock
      .sleep(LONGEST_PROBE_MS)
      .then(() => endProbing(context, service))
      .catch(() => undefined);
  },
  undo: ({ service }, context) => endProbing(context, service),
};

/** What the probes saw is kept for the report. */
export const endProbe: StepKind<EndProbeStep> = {
  describe: ({ service }) => `end the probe of ${service}`,
  run: ({ service }, context) => endProbing(context, service),
};

/** endProbing ends the probes of a service, and keeps what they saw. */
export async function endProbing({ known }: RunContext, service: string): Promise<void> {
  const probers = known.probers.get(service);
  if (probers === undefined) return;
  known.probers.delete(service);
  known.probed.set(service, mergeReports(await Promise.all(probers.map((prober) => prober.end()))));
}

function targetsOf(context: RunContext, route: Route, port: RoutePort): ProbeTarget[] {
  const { fleet, servers } = context;
  const isServed = (server: Server) => isServedOn(route, server.spec, servers);
  return fleet.servers.filter(isServed).flatMap((server) => targetOn(context, route, port, server) ?? []);
}

function targetOn(
  { known, scope }: RunContext,
  route: Route,
  port: RoutePort,
  server: Server,
): ProbeTarget | undefined {
  const { headers, message } = questionOf(port);
  const kind = port.domains.length > 0 ? 'edge' : 'sidecar';
  const instance = known.instances.get(nginxKey(server.name, kind));
  // One that was made anew in this run has no route yet: what it cannot answer was not lost by the switch.
  if (!instance?.mayServe(scopeName(scope), route.service)) return undefined;
  return {
    http: server.http,
    name: `${server.name} ${kind}`,
    address: instance.address,
    port: kind === 'edge' ? DIRECT_HTTP_PORT : port.internalPort,
    // The edge knows a service by its domains alone.
    host: (kind === 'sidecar' ? headers.host : undefined) ?? hostOf(route.service, port.domains),
    path: kind === 'edge' ? userPath(port) : port.provePath,
    // What the edge answers to strangers tells nothing of the app.
    headers: kind === 'edge' ? { ...headers, ...instance.probeHeaders } : headers,
    ...(message && { message }),
  };
}
