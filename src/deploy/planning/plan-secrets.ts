import type { ForgetSecretsStep, KeepSecretsStep, Level, SecretSet } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * planKeepSecrets returns the steps that keep the secrets of all containers that are made anew, a step a server. Every
 * server keeps them, also one where the service does not stand: a server that is lost takes no release along. Pure.
 */
export function planKeepSecrets(input: PlanInput, levels: readonly Level[]): KeepSecretsStep[] {
  const made = levels
    .flatMap(({ start }) => start)
    .filter(({ existing, blueprint }) => existing === undefined && blueprint.secretsVersion > 0);
  const versions = new Map(made.map(({ service, blueprint }) => [service, blueprint.secretsVersion]));
  const sets = [...versions].map(([service, version]) => ({ service, version }));
  return sets.length === 0 ? [] : input.hosts.map((host) => ({ kind: 'keep-secrets', host, sets }));
}

/** planForgetSecrets returns the steps that give up all secrets of services that left. Pure. */
export function planForgetSecrets(input: PlanInput): ForgetSecretsStep[] {
  // An environment that leaves takes the whole volume with it.
  if (input.isLeaving) return [];
  const sets = input.removes.flatMap((service) => everySet(input, service));
  return forgetSteps(input.hosts, sets);
}

/** forgetSteps returns a step a server that gives up some secret sets. Pure. */
export function forgetSteps(hosts: readonly string[], sets: readonly SecretSet[]): ForgetSecretsStep[] {
  return sets.length === 0 ? [] : hosts.map((host) => ({ kind: 'forget-secrets', host, sets: [...sets] }));
}

function everySet({ state }: PlanInput, service: string): SecretSet[] {
  const highest = state.secrets_versions?.[service] ?? 0;
  return Array.from({ length: highest }, (_, index) => ({ service, version: index + 1 }));
}
