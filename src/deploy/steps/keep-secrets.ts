import { SecretSets } from '../../fleet/secret-sets.ts';
import type { SecretSet } from '../../model/release.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Keeping values of secrets on a server, so that a release that needs them can be brought back. */
export interface KeepSecretsStep {
  kind: 'keep secrets';
  server: string;
  sets: SecretSet[];
}

/** Writes the secrets of the run to a server. It throws a UserError where that cannot keep them. */
export const keepSecrets: StepKind<KeepSecretsStep> = {
  describe: ({ sets, server }) => `keep the secrets of ${servicesOf(sets)} on ${server}`,
  async run({ server, sets }, context) {
    const values = sets.map((set) => [set, context.secrets[set.service] ?? {}] as const);
    await setsOn(context, server).keep(new Map(values));
  },
};

/** setsOn returns the kept secrets of a server. */
export function setsOn({ fleet, scope, nginx }: RunContext, server: string): SecretSets {
  return new SecretSets(fleet.server(server), scope, nginx.image);
}

/** servicesOf names the services of sets, each once. */
export function servicesOf(sets: readonly SecretSet[]): string {
  return [...new Set(sets.map(({ service }) => service))].join(', ');
}
