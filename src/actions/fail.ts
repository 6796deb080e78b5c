import * as core from '@actions/core';
import { UserError, UserErrors } from '../model/errors.ts';
import { textOf } from '../report/failure.ts';
import { annotationAt, type RunnerLog } from './log.ts';

/** The runner shows ten annotations of a kind and drops the rest silently. */
const MOST_ANNOTATIONS = 10;

/** fail ends the action: a user's mistake as sentence and hint on its line, our own with its stack. */
export function fail(error: unknown, log: RunnerLog): void {
  process.exitCode = 1;
  const errors = error instanceof UserErrors ? error.errors : [error];
  for (const one of errors.slice(0, MOST_ANNOTATIONS)) annotate(one, log);
  const more = errors.slice(MOST_ANNOTATIONS);
  if (more.length > 0) core.error(log.clean(more.map(textOf).join('\n')));
}

function annotate(error: unknown, log: RunnerLog): void {
  const location = error instanceof UserError ? error.location : undefined;
  core.error(log.clean(textOf(error)), {
    title: error instanceof UserError ? 'Switchyard' : 'Switchyard: a bug, please report it',
    ...(location && annotationAt(location)),
  });
}
