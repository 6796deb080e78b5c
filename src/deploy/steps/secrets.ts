import { SecretSets } from '../../fleet/secret-sets.ts';
import { messageOf } from '../../model/errors.ts';
import type { SecretSet } from '../../model/release.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Keeping values of secrets on a server, so that a release that needs them can be brought back. */
export interface KeepSecretsStep {
  kind: 'keep secrets';
  server: string;
  sets: SecretSet[];
}

/** Giving up values of secrets that no release needs any more. */
export interface ForgetSecretsStep {
  kind: 'forget secrets';
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

/** They do no harm where they stay: that is a warning. */
export const forgetSecrets: StepKind<ForgetSecretsStep> = {
  describe: ({ sets, server }) => `forget old secrets of ${servicesOf(sets)} on ${server}`,
  async run({ server, sets }, context) {
    await setsOn(context, server)
      .forget(sets)
      .catch((error) => context.log.warning(`old secrets stay: ${messageOf(error)}`));
  },
};

function setsOn({ fleet, scope, nginx }: RunContext, server: string): SecretSets {
  return new SecretSets(fleet.server(server), scope, nginx.image);
}

function servicesOf(sets: readonly SecretSet[]): string {
  return [...new Set(sets.map(({ service }) => service))].join(', ');
}
