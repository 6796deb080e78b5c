import type { BuiltImage } from '../build/images.ts';
import { errorsOf } from '../deploy/preflight/findings.ts';
import type { DryRunReport } from '../deploy/request.ts';
import { type UserError, UserErrors } from '../model/errors.ts';
import type { CommandResult } from './command.ts';
import type { OutputName } from './outputs.ts';
import type { ShownPreset } from './shown-presets.ts';

/** What a change would do, and what it would meet. */
export interface DryRun<O extends OutputName> extends CommandResult<O> {
  kind: 'dry run';
  /** For people: `shop production`. */
  title: string;
  report: DryRunReport;
  /** The images that a deploy would make, and those that are there. */
  built: readonly BuiltImage[];
  /** What presets come to, where that is shown. */
  presets?: readonly ShownPreset[];
}

/** foreseenFailure returns the error of a dry run: what a deploy would fail of, undefined where it would not. */
export function foreseenFailure({ findings }: Pick<DryRunReport, 'findings'>): UserError | undefined {
  const errors = errorsOf(findings);
  return errors.length > 1 ? new UserErrors(errors) : errors[0];
}
