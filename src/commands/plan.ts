import { listed } from '../config/nearest.ts';
import type { ResolvedEnvironment } from '../config/resolve.ts';
import { dryRun } from '../deploy/dry-run.ts';
import type { DryRunReport } from '../deploy/request.ts';
import { describeStep } from '../deploy/steps/index.ts';
import { changeRequest } from './change.ts';
import { command } from './command.ts';
import { type DryRun, foreseenFailure } from './dry-run.ts';
import { PROJECT, REGISTRY, RELEASING, SOURCES } from './inputs.ts';
import { supplyImages, unbuiltOf } from './make-images.ts';
import type { PlanOutcome, PlanOutput } from './outputs.ts';
import { openProject, readProject } from './project.ts';
import { releasesOf } from './result.ts';
import { type PresetsShown, presetsOf, showPresets } from './shown-presets.ts';

/** Inputs of builds that a plan does not have. */
const NOTHING_BUILT = { push: undefined, cache: undefined, 'allow-dirty': true, 'build-secrets': undefined };

/** The exit code that tells changes from none, as `diff` and others have it. */
const CHANGES = 2;

/** plan shows what a deploy would do: also that it would fail, and why. */
export const plan = command({
  title: 'Switchyard plan',
  description:
    'Show what a deploy would change and why, where servers and record differ, and whether the servers are ready for it: in the log, the job summary and one comment of the pull request.',
  inputs: [
    ...PROJECT,
    ...RELEASING,
    'age-key',
    ...REGISTRY,
    'platforms',
    ...SOURCES,
    'service',
    'zones',
    'exclude-servers',
    'take-over-from',
    'comment',
    'presets',
    'exit-code',
  ],
  outputs: ['changed', 'releases', 'plan'],
  async run(inputs, surroundings): Promise<DryRun<'changed' | 'releases' | 'plan'> | PresetsShown> {
    if (inputs.presets) return showPresets(await readProject(inputs, surroundings));
    const opened = await openProject(inputs, surroundings);
    const looking = { ...inputs, ...NOTHING_BUILT, 'dry-run': true };
    const { project, built, images } = await supplyImages(opened, looking, surroundings);
    const request = changeRequest(project, { ...inputs, images }, surroundings.log, { scope: 'services' });
    const foreseen = await dryRun({ ...request, unbuiltImages: unbuiltOf(built) });
    const report = { ...foreseen, notes: [...foreseen.notes, ...keptNowhere(project)] };
    const { changed, services } = report;
    return {
      kind: 'dry run',
      title: project.title,
      report,
      built,
      presets: presetsOf(project),
      outputs: { changed, releases: releasesOf({ services, undone: [] }), plan: planOutput(report) },
      failure: foreseenFailure(report),
      exitCode: inputs['exit-code'] && changed ? CHANGES : 0,
    };
  },
  outputsOf: (error) => ({ changed: undefined, releases: {}, plan: { outcome: 'error', error } }),
});

/** keptNowhere returns a sentence on the databases whose data is backed up nowhere, and nothing where there are none. Pure. */
export function keptNowhere({ keptNowhere: names }: Pick<ResolvedEnvironment, 'keptNowhere'>): string[] {
  if (names.length === 0) return [];
  return [
    `the data of ${listed(names)} is backed up nowhere: write "backup" at the top of the file, or "backup: false" at the service`,
  ];
}

/** planOutput returns the output `plan`. Pure. */
export function planOutput(report: DryRunReport): PlanOutput {
  const { changes, steps, stale } = report.plan;
  return {
    outcome: outcomeOf(report),
    changes,
    steps: steps.map(({ step }) => describeStep(step)),
    stale,
    drift: report.drift,
    preflight: report.findings,
  };
}

/** outcomeOf tells the three ways apart in which a plan can come out; what a deploy would fail of is an error. */
export function outcomeOf({ changed, findings }: Pick<DryRunReport, 'changed' | 'findings'>): PlanOutcome {
  if (findings.some(({ level }) => level === 'error')) return 'error';
  return changed ? 'changes' : 'no changes';
}
