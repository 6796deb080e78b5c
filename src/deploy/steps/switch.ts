import { allOrErrors } from '../../fleet/fleet.ts';
import { copyKey } from '../../model/copy.ts';
import { scopeName } from '../../model/names.ts';
import type { Route } from '../../nginx/routes.ts';
import { isDirectFlag } from '../../nginx/sides.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { type StagedNginx, stagingOf } from './stage.ts';

/** nginx's master sleeps 0.1 s before it tells old workers to take nothing new; the rest is a slow machine. */
const OLD_WORKERS_MS = 500;

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
 * Sets the flags by which the traffic goes to the new copies. Where the configuration changes too it is made live before,
 * and serves what was served until then: so it is in the hands of old workers as well, who look at the same flags, to send
 * everybody to the new copies. Taken back, it serves what it served before: at once, since users may have nobody else.
 */
export const switchRoutes: StepKind<SwitchStep> = {
  moments: ['told to read', 'flags are set'],
  describe({ server, moved }) {
    return moved.length > 0 ? `switch ${moved.join(', ')} on ${server}` : `give ${server} its routes`;
  },
  async run(step, context) {
    const { known, guard, scope, clock } = context;
    const staging = await stagingOf(context, step);
    staging.claim(step.server);
    await guard.confirm();
    noteTraffic(context, step);
    const switchOne = async ({ instance, next, flags, directs, generation }: StagedNginx) => {
      await instance.setFlags(
        flags.filter(({ isRead }) => !isRead),
        clock,
      );
      if (next !== undefined) {
        await instance.commit(next.composition.folder, clock, next.unwritten);
        known.noteReload(clock.now());
        context.moment('told to read');
        await instance.awaitGeneration(scopeName(scope), generation, clock);
      }
      await instance.setFlags(directs, clock);
      await instance.setFlags(
        flags.filter(({ isRead }) => isRead),
        clock,
      );
    };
    await inTurn(inTurns(staging.on(step.server)), context, switchOne);
    context.moment('flags are set');
  },
  async undo(step, context) {
    const staging = await context.known.stagings.get(step.move)?.catch(() => undefined);
    const turns = inTurns(staging?.on(step.server) ?? []).reverse();
    try {
      await inTurn(turns, context, (one) => goBack(context, one));
    } finally {
      await staging?.finished(step.server);
    }
  },
};

/**
 * Both are switched at once, but for an edge that passes ports on to others: where it shall pass them has to be there before,
 * and where it has passed them until then.
 */
function inTurns(staged: readonly StagedNginx[]): StagedNginx[][] {
  const edges = staged.filter(({ instance, next }) => instance.kind === 'edge' && next !== undefined);
  const sidecars = staged.filter((one) => !edges.includes(one));
  const [edge] = edges;
  const [sidecar] = sidecars;
  if (edge === undefined || sidecar === undefined) return [[...staged]];
  if (isPassedElsewhere(edge.routes.after, sidecar.routes.before)) return [sidecars, edges];
  return isPassedElsewhere(edge.routes.before, sidecar.routes.after) ? [edges, sidecars] : [[...staged]];
}

/** Whether an edge passes something on to an internal port that a sidecar does not serve. */
function isPassedElsewhere(ofEdge: readonly Route[], ofSidecar: readonly Route[]): boolean {
  const ports = (routes: readonly Route[]) => routes.flatMap((route) => route.ports);
  const served = new Set(ports(ofSidecar).map(({ internalPort }) => internalPort));
  return ports(ofEdge).some(({ published, internalPort }) => published && !served.has(internalPort));
}

/** What an edge has passed on goes when its old workers take nothing new any more. */
async function inTurn(
  turns: readonly StagedNginx[][],
  { clock }: RunContext,
  act: (one: StagedNginx) => Promise<void>,
): Promise<void> {
  for (const [index, turn] of turns.entries()) {
    const isAfterEdge = turns[index - 1]?.some(({ instance }) => instance.kind === 'edge');
    if (isAfterEdge) await clock.sleep(OLD_WORKERS_MS);
    await allOrErrors(turn.map(act));
  }
}

/** From now on copies that this run has started may have traffic: they are drained before they go. */
function noteTraffic({ known }: RunContext, { routes, moved }: SwitchStep): void {
  for (const { service, copies } of routes.filter((route) => moved.includes(route.service))) {
    for (const copy of copies) {
      const started = known.started.get(copyKey({ service, ...copy }));
      if (started !== undefined) known.unused.delete(started.id);
    }
  }
}

/** What no configuration looks at that is live then stays as it is. */
async function goBack(
  { scope, clock, known }: RunContext,
  { instance, next, flags, directs }: StagedNginx,
): Promise<void> {
  const ways = flags.filter(({ name, isRead }) => isRead && !isDirectFlag(name));
  await instance.setFlags(
    ways.map((flag) => ({ ...flag, isSet: !flag.isSet })),
    clock,
  );
  await instance.setFlags(
    directs.map((flag) => ({ ...flag, isSet: false })),
    clock,
  );
  if (next === undefined) return;
  await instance.commit(next.before.folder, clock);
  known.noteReload(clock.now());
  await instance.awaitGeneration(scopeName(scope), next.before.generation, clock);
}
