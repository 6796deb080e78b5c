import type { Server } from '../../fleet/server.ts';
import { scopeName } from '../../model/names.ts';
import { backendsOf, type Route } from '../../nginx/routes.ts';
import { inTime } from '../in-time.ts';
import type { Level } from '../planning/plan.ts';
import { nginxKey, type RunContext } from './context.ts';
import { mergeReports, Probe, type ProbeReport, type ProbeTarget } from './probe.ts';

/** A drain may last for hours; the switch is over long before. */
const LONGEST_PROBE_MS = 30_000;
/** A switch does not wait longer than this for its probes. */
const FIRST_ANSWERS_MS = 1_000;

/** Probes of the services that a level switches. */
export interface Probes {
  /** endAfter stops the probes when `work` is done, or after half a minute, and returns what they saw. */
  endAfter(work: Promise<unknown>): Promise<Map<string, ProbeReport>>;
}

/**
 * startProbes sends requests to every http service that a level moves and that had traffic before, through the
 * edges of all servers, or the sidecars where it has no domain. It returns when the first answers have come, or
 * after a second: a probe that begins after the switch has seen nothing.
 */
export async function startProbes(context: RunContext, level: Level): Promise<Probes> {
  const moved = level.switch?.moved ?? [];
  const replaced = new Set(level.retire.map(({ service }) => service));
  const routes = (level.switch?.routes ?? []).filter(
    ({ service, protocol }) => protocol === 'http' && moved.includes(service) && replaced.has(service),
  );
  const running = routes.map((route) => ({ service: route.service, probes: probeRoute(context, route) }));
  const begun = Promise.all(running.flatMap(({ probes }) => probes.map((probe) => probe.begun)));
  await inTime(begun, FIRST_ANSWERS_MS, undefined);
  return {
    endAfter: async (work) => {
      await inTime(
        work.catch(() => undefined),
        LONGEST_PROBE_MS,
        undefined,
      );
      const reports = await Promise.all(
        running.map(async ({ service, probes }) => {
          const seen = await Promise.all(probes.map((probe) => probe.end()));
          return [service, mergeReports(seen)] as const;
        }),
      );
      return new Map(reports);
    },
  };
}

function probeRoute(context: RunContext, route: Route): Probe[] {
  const servers = context.fleet.servers.filter(
    (server) => backendsOf(context.scope, route, server.spec, context.servers).length > 0,
  );
  const targets = servers.map((server) => targetOf(context, route, server));
  return targets.filter((target) => target !== undefined).map((target) => new Probe(target));
}

function targetOf(context: RunContext, route: Route, server: Server): ProbeTarget | undefined {
  const isPublic = route.domains.length > 0;
  const instance = context.instances.get(nginxKey(server.host, isPublic ? 'edge' : 'sidecar'));
  // One that was made anew in this run has no route yet: what it cannot answer was not lost by the switch.
  if (!instance?.mayServe(scopeName(context.scope), route.service)) return undefined;
  return {
    dial: server.dial,
    name: `${server.host} ${isPublic ? 'edge' : 'sidecar'}`,
    address: instance.address,
    port: isPublic ? 80 : route.internalPort,
    host: (route.domains[0] ?? route.service).replace(/^\*/, 'probe'),
    path: route.provePath,
  };
}
