import { type HookName, hookContainerName } from '../../model/names.ts';
import type { HookProgress, RecordedHooks } from '../../model/release.ts';
import type { HookSpec, PolicySpec } from '../../model/spec.ts';
import type { AwaitHookStep, HookStep } from '../steps/hook.ts';
import { blueprintOf } from './blueprint.ts';
import type { PlanInput } from './input.ts';
import type { ObservedHook } from './observed.ts';
import { copiesOn, hooksOf, isImageMoved, observedOn } from './observed-copies.ts';
import type { UnfinishedHook } from './plan.ts';
import { type Retirement, type RetiringService, retire } from './retirement.ts';
import type { ServicePlan } from './service-plan.ts';
import { isCutOff } from './unfinished-hook.ts';
import type { WantedService } from './wanted.ts';

/** How long the run waits for a hook of an earlier run that the file does not have any more. */
const UNKNOWN_TIMEOUT_MS = 10 * 60_000;

/** What becomes of the hooks of one service. */
export interface HookPlan {
  preDeploy: HookStep[];
  postDeploy: HookStep[];
  awaited: AwaitHookStep[];
  /** Containers that nothing is to be learned from any more. */
  vacate: Retirement[];
  unfinished: UnfinishedHook[];
  /** How far they are, for the record; undefined where the release has none to run. */
  progress: RecordedHooks | undefined;
}

const NOTHING: HookPlan = {
  preDeploy: [],
  postDeploy: [],
  awaited: [],
  vacate: [],
  unfinished: [],
  progress: undefined,
};

/** The container of a hook, and its server. */
type FoundHook = ObservedHook & { server: string };

/** What shall happen with one hook. */
interface Decision {
  step?: HookStep;
  progress?: HookProgress;
  /** The container that the step goes on with. */
  kept?: FoundHook | undefined;
  unfinished?: UnfinishedHook;
}

/**
 * planHooks decides which hooks of a service run: once per release that brings new containers. The container of a
 * hook is created before the record says that it begins, and stays until the record says how it ended: so a run
 * that was cut off leaves behind what the next one has to know. Only where the record says `begun` and the
 * container is gone, or was killed, nobody knows, and somebody has to say. Pure.
 */
export function planHooks(input: PlanInput, service: WantedService, plan: ServicePlan): HookPlan {
  // Its hooks come with its change, in a second plan.
  if (plan.isPostponed) return NOTHING;
  const pre = preDeploy(input, service, plan);
  const post = postDeploy(input, service, plan);
  const server = (pre.step ?? post.step)?.server;
  const { number } = service.release;
  const hasProgress = pre.progress !== undefined || post.progress !== undefined;
  return {
    ...planLeftHooks(
      input,
      service,
      [pre.kept, post.kept].flatMap((kept) => kept?.id ?? []),
    ),
    preDeploy: pre.step === undefined ? [] : [pre.step],
    postDeploy: post.step === undefined ? [] : [post.step],
    unfinished: pre.unfinished === undefined ? [] : [pre.unfinished],
    progress: hasProgress
      ? {
          release: number,
          server: server ?? input.state.services[service.name]?.hooks?.server ?? '',
          ...(pre.progress && { pre_deploy: pre.progress }),
          ...(post.progress && { post_deploy: post.progress }),
        }
      : undefined,
  };
}

/** planLeftHooks returns what becomes of a service's hook containers but for those that are kept: what runs is waited for, the rest goes. */
export function planLeftHooks(input: PlanInput, service: RetiringService, kept: readonly string[]): HookPlan {
  const left = hooksOf(input, service.name);
  return {
    preDeploy: [],
    postDeploy: [],
    awaited: left.filter(({ status }) => status === 'running').map((found) => awaitStep(service, found)),
    vacate: left
      .filter(({ id, status }) => status !== 'running' && !kept.includes(id))
      .map((found) => retire(service, found.server, { ...found, isRunning: false, helpers: [] })),
    unfinished: [],
    progress: undefined,
  };
}

/** Before the first new container of a release: without one there is nothing to prepare for. */
function preDeploy(input: PlanInput, service: WantedService, plan: ServicePlan): Decision {
  const spec = specOf(service, 'pre_deploy');
  const progress = spec && progressOf(input, service, plan, 'pre_deploy', spec);
  const [first] = plan.rollout.start.filter(({ existing }) => existing === undefined);
  if (spec === undefined || progress === undefined) return {};
  if (progress === 'done' || first === undefined) return { progress };
  const unknown = unknownEnd(input, service, 'pre_deploy');
  if (unknown !== undefined && input.unfinishedHook === 'done') return { progress: 'done' };
  const mayRun = unknown === undefined || spec.idempotent || input.unfinishedHook === 'run';
  const decision = toRun(input, service, 'pre_deploy', { spec, progress, server: first.server });
  return mayRun ? decision : { ...decision, unfinished: unknown };
}

