import { type EnvironmentSpec, specHash } from '../../model/spec.ts';
import type { PlanInput } from '../planning/input.ts';
import type { Plan } from '../planning/plan.ts';
import { partHashes } from '../planning/wanted.ts';
import { driftOf } from './drift.ts';

/**
 * leftToDeploys returns, as sentences, what a run that changes routes only has seen and leaves alone: containers that are not
 * as they were deployed, and what the file says otherwise. `kept` is the input of that run, `plan` the plan made of it. Pure.
 */
export function leftToDeploys(kept: PlanInput, plan: Plan, file: EnvironmentSpec): string[] {
  const containers = driftOf(kept, plan).filter(({ kind }) => kind === 'container');
  return [
    ...containers.map(({ message }) => `${message}; a deploy repairs it`),
    ...file.services.flatMap((spec) => {
      const { known } = kept.services.find(({ name }) => name === spec.name) ?? {};
      const current = known?.current;
      if (current === undefined) return [`${spec.name} is in the file and not deployed; a deploy brings it`];
      if (specHash(partHashes(current)) === specHash(partHashes(spec))) return [];
      const { image } = current.container;
      const isSame = image === spec.container.image;
      const what = isSame ? 'other settings' : `another image (${spec.container.image})`;
      return [
        `${spec.name}: the file has ${what} than release ${current.number} (${image}); a deploy brings ${isSame ? 'them' : 'it'}`,
      ];
    }),
  ];
}
