import type { DryRunReport } from '../deploy/looking/dry-run.ts';
import { describeFinding } from '../deploy/looking/findings.ts';
import { describeChange, describeStep, stepsOf } from '../deploy/planning/describe.ts';
import type { Plan } from '../deploy/planning/plan.ts';
import { escapeMarkdown } from '../deploy/reporting/markdown.ts';
import { fitSummary, quote } from './markdown.ts';
import { type Outcome, outcomeOf } from './plan-output.ts';

const HEADLINES: Record<Outcome, (title: string) => string> = {
  'no changes': (title) => `✅ ${title}: no changes`,
  changes: (title) => `📋 ${title}: changes`,
  error: (title) => `❌ ${title}: a deploy would fail`,
};

const MARKS = { error: '❌', warning: '⚠️', ok: '✅' } as const;

/** renderPlan returns a plan in GitHub's Markdown, for the job summary and the comment. Pure. */
export function renderPlan(title: string, report: DryRunReport): string {
  const { plan, drift, findings } = report;
  const steps = stepsOf(plan).map(describeStep);
  const told = findings.map((finding) => ({
    ...finding,
    text: `${MARKS[finding.level]} ${describeFinding(finding)}`,
  }));
  const isFine = ({ level }: { level: string }) => level === 'ok';
  const parts = [
    `## ${HEADLINES[outcomeOf(report)](title)}`,
    section('What a deploy would change', changeLines(plan)),
    section(
      'Drift: where the servers differ from the record',
      drift.map(({ message }) => message),
    ),
    section(
      'What it would meet',
      told
        .filter((one) => !isFine(one))
        .map(({ text, hint }) => (hint === undefined ? text : `${text} → ${hint}`)),
    ),
    folded(
      'What is in order',
      told.filter(isFine).map(({ text }) => text),
    ),
    folded('All steps, in their order', steps),
  ];
  return fitSummary(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

/** renderPlanFailure returns what is shown where no plan could be made. Pure. */
export function renderPlanFailure(title: string, error: string): string {
  return `## ❌ ${escapeMarkdown(title)}: the plan failed\n\n> [!CAUTION]\n${quote(error)}\n`;
}

/** What a plan changes: services by name, and what stands beside them. */
function changeLines(plan: Plan): string[] {
  const changing = plan.changes.filter(({ effect }) => effect !== 'none');
  const unchanged = plan.changes.filter(({ effect }) => effect === 'none').map(({ service }) => service);
  const routes = plan.levels.filter(({ services }) => services.length === 0).map((level) => level.switch);
  const { divert, nginx, open } = plan.takeover;
  const beside = [
    ...plan.prepare,
    plan.settle,
    ...routes,
    ...divert,
    ...nginx,
    ...open,
    ...plan.teardown,
  ].filter((step) => step !== undefined);
  const lines = [
    ...changing.map(describeChange),
    ...beside.map(describeStep),
    ...plan.stale.left.map((host) => `${host} is left out: it gets no traffic, and stays as it is`),
    ...plan.stale.returned.map((host) => `${host} is no longer left out`),
  ];
  if (lines.length === 0) return [];
  return unchanged.length === 0 ? lines : [...lines, `unchanged: ${unchanged.join(', ')}`];
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `### ${title}\n\n${list(lines)}`;
}

function folded(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<details>\n<summary>${title} (${lines.length})</summary>\n\n${list(lines)}\n\n</details>`;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line).replaceAll('\n', ' ')}`).join('\n');
}
