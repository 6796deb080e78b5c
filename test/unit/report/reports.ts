import type { Plan } from '../../../src/deploy/planning/plan.ts';
import type { PlanInput } from '../../../src/deploy/planning/plan-input.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { DeployReport } from '../../../src/deploy/request.ts';
import { Timeline } from '../../../src/deploy/running/timeline.ts';
import { servers, service, shop } from '../deploy/specs.ts';
import { World } from '../deploy/world.ts';

/** A clock that stands still until it is told to go on. */
export class Clock {
  ms = 0;
  readonly timeline = new Timeline(undefined, () => this.ms);

  /** spent records a phase that took so long. */
  async spent(phase: string, ms: number, where: { service?: string; host?: string } = {}, fails = false) {
    const work = this.timeline.measure({ phase, ...where }, async () => {
      this.ms += ms;
      if (fails) throw new Error('no');
    });
    await work.catch(() => undefined);
  }
}

/** reportOf returns the report of a deploy of `api` on two servers, as it came out. */
export function reportOf(changes: Partial<DeployReport> = {}): DeployReport & { input: PlanInput } {
  const world = new World();
  const wanted = (image: string) => shop([service('api', { image, servers: 2 })], servers(2));
  world.deploy(wanted('api:1'));
  const input = world.input(wanted('api:2'));
  const plan: Plan = planDeploy(input);
  return {
    input,
    plan,
    services: input.services,
    standing: plan.standing,
    undone: [],
    timeline: new Clock().timeline,
    probes: new Map(),
    cut: 0,
    engineCalls: 42,
    failure: undefined,
    changed: true,
    ...changes,
  };
}
