import { failTogether, UserError } from '../../model/errors.ts';
import type { UnfinishedHook } from './plan.ts';

/** describeUnfinished says of which hook nobody knows how it ended. */
export function describeUnfinished({ service, hook, release, server, container }: UnfinishedHook): string {
  const how = container === undefined ? 'nobody saw how it ended' : 'it was killed before its end';
  return `${hook} of ${service} release ${release} was begun on ${server}, and ${how}`;
}

/** adviseUnfinished says how a run can go on that asks about a hook. */
export function adviseUnfinished({ container, server }: UnfinishedHook): string {
  const where =
    container === undefined ? '' : ` ("docker logs ${container}" on ${server} shows how far it came)`;
  return `Nothing was changed. See whether it did its work${where}, then run again with the input "unfinished-hook": "run" to run it once more, or "done" to go on without it. "idempotent: true" in the file says that it may always run again.`;
}

/** refuseUnfinished throws a UserError when nobody knows how hooks ended that must not run twice. */
export function refuseUnfinished(unfinished: readonly UnfinishedHook[]): void {
  failTogether(
    unfinished.map(
      (hook) =>
        new UserError(`it is not known what ${hook.hook} has done: ${describeUnfinished(hook)}`, {
          hint: adviseUnfinished(hook),
        }),
    ),
  );
}

/** What a process ends with that was ended by SIGKILL or SIGTERM, as a rule: 128 and the number of the signal. */
const KILLED = [137, 143];

/** isCutOff tells whether the command of a hook was ended by somebody else: then nobody knows how far it came. */
export function isCutOff(exitCode: number): boolean {
  return KILLED.includes(exitCode);
}
