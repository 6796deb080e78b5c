import { allOrErrors } from '../../fleet/fleet.ts';
import { copyKey } from '../../model/copy.ts';
import { scopeName } from '../../model/names.ts';
import type { Route } from '../../nginx/routes.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { type StagedNginx, stagingOf } from './stage.ts';

/** Having edge and sidecar of a server read their new routes. */
export interface SwitchStep {
  kind: 'switch';
  /** Names the move of traffic that it is part of. */
  move: string;
  server: string;
  /** Names of all servers that are part of it. */
  servers: string[];
  /** All routes of the environment after it, and as they were before. */
  routes: Route[];
  before: Route[];
  /** The services whose traffic moves. */
  moved: string[];
}

/**
 * Makes the configuration live that was staged, and waits until nginx says that it serves it. Taken back, it serves what
 * it served before: at once, since users may have nobody else.
 */
export const switchRoutes: StepKind<SwitchStep> = {
  moments: ['told to read'],
  describe({ server, moved }) {
    return moved.length > 0 ? `switch ${moved.join(', ')} on ${server}` : `give ${server} its routes`;
  },
  async run(step, context) {
    const { known, guard, scope, clock } = context;
    const staging = await stagingOf(context, step);
    staging.claim(step.server);
    await guard.confirm();
    noteTraffic(context, step);
    const switching = staging.on(step.server).map(async ({ instance, next, generation }) => {
      if (next === undefined) return;
      await instance.commit(next.composition.folder, next.unwritten);
      context.moment('told to read');
      await instance.awaitGeneration(scopeName(scope), generation, clock);
    });
    await allOrErrors(switching);
    known.reloadedAt = clock.now();
  },
  async undo(step, context) {
    const staging = await context.known.stagings.get(step.move)?.catch(() => undefined);
    const staged = staging?.on(step.server) ?? [];
    try {
      await allOrErrors(staged.map((one) => goBack(context, one)));
    } finally {
      await staging?.finished(step.server);
    }
  },
};

/** From now on copies that this run has started may have traffic: they are drained before they go. */
function noteTraffic({ known }: RunContext, { routes, moved }: SwitchStep): void {
  for (const { service, copies } of routes.filter((route) => moved.includes(route.service))) {
    for (const copy of copies) {
      const started = known.started.get(copyKey({ service, ...copy }));
      if (started !== undefined) known.unused.delete(started.id);
    }
  }
}

async function goBack({ scope, clock }: RunContext, { instance, next }: StagedNginx): Promise<void> {
  if (next === undefined) return;
  await instance.commit(next.before.folder);
  await instance.awaitGeneration(scopeName(scope), next.before.generation, clock);
}
