import type { Deployed } from '../commands/change.ts';
import type { ServiceResult } from '../commands/outputs.ts';
import type { DeployReport } from '../deploy/request.ts';
import { describeChange } from './changes.ts';
import { textOf } from './failure.ts';
import { caution, page, section } from './markdown.ts';
import { markdownTable } from './table.ts';
import { renderTimeline } from './timeline.ts';

/** renderDeployed returns what a deploy did in GitHub's Markdown. Pure. */
export function renderDeployed(result: Deployed): string {
  const { title, report, services } = result;
  const { plan, changed, timeline } = report;
  return page(
    `## ${headline(result)}`,
    result.failure === undefined ? '' : caution(textOf(result.failure)),
    section(
      `What ${report.failure === undefined ? 'changes' : 'should have changed'}`,
      plan.changes.map(describeChange),
    ),
    copies(services),
    probes(services),
    changed ? renderTimeline(title, timeline.spans) : '',
    figures(report),
  );
}

function headline({ title, report, failure }: Deployed): string {
  if (report.failure !== undefined) return `❌ ${title}: the deploy failed`;
  if (failure !== undefined) return `❌ ${title}: deployed, and requests were lost`;
  return report.changed ? `✅ ${title}: deployed` : `✅ ${title}: nothing to do`;
}

function copies(services: Record<string, ServiceResult>): string {
  const rows = Object.entries(services).flatMap(([service, { release, copies }]) =>
    copies.map(({ server, slot, container, port, durations }) => ({
      service,
      release: String(release),
      server,
      slot,
      container,
      port: String(port),
      start: milliseconds(durations.start),
      'healthy after': milliseconds(durations.healthy),
    })),
  );
  return rows.length === 0 ? '' : `### Where it runs\n\n${markdownTable(rows)}`;
}

function probes(services: Record<string, ServiceResult>): string {
  const rows = Object.entries(services).flatMap(([service, { probe }]) => {
    if (probe === undefined) return [];
    const { sent, lost, unknown, p50_ms, p99_ms, longest_gap_ms } = probe;
    return [
      {
        service,
        sent: String(sent),
        lost: String(lost),
        unknown: String(unknown),
        p50: milliseconds(p50_ms),
        p99: milliseconds(p99_ms),
        'longest gap': milliseconds(longest_gap_ms),
      },
    ];
  });
  return rows.length === 0 ? '' : `### Proof: requests during the switch\n\n${markdownTable(rows)}`;
}

function figures({ timeline, engineCalls, cut }: DeployReport): string {
  const seconds = (timeline.elapsedMs() / 1000).toFixed(1);
  const cutText = cut > 0 ? `, **${cut} connections were cut** when the drain timeout was over` : '';
  return `${seconds} s in all, ${engineCalls} Engine API calls${cutText}.`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : `${value} ms`;
}
