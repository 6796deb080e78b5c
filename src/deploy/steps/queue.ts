import { allOrErrors } from '../../fleet/fleet.ts';
import { scopeName } from '../../model/names.ts';
import { waitingFlag } from '../../nginx/standing-flags.ts';
import { type LookContext, nginxKey } from './context.ts';
import type { StepKind } from './kind.ts';

/** Having new requests for a service wait at edges and sidecars, while it is away. */
export interface HoldStep {
  kind: 'hold';
  service: string;
  /** Names of the servers. */
  servers: string[];
}

/** Letting requests for a service go on. */
export interface ReleaseStep {
  kind: 'release';
  service: string;
  servers: string[];
}

/** Nothing of a request has reached the app while it waits: the old copy ends what it has, and is asked for nothing new. */
export const hold: StepKind<HoldStep> = {
  describe: ({ service, servers }) => `have new requests for ${service} wait on ${servers.join(', ')}`,
  async run(step, context) {
    await context.guard.confirm();
    await setWaiting(step, context, true);
  },
  undo: (step, context) => setWaiting(step, context, false),
};

/** A run that was killed leaves requests waiting: the next one lets them go on. */
export const release: StepKind<ReleaseStep> = {
  describe: ({ service, servers }) => `let requests for ${service} go on on ${servers.join(', ')}`,
  run: (step, context) => setWaiting(step, context, false),
};

/** setWaiting has requests for a service wait, or lets them go on, at the edges and sidecars of servers. */
export async function setWaiting(
  { service, servers }: Pick<HoldStep | ReleaseStep, 'service' | 'servers'>,
  { known, scope, clock }: LookContext,
  isSet: boolean,
): Promise<void> {
  const name = waitingFlag(scope, service);
  const instances = servers.flatMap((server) =>
    (['edge', 'sidecar'] as const).flatMap((kind) => known.instances.get(nginxKey(server, kind)) ?? []),
  );
  await allOrErrors(
    instances.map(async (instance) => {
      const { tree } = await instance.lookAgain(scopeName(scope), clock);
      if (tree.flags.has(name) !== isSet) await instance.setFlags([{ service, name, isSet }], clock);
    }),
  );
}
