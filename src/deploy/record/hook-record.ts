import type { EnvironmentState, HookProgress, RecordedHooks, RecordedService } from '../../model/release.ts';
import type { HookStep } from '../steps/hook.ts';

/** recordHook notes how far a hook came. Pure. */
export function recordHook(
  state: EnvironmentState,
  { service, hook, release, server }: Pick<HookStep, 'service' | 'hook' | 'release' | 'server'>,
  progress: HookProgress,
): EnvironmentState {
  const recorded = state.services[service];
  if (recorded === undefined) throw new Error(`${service} runs a hook, and is not recorded`);
  const before = recorded.hooks?.release === release ? recorded.hooks : undefined;
  const hooks: RecordedHooks = { ...before, release, server, [hook]: progress };
  return { ...state, services: { ...state.services, [service]: { ...recorded, hooks } } };
}

/** withHooks returns a record in which the hooks of a release are begun; what is known of the same release stays. Pure. */
export function withHooks(
  { hooks: before, ...recorded }: RecordedService,
  release: number,
  begun: RecordedHooks | undefined,
): RecordedService {
  const known = before?.release === release ? before : undefined;
  const hooks = begun ?? known;
  return { ...recorded, ...(hooks && { hooks }) };
}

/** hasUnfinished tells whether a service is to be remembered for a hook of which nobody knows how it ended. Pure. */
export function hasUnfinished({ hooks }: RecordedService): boolean {
  return hooks?.pre_deploy === 'begun';
}
