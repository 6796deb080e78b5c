import { afterEach, expect } from '@jest/globals';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { SimulationOptions } from '../world/simulation.ts';
import { World } from '../world/world.ts';
import { complaintOf, rest } from './story.ts';

/** What a plan says that has nothing to do. */
export const NOTHING = ['shop production: nothing to do, everything is as the file says'];

const worlds: World[] = [];

/** Whatever a story is about: nobody has lost anything in it, and no rule was broken. */
afterEach(() => {
  const complaints = worlds.splice(0).flatMap((world) => complaintOf(world) ?? []);
  expect(complaints).toEqual([]);
});

/** newWorld returns a world in which nothing is deployed; when its story ends, nobody may have lost anything in it. */
export function newWorld(options: SimulationOptions = {}): World {
  const world = new World(options);
  worlds.push(world);
  return world;
}

/** deployed returns a world in which these environments were deployed, one after the other. */
export async function deployed(...wanted: readonly EnvironmentSpec[]): Promise<World> {
  const world = newWorld();
  for (const one of wanted) {
    await world.deploy(one);
    await rest(world);
  }
  return world;
}

/** kindsOf returns what a plan does, in its order, each kind of step once. */
export function kindsOf({ steps }: Pick<Plan, 'steps'>): Step['kind'][] {
  return [...new Set(steps.map(({ step }) => step.kind))];
}

/** planFor returns the plan that a run would follow now. */
export async function planFor(world: World, ...asked: Parameters<World['plan']>): Promise<Plan> {
  return (await world.plan(...asked)).plan;
}
