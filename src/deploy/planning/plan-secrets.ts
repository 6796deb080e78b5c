import type { SecretSet } from '../../model/release.ts';
import type { ForgetSecretsStep, KeepSecretsStep } from '../steps/secrets.ts';
import type { PlanInput } from './input.ts';
import type { Rollout } from './rollout.ts';

/**
 * planKeepSecrets returns the steps that keep the secrets of all containers that are made anew, a step a server. Every
 * server keeps them, also one where the service does not stand: a server that is lost takes no release along. Pure.
 */
export function planKeepSecrets(input: PlanInput, rollouts: readonly Rollout[]): KeepSecretsStep[] {
  const made = rollouts
    .flatMap(({ start }) => start)
    .filter(({ existing, blueprint }) => existing === undefined && blueprint.secretsVersion > 0);
  const versions = new Map(made.map(({ service, blueprint }) => [service, blueprint.secretsVersion]));
  const sets = [...versions].map(([service, version]) => ({ service, version }));
  return sets.length === 0 ? [] : input.reached.map((server) => ({ kind: 'keep secrets', server, sets }));
}

/** planForgetSecrets returns the steps that give up all secrets of services that left. Pure. */
export function planForgetSecrets(input: PlanInput): ForgetSecretsStep[] {
  // An environment that leaves takes the whole volume with it, unless that stays.
  if (input.removesAll && !keepsGenerated(input)) return [];
  const sets = input.removes.flatMap((service) => everySet(input, service));
  return forgetSteps(input.reached, sets);
}

/**
 * keepsGenerated tells whether an environment that leaves has generated secrets: these stay where they are, like the volumes of
 * services, since the data in those can be reached with them alone. Pure.
 */
export function keepsGenerated({ state }: Pick<PlanInput, 'state'>): boolean {
  return Object.keys(state.generated_secrets ?? {}).length > 0;
}

/** forgetSteps returns a step a server that gives up some secret sets. Pure. */
export function forgetSteps(servers: readonly string[], sets: readonly SecretSet[]): ForgetSecretsStep[] {
  return sets.length === 0
    ? []
    : servers.map((server) => ({ kind: 'forget secrets', server, sets: [...sets] }));
}

function everySet({ state }: PlanInput, service: string): SecretSet[] {
  const highest = state.secrets_versions?.[service] ?? 0;
  return Array.from({ length: highest }, (_, index) => ({ service, version: index + 1 }));
}
