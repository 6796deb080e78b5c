import type { PullStep, Step } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * planNginxPulls returns a pull of the image of edge and sidecar for every server that `steps` change and that lacks
 * it. A new nginx is made of it, and so are the lock of the edge and the helper of a drain: whoever found out in the
 * middle would have to go back. Pure.
 */
export function planNginxPulls({ nginx, observed }: PlanInput, steps: readonly Step[]): PullStep[] {
  const changed = new Set(steps.flatMap((step) => ('hosts' in step ? step.hosts : step.host)));
  return observed
    .filter(({ host, images }) => changed.has(host) && !images.has(nginx.image))
    .map(({ host }) => ({ kind: 'pull', host, image: nginx.image, policy: 'missing' }));
}
