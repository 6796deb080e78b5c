import type { WatchStep } from '../steps/watch.ts';
import type { PlanInput } from './input.ts';
import type { ServicePlan } from './service-plan.ts';

/** watchesOf returns how the new copies of a service are watched, where the file says so and there are any. Pure. */
export function watchesOf(input: PlanInput, name: string, { rollout }: ServicePlan): WatchStep[] {
  const spec = input.services.find((service) => service.name === name)?.spec;
  const monitor = spec?.policy.monitor;
  if (monitor === undefined || rollout.check.length === 0) return [];
  const copies = rollout.check.map(({ service, server, slot, name: container }) => ({
    ...{ service, server, slot },
    name: container,
  }));
  // Edges alone count, and what users never see is asked through sidecars.
  const edges = spec?.route.domains.length === 0 ? [] : [...input.reached];
  return [{ kind: 'watch', service: name, copies, edges, monitor }];
}
