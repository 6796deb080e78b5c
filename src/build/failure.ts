import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { failureOf } from './progress.ts';

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
  const push = pushFailure(reason);
  if (push !== undefined) return new UserError(`${service}: ${push.what}: ${reason}`, { hint: push.hint });
  const line = told ?? (instruction === undefined ? undefined : lineOf(instruction));
  const what = instruction === undefined ? 'the image could not be built' : `${instruction} failed`;
  const where = line === undefined ? '' : placeElsewhere(spec, line);
  const shown = output.map((one) => `\n  | ${one}`).join('');
  return new UserError(`${service}: ${what}${where}: ${reason}${shown}`, {
    hint: hintFor(reason),
    ...(file !== undefined && line !== undefined && { location: { file, line, column: 1 } }),
  });
}

/** A line of another repository, where no annotation can stand. */
function placeElsewhere({ git, dockerfile }: BuildSpec, line: number): string {
  return git === undefined || !('path' in dockerfile) ? '' : ` (${dockerfile.path}:${line} in ${git.url})`;
}

function pushFailure(reason: string): { what: string; hint: string } | undefined {
  if (/failed to push|denied: |unauthorized|insufficient_scope|no basic auth credentials/i.test(reason)) {
    return {
      what: 'the registry did not take the image, or does not give what it builds on',
      hint: 'Are registry-username and registry-password right, and may that account write there? For ghcr.io the job needs "packages: write".',
    };
  }
  return undefined;
}

function hintFor(reason: string): string {
  if (/no space left/i.test(reason)) {
    return 'The disk of the runner is full: "docker builder prune" frees what earlier builds have left.';
  }
  if (/not found: not found|"\/.*": not found|failed to compute cache key/i.test(reason)) {
    return 'Is the file in the context, and does .dockerignore not leave it out?';
  }
  if (/pull access denied|repository does not exist|manifest unknown|: not found$/i.test(reason)) {
    return 'Is the name of the base image right, and may the runner read it (docker/login-action)?';
  }
  if (/dial tcp|i\/o timeout|no such host|connection refused/i.test(reason)) {
    return 'A registry cannot be reached from where it is built: is its address right, and does it run?';
  }
  return 'Nothing was pushed or deployed. The whole output is in the log above.';
}