/** When the release serves: a failure takes nothing from anybody, so nobody is asked about it. */
function postDeploy(input: PlanInput, service: WantedService, plan: ServicePlan): Decision {
  const spec = specOf(service, 'post_deploy');
  const progress = spec && progressOf(input, service, plan, 'post_deploy', spec);
  const copy = plan.copies.find(({ server }) => input.reached.includes(server));
  if (spec === undefined || progress === undefined) return {};
  if (progress === 'done' || copy === undefined) return { progress };
  const unknown = unknownEnd(input, service, 'post_deploy');
  const hasFailed = progress === 'failed' || unknown?.release === service.release.number;
  if (hasFailed && !spec.idempotent && input.unfinishedHook !== 'run') return { progress: 'failed' };
  return toRun(input, service, 'post_deploy', { spec, progress, server: copy.server });
}

function toRun(
  input: PlanInput,
  service: WantedService,
  hook: HookName,
  { spec, progress, server: fresh }: { spec: HookSpec; progress: HookProgress; server: string },
): Decision {
  const { number } = service.release;
  // Who deploys again what has failed wants it to run again.
  const kept = hooksOf(input, service.name).find(
    (found) => found.hook === hook && found.release === number && !isKilled(found) && progress !== 'failed',
  );
  const server = kept?.server ?? fresh;
  const on = input.servers.find(({ name }) => name === server)!;
  return {
    kept,
    progress: kept !== undefined && progress === 'begun' ? 'begun' : 'due',
    step: {
      kind: 'hook',
      hook,
      service: service.name,
      server,
      name: hookContainerName(input.scope, service.name, hook),
      release: number,
      blueprint: blueprintOf(input, service, on),
      command: spec.command,
      timeoutMs: spec.timeoutMs,
      graceMs: service.spec.policy.stopGracePeriodMs,
    },
  };
}

/**
 * How far a hook of the release that is to run came; undefined when it has not to run. A run that goes on with a
 * release that another one has begun goes by the record alone: by that a server that is added later runs none.
 */
function progressOf(
  input: PlanInput,
  service: WantedService,
  plan: ServicePlan,
  hook: HookName,
  { idempotent }: HookSpec,
): HookProgress | undefined {
  const { number } = service.release;
  const { rollout, hooks } = input.state.services[service.name] ?? {};
  const recorded = hooks?.release === number ? hooks[hook] : undefined;
  if (rollout?.release === number) return recorded;
  if (isOwed(input, service, plan)) return 'due';
  return hook === 'post_deploy' && idempotent ? recorded : undefined;
}

/**
 * A release that is brought back has run its hooks when it was new. A name that means another image now brings a new
 * version too, under the number it had.
 */
function isOwed(input: PlanInput, service: WantedService, plan: ServicePlan): boolean {
  const fresh = plan.rollout.start.filter(({ existing }) => existing === undefined);
  if (service.restored !== undefined) return false;
  if (service.release.number !== service.known.current?.number) return fresh.length > 0;
  return fresh.some(
    ({ server }) => isImageMoved(input, service, server) && !isImageRunning(input, service, server),
  );
}

/** What a name means on a server stands on some server already, as this release. */
function isImageRunning(input: PlanInput, { name, spec, release }: WantedService, server: string): boolean {
  const id = observedOn(input, server).images.get(spec.container.image)?.id;
  return input.reached.some((other) =>
    copiesOn(input, name, other).some((copy) => copy.release === release.number && copy.imageId === id),
  );
}

/** The hook of this or an earlier release of which nobody knows how it ended. */
function unknownEnd(
  input: PlanInput,
  { name: service }: WantedService,
  hook: HookName,
): UnfinishedHook | undefined {
  const found = hooksOf(input, service).filter((one) => one.hook === hook);
  const killed = found.find(isKilled);
  if (killed !== undefined) {
    const { release, server, name: container } = killed;
    return { service, hook, release, server, container };
  }
  const recorded = input.state.services[service]?.hooks;
  if (recorded?.[hook] !== 'begun' || found.some(({ release }) => release === recorded.release))
    return undefined;
  const { release, server } = recorded;
  return { service, hook, release, server, container: undefined };
}

function isKilled({ status, exitCode }: ObservedHook): boolean {
  return status === 'ended' && isCutOff(exitCode);
}

function awaitStep(
  { name: service, spec }: RetiringService,
  { hook, server, id, name, release }: FoundHook,
): AwaitHookStep {
  const policy: Partial<PolicySpec> = spec.policy;
  const timeoutMs = ofPolicy(policy, hook)?.timeoutMs ?? UNKNOWN_TIMEOUT_MS;
  const graceMs = spec.policy.stopGracePeriodMs;
  return { kind: 'await hook', hook, service, server, id, name, release, timeoutMs, graceMs };
}

function specOf({ spec }: WantedService, hook: HookName): HookSpec | undefined {
  return ofPolicy(spec.policy, hook);
}

function ofPolicy(policy: Partial<PolicySpec>, hook: HookName): HookSpec | undefined {
  return hook === 'pre_deploy' ? policy.preDeploy : policy.postDeploy;
}
