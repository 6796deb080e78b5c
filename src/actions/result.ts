import type { DeployReport } from '../deploy/request.ts';
import type { ProbeReport } from '../deploy/running/probe.ts';
import { hostPort } from '../model/ports.ts';

/** One server in the output `result`. */
export interface ServerResult {
  host: string;
  side: string;
  container: string;
  port: number;
  /** Milliseconds of each phase that happened here: start, healthy, drain, stop. */
  durations: Record<string, number>;
}

/** One service in the output `result`. */
export interface ServiceResult {
  release: number;
  effect: string;
  servers: ServerResult[];
  probe?: ProbeReport;
}

const PHASES = ['start', 'healthy', 'drain', 'stop'];

/** resultOf returns the output `result` of a deploy, by service. Pure. */
export function resultOf(report: DeployReport, isMultiServer: boolean): Record<string, ServiceResult> {
  const { plan, standing, timeline, probes } = report;
  const entries = plan.changes
    .filter(({ effect }) => effect !== 'remove')
    .map((change): [string, ServiceResult] => {
      const { service } = change;
      // What was undone runs as before: durations of the new side would be told of the old one.
      const isUndone = report.undone.includes(service);
      const phases = isUndone ? [] : PHASES;
      const wanted = report.services.find(({ name }) => name === service);
      const servers = (standing[service] ?? []).map(({ host, side, name, port }) => ({
        host,
        side,
        container: name,
        port: isMultiServer ? (port ?? hostPort(wanted?.ports.host ?? 0, side)) : (wanted?.spec.port ?? 0),
        durations: Object.fromEntries(
          phases.flatMap((phase) => {
            const ms = timeline.durationMs(phase, service, host);
            return ms === undefined ? [] : [[phase, ms]];
          }),
        ),
      }));
      const probe = probes.get(service);
      const release = isUndone ? change.from : change.to;
      const effect = isUndone ? 'none' : change.effect;
      return [service, { release, effect, servers, ...(probe && { probe }) }];
    });
  return Object.fromEntries(entries);
}

/** releasesOf returns the output `releases`: the number that runs, by service. */
export function releasesOf(report: Pick<DeployReport, 'services' | 'undone'>): Record<string, number> {
  const entries = report.services.map(({ name, release, known }) => {
    const isUndone = report.undone.includes(name);
    return [name, isUndone ? (known.current?.number ?? 0) : release.number] as const;
  });
  return Object.fromEntries(entries);
}
