import { failTogether, UserError } from '../../model/errors.ts';
import type { UnfinishedHook } from './plan.ts';

/** describeUnfinished says of which hook nobody knows how it ended. */
export function describeUnfinished({ service, hook, release, host, container }: UnfinishedHook): string {
  const how = container === undefined ? 'nobody saw how it ended' : 'it was killed before its end';
  return `${hook} of ${service} release ${release} was begun on ${host}, and ${how}`;
}

/** adviseUnfinished says how a run can go on that asks about a hook. */
export function adviseUnfinished({ container, host }: UnfinishedHook): string {
  const where =
    container === undefined ? '' : ` ("docker logs ${container}" on ${host} shows how far it came)`;
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
