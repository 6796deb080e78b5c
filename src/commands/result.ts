import type { DeployReport } from '../deploy/request.ts';
import type { Copy } from '../model/copy.ts';
import { UserError } from '../model/errors.ts';
import { hostPort } from '../model/ports.ts';
import type { CopyResult, ServiceResult } from './outputs.ts';

/** What there is to tell of a deploy: of one that was only planned nothing took any time, and nothing was probed. */
type Told = Pick<DeployReport, 'plan' | 'services' | 'copies' | 'undone'> &
  Partial<Pick<DeployReport, 'timeline' | 'probes'>>;

/** What a person calls a duration, and the steps that it takes: a copy is healthy when it has answered, and goes on to. */
const DURATIONS = { start: ['start'], healthy: ['answer', 'healthy'], drain: ['drain'], stop: ['stop'] };

/** resultOf returns the output `result` of a deploy, by service. Pure. */
export function resultOf(report: Told, isMultiServer: boolean): Record<string, ServiceResult> {
  const entries = report.plan.changes
    .filter(({ effect }) => effect !== 'remove')
    .map((change): [string, ServiceResult] => {
      const { service, from, to, effect } = change;
      const isUndone = report.undone.includes(service);
      const probe = report.probes?.get(service);
      return [
        service,
        {
          release: isUndone ? from : to,
          effect: isUndone ? 'none' : effect,
          copies: copiesOf(report, service, isMultiServer),
          ...(probe && { probe }),
        },
      ];
    });
  return Object.fromEntries(entries);
}

function copiesOf(
  { services, copies, timeline, undone }: Told,
  service: string,
  isMultiServer: boolean,
): CopyResult[] {
  const wanted = services.find(({ name }) => name === service);
  // What was undone runs as before: durations of the new copies would be told of the old ones.
  const told = undone.includes(service) ? [] : Object.entries(DURATIONS);
  const portAt = ({ slot, port }: Copy) =>
    isMultiServer ? (port ?? (wanted?.ports && hostPort(wanted.ports.host, slot))) : wanted?.spec.port;
  return (copies[service] ?? []).map((copy) => ({
    server: copy.server,
    slot: copy.slot,
    container: copy.name,
    ...(portAt(copy) !== undefined && { port: portAt(copy)! }),
    durations: Object.fromEntries(
      told.flatMap(([name, steps]) => {
        const ms = steps.flatMap((step) => timeline?.durationMs(step, service, copy.server) ?? []);
        return ms.length === 0 ? [] : [[name, ms.reduce((sum, one) => sum + one)]];
      }),
    ),
  }));
}

/** releasesOf returns the output `releases`: the number that runs, by service. Pure. */
export function releasesOf({
  services,
  undone,
}: Pick<DeployReport, 'services' | 'undone'>): Record<string, number> {
  const entries = services.map(({ name, release, known }) => {
    const isUndone = undone.includes(name);
    return [name, isUndone ? (known.current?.number ?? 0) : release.number] as const;
  });
  return Object.fromEntries(entries);
}

/** lossIn returns the error of a deploy during which requests were lost: it fails, though what it deployed stays. Pure. */
export function lossIn(services: Record<string, ServiceResult>): UserError | undefined {
  for (const [service, { probe }] of Object.entries(services)) {
    if (probe === undefined || probe.lost === 0) continue;
    return new UserError(
      `${service}: ${probe.lost} of ${probe.sent} probe requests were lost during the switch (${probe.losses.join('; ')})`,
      {
        hint: 'The new version serves. Look whether the app ends requests when it gets SIGTERM, or answered 502 to 504 itself.',
      },
    );
  }
  return undefined;
}
