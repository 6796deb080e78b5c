import { allOrErrors } from '../../fleet/fleet.ts';
import { messageOf } from '../../model/errors.ts';
import type { ForgetSecretsStep, KeepSecretsStep } from '../planning/plan.ts';
import type { RunContext } from './context.ts';
import { perform } from './perform.ts';
import { SecretSets } from './secret-sets.ts';

/** keepSecrets writes the secrets of the run to the servers. It throws a UserError for every server that cannot keep them. */
export async function keepSecrets(context: RunContext, steps: readonly KeepSecretsStep[]): Promise<void> {
  if (steps.length === 0) return;
  const keep = ({ host, sets }: KeepSecretsStep) =>
    setsOn(context, host).keep(new Map(sets.map((set) => [set, context.secrets[set.service] ?? {}])));
  await context.timeline.measure({ phase: 'keep secrets' }, () =>
    allOrErrors(steps.map((step) => perform(context.log, step, () => keep(step)))),
  );
}

/** forgetSecrets gives up secrets that nobody needs any more. They do no harm where that does not succeed: it warns. */
export async function forgetSecrets(context: RunContext, steps: readonly ForgetSecretsStep[]): Promise<void> {
  const forget = ({ host, sets }: ForgetSecretsStep) => setsOn(context, host).forget(sets);
  await allOrErrors(steps.map((step) => perform(context.log, step, () => forget(step)))).catch((error) =>
    context.log.warning(`old secrets stay: ${messageOf(error)}`),
  );
}

function setsOn({ fleet, scope, nginx }: RunContext, host: string): SecretSets {
  return new SecretSets(fleet.server(host), scope, nginx.image);
}
