import { servicesWith, waitingFlag } from '../../nginx/standing-flags.ts';
import type { ReleaseStep } from '../steps/queue.ts';
import type { PlanInput } from './input.ts';
import type { QueuePlan } from './rollout.ts';
import { isQueued, type ServicePlan } from './service-plan.ts';

/**
 * planQueue has requests wait for those services of a rollout that stop before they start again, where their users shall
 * wait; and lets go on what waits by then, or since an earlier run was cut off. Pure.
 */
export function planQueue(
  input: PlanInput,
  names: readonly string[],
  services: ReadonlyMap<string, ServicePlan>,
): QueuePlan {
  const servers = [...input.reached];
  const isHeld = (name: string) => {
    const wanted = input.services.find((one) => one.name === name);
    return wanted !== undefined && isQueued(wanted) && (services.get(name)?.rollout.stop.length ?? 0) > 0;
  };
  const held = names.filter(isHeld);
  const waiting = waitingServices(input).filter((name) => names.includes(name));
  return {
    hold: held.map((service) => ({ kind: 'hold', service, servers })),
    release: releasesOf(input, [...new Set([...held, ...waiting])]),
  };
}

/** releasesOf returns the steps that let requests for these services go on. */
export function releasesOf(
  { reached }: Pick<PlanInput, 'reached'>,
  services: readonly string[],
): ReleaseStep[] {
  return services.map((service) => ({ kind: 'release', service, servers: [...reached] }));
}

/** waitingServices returns the services whose requests wait now on some server: a run was cut off. Pure. */
export function waitingServices({ scope, observed, reached }: PlanInput): string[] {
  const flags = observed
    .filter(({ name }) => reached.includes(name))
    .flatMap(({ edge, sidecar }) => [edge, sidecar])
    .flatMap((nginx) => [...(nginx?.isRunning ? nginx.tree.flags : [])]);
  return [...new Set(servicesWith(flags, scope, waitingFlag))];
}
