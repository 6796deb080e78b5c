import type { HookName } from '../../model/names.ts';
import { awaitEnd } from './hook.ts';
import type { StepKind } from './kind.ts';

/** Waiting until a hook has ended that a run has left running. */
export interface AwaitHookStep {
  kind: 'await hook';
  hook: HookName;
  service: string;
  server: string;
  id: string;
  /** The container's name. */
  name: string;
  release: number;
  timeoutMs: number;
  graceMs: number;
}

/** How it ended is for the next plan to see. */
export const awaitHook: StepKind<AwaitHookStep> = {
  describe: ({ hook, service, release, server }) =>
    `wait until ${hook} of ${service} release ${release} on ${server} has ended`,
  async run(step, context) {
    await awaitEnd(context, step);
  },
};
