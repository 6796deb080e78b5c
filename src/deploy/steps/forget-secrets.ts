import { messageOf } from '../../model/errors.ts';
import type { SecretSet } from '../../model/release.ts';
import { servicesOf, setsOn } from './keep-secrets.ts';
import type { StepKind } from './kind.ts';

/** Giving up values of secrets that no release needs any more. */
export interface ForgetSecretsStep {
  kind: 'forget secrets';
  server: string;
  sets: SecretSet[];
}

/** They do no harm where they stay: that is a warning. */
export const forgetSecrets: StepKind<ForgetSecretsStep> = {
  describe: ({ sets, server }) => `forget old secrets of ${servicesOf(sets)} on ${server}`,
  async run({ server, sets }, context) {
    await setsOn(context, server)
      .forget(sets)
      .catch((error) => context.log.warning(`old secrets stay: ${messageOf(error)}`));
  },
};
