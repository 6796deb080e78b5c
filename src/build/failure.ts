import { isFullDisk, ROOM_ON_RUNNER } from '../docker/full-disk.ts';
import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { failureOf } from './progress.ts';
import { pushFailure } from './push-failure.ts';

/** What is known of a build that failed. */
export interface FailedBuild {
  spec: BuildSpec;
  /** What the builder has said. */
  lines: readonly string[];
  /** The Dockerfile for people, from the workspace; undefined for one that is no file of this repository. */
  file: string | undefined;
  /** See Dockerfile.lineOf. */
  lineOf(instruction: string): number | undefined;
}

/** buildFailure is the error of a build that failed, on the line of the Dockerfile where that is known. Pure. */
export function buildFailure({ spec, lines, file, lineOf }: FailedBuild): UserError {
  const { service } = spec;
  const { reason, line: told, instruction, output } = failureOf(lines);
  const push = pushFailure(lines, reason);
  if (push !== undefined) return new UserError(`${service}: ${push.what}: ${reason}`, { hint: push.hint });
  const line = told ?? (instruction === undefined ? undefined : lineOf(instruction));
  const what = instruction === undefined ? 'the image could not be built' : `${instruction} failed`;
  const where = line === undefined ? '' : placeElsewhere(spec, line);
  const shown = output.map((one) => `\n  | ${one}`).join('');
  return new UserError(`${service}: ${what}${where}: ${reason}${shown}`, {
    hint: hintFor(reason, output),
    ...(file !== undefined && line !== undefined && { location: { file, line, column: 1 } }),
  });
}

/** A line of another repository, where no annotation can stand. */
function placeElsewhere({ git, dockerfile }: BuildSpec, line: number): string {
  return git === undefined || !('path' in dockerfile) ? '' : ` (${dockerfile.path}:${line} in ${git.url})`;
}

/** What an instruction has printed may say more than how it ended. */
function hintFor(reason: string, output: readonly string[]): string {
  if ([reason, ...output].some(isFullDisk)) return ROOM_ON_RUNNER;
  if (/not found: not found|"\/.*": not found|failed to compute cache key/i.test(reason)) {
    return 'Is the file in the context, and does .dockerignore not leave it out?';
  }
  if (/toomanyrequests|too many requests|rate limit/i.test(reason)) {
    return 'The registry of the base image has had too many requests: run again in some minutes, or log in to it before this step (docker/login-action), which most registries allow more.';
  }
  if (
    /denied|unauthorized|forbidden|insufficient_scope|no basic auth|repository does not exist|manifest unknown|: not found$/i.test(
      reason,
    )
  ) {
    return 'Is the name of the base image right, and may the runner read it (docker/login-action)?';
  }
  if (/dial tcp|i\/o timeout|no such host|connection refused/i.test(reason)) {
    return 'A registry cannot be reached from where it is built: is its address right, and does it run?';
  }
  if (/unsupported frontend capability/i.test(reason)) {
    return 'The BuildKit that builds is older than what the build asks for: use docker/setup-buildx-action before this step.';
  }
  return 'Nothing was pushed or deployed. The whole output is in the log above.';
}
