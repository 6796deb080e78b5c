import type { ActionRun } from './action.ts';

/** said returns a run's log with the line ends and signs that the runner's protocol encodes, as people see it. */
export function said({ log }: Pick<ActionRun, 'log'>): string {
  return log
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%');
}
