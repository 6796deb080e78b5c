import { describeChange } from '../deploy/planning/describe.ts';
import { escapeMarkdown } from '../deploy/reporting/markdown.ts';
import type { DeployReport } from '../deploy/request.ts';
import type { Span } from '../deploy/running/timeline.ts';
import { messageOf } from '../model/errors.ts';
import { fitSummary, quote } from './markdown.ts';
import type { ServiceResult } from './result.ts';

/** Mermaid draws no more bars that a person would still read. */
const MOST_BARS = 60;

/** What the summary is made of. */
export interface SummaryInput {
  title: string;
  report: DeployReport;
  result: Record<string, ServiceResult>;
  isDryRun: boolean;
}

/** renderSummary returns the job summary in GitHub's Markdown. Pure. */
export function renderSummary(input: SummaryInput): string {
  const { report, isDryRun } = input;
  const parts = [
    `## ${headline(input)}`,
    report.failure !== undefined && `> [!CAUTION]\n${quote(messageOf(report.failure))}`,
    changes(input),
    !isDryRun && servers(input.result),
    !isDryRun && probes(input.result),
    !isDryRun && report.changed && gantt(input.title, report.timeline.spans),
    !isDryRun && figures(report),
  ];
  const text = `${parts.filter((part) => part !== false && part !== '').join('\n\n')}\n`;
  return fitSummary(text);
}

/** renderFailure returns the job summary of a run that failed before it had a plan. Pure. */
export function renderFailure(action: string, error: unknown): string {
  return `## ❌ ${action} failed\n\n> [!CAUTION]\n${quote(messageOf(error))}\n`;
}

function headline({ title, report, isDryRun }: SummaryInput): string {
  if (report.failure !== undefined) return `❌ ${title}: the deploy failed`;
  if (!report.changed) return `✅ ${title}: nothing to do`;
  if (isDryRun) return `📋 ${title}: plan`;
  return `✅ ${title}: deployed`;
}

function changes({ report }: SummaryInput): string {
  const rows = report.plan.changes.map((change) => `- ${escapeMarkdown(describeChange(change))}`);
  return rows.length === 0
    ? ''
    : `### What ${report.failure === undefined ? 'changes' : 'should have changed'}\n\n${rows.join('\n')}`;
}

function servers(result: Record<string, ServiceResult>): string {
  const rows = Object.entries(result).flatMap(([service, { release, servers }]) =>
    servers.map(
      ({ host, side, container, port, durations }) =>
        `| ${service} | ${release} | ${host} | ${side} | \`${container}\` | ${port} | ${milliseconds(durations.start)} | ${milliseconds(durations.healthy)} |`,
    ),
  );
  if (rows.length === 0) return '';
  return `### Where it runs

| service | release | server | side | container | port | start | healthy after |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}

function probes(result: Record<string, ServiceResult>): string {
  const rows = Object.entries(result).flatMap(([service, { probe }]) =>
    probe === undefined
      ? []
      : [
          `| ${service} | ${probe.sent} | ${probe.lost} | ${probe.unknown} | ${probe.p50_ms} ms | ${probe.p99_ms} ms | ${probe.longest_gap_ms} ms |`,
        ],
  );
  if (rows.length === 0) return '';
  return `### Proof: requests during the switch

| service | sent | lost | unknown | p50 | p99 | longest gap |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}

/** gantt draws the run: a section for each service and server, a bar for each phase. */
export function gantt(title: string, spans: readonly Span[]): string {
  const shown = [...spans].sort((a, b) => a.startMs - b.startMs).slice(0, MOST_BARS);
  const sections = new Map<string, Span[]>();
  for (const span of shown) {
    const name =
      span.service === '' ? (span.host === '' ? 'run' : span.host) : `${span.service} on ${span.host}`;
    sections.set(name, [...(sections.get(name) ?? []), span]);
  }
  const lines = [...sections].flatMap(([name, bars]) => [
    `    section ${plain(name)}`,
    ...bars.map(({ phase, failed, startMs, endMs }) => {
      const start = Math.round(startMs);
      return `    ${plain(phase)} :${failed ? 'crit, ' : ''}${start}, ${Math.max(start + 1, Math.round(endMs))}`;
    }),
  ]);
  return `### Timeline

\`\`\`mermaid
gantt
    title ${plain(title)}
    dateFormat x
    axisFormat %M:%S.%L
${lines.join('\n')}
\`\`\``;
}

function figures({ timeline, engineCalls, cut }: DeployReport): string {
  const seconds = (timeline.elapsedMs() / 1000).toFixed(1);
  const cutText = cut > 0 ? `, **${cut} connections were cut** when the drain timeout was over` : '';
  return `${seconds} s in all, ${engineCalls} Engine API calls${cutText}.`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : `${value} ms`;
}

/** Colons and semicolons end a name in Mermaid. */
function plain(text: string): string {
  return text.replaceAll(/[:;#,]/g, ' ');
}
