import type { BuiltImage } from '../build/images.ts';
import type { DryRun } from '../commands/dry-run.ts';
import type { PlanOutcome } from '../commands/outputs.ts';
import { outcomeOf } from '../commands/plan.ts';
import type { Plan } from '../deploy/planning/plan.ts';
import { describeFinding, type Finding } from '../deploy/preflight/findings.ts';
import type { DryRunReport } from '../deploy/request.ts';
import { describeStep, type Step } from '../deploy/steps/index.ts';
import {
  describeChange,
  describeHealthWait,
  describePlan,
  describeStale,
  describeWatches,
} from './changes.ts';
import { folded, page, section } from './markdown.ts';
import { presetsSection } from './presets.ts';
import { renderSteps } from './step-graph.ts';

const HEADLINES: Record<PlanOutcome, (title: string) => string> = {
  'no changes': (title) => `✅ ${title}: no changes`,
  changes: (title) => `📋 ${title}: changes`,
  error: (title) => `❌ ${title}: a deploy would fail`,
};

const MARKS = { error: '❌', warning: '⚠️', ok: '✅' } as const;

/** What concerns a server as a whole, whatever becomes of its services. */
const ABOUT_SERVERS: readonly Step['kind'][] = [
  'prepare',
  'upgrade',
  'divert',
  'upgrade sidecar',
  'hand over',
  'teardown',
];

/** What there is to tell of a change before it. */
export type Foreseen = Pick<DryRun<never>, 'report' | 'built' | 'presets'>;

/** dryRunLines returns what a change would do as lines for a log, and as warnings. Errors are what the run ends with. */
export function dryRunLines({ report: { plan, drift, findings, notes }, built }: Foreseen): {
  lines: string[];
  warnings: string[];
} {
  const told = (level: Finding['level']) =>
    findings.filter((one) => one.level === level).map(describeFinding);
  return {
    lines: [
      ...unbuilt(built).map((line) => `build ${line}`),
      ...describePlan(plan),
      ...drift.map(({ message }) => `drift: ${message}`),
      ...told('ok'),
    ],
    warnings: [...notes, ...plan.staying, ...plan.undecided, ...told('warning')],
  };
}

/** renderDryRun returns what a change would do in GitHub's Markdown, for the job summary and the comment. Pure. */
export function renderDryRun({ title, report, built, presets = [] }: Foreseen & { title: string }): string {
  const { plan, drift, findings, notes } = report;
  const isFine = ({ level }: Finding) => level === 'ok';
  const met = findings.filter((one) => !isFine(one)).map(describeMet);
  return page(
    `## ${headlineOf(title, report)}`,
    section('Good to know', notes),
    section('What a deploy would build', unbuilt(built)),
    section('What a deploy would change', changeLines(plan)),
    section(
      'Drift: where the servers differ from the record',
      drift.map(({ message }) => message),
    ),
    section('What it would meet', [
      ...met,
      ...[...plan.staying, ...plan.undecided].map((sentence) => `${MARKS.warning} ${sentence}`),
    ]),
    renderSteps(plan.steps),
    presetsSection(presets),
    folded('What is in order', findings.filter(isFine).map(describeMet)),
    folded(
      'All steps, in their order',
      plan.steps.map(({ step }) => describeStep(step)),
    ),
  );
}

/** A deploy is not kept by a certificate that ends, whatever a look at it says. */
function headlineOf(title: string, report: DryRunReport): string {
  const outcome = outcomeOf(report);
  const errors = report.findings.filter(({ level }) => level === 'error');
  const isAboutTime = outcome === 'error' && errors.every(({ check }) => check === 'certificate');
  return isAboutTime ? `❌ ${title}: a certificate ends soon` : HEADLINES[outcome](title);
}

function describeMet(finding: Finding): string {
  const { level, hint } = finding;
  return `${MARKS[level]} ${describeFinding(finding)}${hint === undefined ? '' : ` → ${hint}`}`;
}

/** What a plan changes: services by name, and what stands beside them. */
function changeLines(plan: Plan): string[] {
  const changing = plan.changes.filter(({ effect }) => effect !== 'none');
  const unchanged = plan.changes.filter(({ effect }) => effect === 'none').map(({ service }) => service);
  const steps = plan.steps.map(({ step }) => step);
  // Where no service changes, the steps are all that there is to tell.
  const beside = changing.length === 0 ? steps : steps.filter(({ kind }) => ABOUT_SERVERS.includes(kind));
  const lines = [
    ...changing.map(describeChange),
    ...beside.map(describeStep),
    ...describeStale(plan),
    ...describeHealthWait(plan),
    ...describeWatches(plan),
  ];
  if (lines.length === 0 || unchanged.length === 0) return lines;
  return [...lines, `unchanged: ${unchanged.join(', ')}`];
}

function unbuilt(built: readonly BuiltImage[]): string[] {
  return built
    .filter(({ outcome }) => outcome === 'missing')
    .map(({ service, why }) => `${service}, since ${why}`);
}
