import type { Deployed } from '../commands/change.ts';
import type { ServiceResult } from '../commands/outputs.ts';
import type { DeployReport } from '../deploy/request.ts';
import { toldRoutes } from '../model/spec.ts';
import { builtTable } from './built.ts';
import { describeChange, describeImage, describeNothing } from './changes.ts';
import { textOf } from './failure.ts';
import { caution, escapeMarkdown, page, section } from './markdown.ts';
import { markdownTable } from './table.ts';
import { renderTimeline } from './timeline.ts';

/** renderDeployed returns what a deploy did in GitHub's Markdown. Pure. */
export function renderDeployed(result: Deployed): string {
  const { title, report, services } = result;
  const { plan, changed, notes, timeline } = report;
  return page(
    `## ${headline(result)}`,
    result.failure === undefined ? '' : caution(textOf(result.failure)),
    section('Good to know', [...notes, ...forwardAgain(result)]),
    section(
      `What ${report.failure === undefined ? 'changes' : 'should have changed'}`,
      plan.changes.map(describeChange),
    ),
    copies(report, services),
    result.built.length === 0 ? '' : `### Images\n\n${builtTable(result.built)}`,
    origin(result),
    probes(services),
    changed ? renderTimeline(title, timeline.spans) : '',
    figures(report),
  );
}

/** deployedLines returns what serves after a deploy as lines for a log: images, domains and servers in words. Pure. */
export function deployedLines({ report, author, failure }: Deployed): string[] {
  if (failure !== undefined) return [];
  const commit = author.commit === undefined ? '' : ` (commit ${author.commit.slice(0, SHORT_COMMIT)})`;
  return report.plan.changes
    .filter(({ effect }) => effect !== 'remove')
    .map((change) => {
      const servers = [...new Set((report.copies[change.service] ?? []).map(({ server }) => server))];
      const isThere = change.isWorker ? `works, ${change.image}` : `serves, ${describeImage(change)}`;
      const what = `${change.service}: release ${change.to} ${isThere}`;
      const each = change.copiesOnEach === undefined ? '' : `, ${change.copiesOnEach} on each`;
      return `${what} on ${servers.join(', ')}${each}${change.effect === 'none' ? '' : commit}`;
    });
}

const SHORT_COMMIT = 10;

function headline({ title, report, failure }: Deployed): string {
  const isRollback = report.services.some(({ restored }) => restored !== undefined);
  if (report.failure !== undefined) return `❌ ${title}: the ${isRollback ? 'rollback' : 'deploy'} failed`;
  if (failure !== undefined) return `❌ ${title}: deployed, and requests were lost`;
  if (!report.changed) return `✅ ${title}: ${describeNothing(report.plan)}`;
  return `✅ ${title}: ${isRollback ? 'rolled back' : 'deployed'}`;
}

/** Whoever goes back has to know that the file still says what it said. */
function forwardAgain({ report, failure }: Deployed): string[] {
  const back = report.services.flatMap(({ name, restored, release }) =>
    restored === undefined || restored.number === release.number
      ? []
      : [`${name} is what release ${restored.number} was`],
  );
  if (back.length === 0 || failure !== undefined) return [];
  return [
    `This was a rollback: ${back.join(', ')}. The next deploy goes forward again, to what the file says: revert the commit to stay`,
  ];
}

/** Where what the run brought came from. */
function origin({ author: { commit, actor, run } }: Deployed): string {
  const what = commit === undefined ? 'Deployed' : `Commit ${commit.slice(0, SHORT_COMMIT)}, deployed`;
  return escapeMarkdown(`${what} by ${actor} in ${run}`);
}

function copies(report: DeployReport, services: Record<string, ServiceResult>): string {
  const rows = Object.entries(services).flatMap(([service, { release, copies }]) =>
    copies.map(({ server, slot, container, port, durations }) => ({
      service,
      release: String(release),
      ...contentOf(report, service),
      server,
      slot,
      container,
      port: port === undefined ? '' : String(port),
      start: milliseconds(durations.start),
      'healthy after': milliseconds(durations.healthy),
    })),
  );
  return rows.length === 0 ? '' : `### Where it runs\n\n${markdownTable(rows)}`;
}

/** What serves of a service, in words: after a failure that is what ran before. */
function contentOf({ services, undone }: DeployReport, service: string): { image: string; domains: string } {
  const wanted = services.find(({ name }) => name === service);
  const spec = undone.includes(service) ? wanted?.known.current : wanted?.spec;
  return {
    image: spec?.container.image ?? '',
    domains: spec === undefined ? '' : toldRoutes(spec.route).join(', '),
  };
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
