import { messageOf, UserError } from '../model/errors.ts';

/** PartialSwitch says that a switch is proven on some servers and has failed on others, which serve what they served before. */
export class PartialSwitch extends Error {
  /** Why it failed, by host. */
  readonly failures: ReadonlyMap<string, unknown>;

  constructor(failures: ReadonlyMap<string, unknown>) {
    super(`the switch failed on ${[...failures.keys()].join(', ')}`);
    this.failures = failures;
  }
}

/** leftOutFailure returns why a run fails that has left servers out, undefined where it left none. */
export function leftOutFailure(left: ReadonlyMap<string, unknown>): UserError | undefined {
  if (left.size === 0) return undefined;
  const hosts = [...left.keys()].join(', ');
  const reasons = [...new Set([...left.values()].map(messageOf))].join('\n');
  return new UserError(
    `${hosts} did not switch and was left out, the others have the new version: ${reasons}`,
    {
      hint: 'It gets no traffic from the others, and serves what it served before. Mend it and deploy again: that brings it up to date.',
      cause: [...left.values()][0],
    },
  );
}
