import { explainRefusal } from '../../fleet/engine-failure.ts';
import type { Log } from '../../model/log.ts';
import { describeStep } from '../planning/describe.ts';
import type { Step } from '../planning/plan.ts';

/**
 * perform runs one step of a plan and announces its begin and its end. Every step runs through here: the kill
 * matrix strikes at what is announced, so that a step that is new joins it by itself. It throws a UserError that names
 * the step where an engine refused it.
 */
export async function perform<T>(log: Log, step: Step, work: () => Promise<T>): Promise<T> {
  const what = describeStep(step);
  try {
    return await announce(log, `${step.kind}: ${what}`, work);
  } catch (error) {
    throw explainRefusal(what, error);
  }
}

/** announce says on the debug log when a piece of work begins, and when it has succeeded and after how long. */
export async function announce<T>(log: Log, what: string, work: () => Promise<T>): Promise<T> {
  log.debug(`begins: ${what}`);
  const begun = performance.now();
  const result = await work();
  log.debug(`ends: ${what} (${Math.round(performance.now() - begun)} ms)`);
  return result;
}
