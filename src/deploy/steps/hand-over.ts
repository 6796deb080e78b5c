import { scopeName, sidecarName, sidecarPredecessorName, sidecarSuccessorName } from '../../model/names.ts';
import { takeNames } from '../../nginx/hand-over.ts';
import { NginxInstance } from '../../nginx/instance.ts';
import { instanceAt, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Giving a sidecar's name to its successor alone. */
export interface HandOverStep {
  kind: 'hand over';
  server: string;
  /** Who has it no more. */
  old: { id: string; name: string };
}

/** A connection that was on its way to the old one when it lost its name is accepted within this time. */
const ACCEPTED_MS = 1_000;

/**
 * New connections go to the successor of a sidecar, since the old one has no name any more. It keeps its address and what is
 * connected, and tells its clients to come back by new connections.
 */
export const handOver: StepKind<HandOverStep> = {
  moments: ['renamed', 'has lost its name'],
  describe: ({ server, old }) => `give the name of the sidecar on ${server} to the new one, past ${old.name}`,
  async run({ server: on, old: { id } }, context) {
    const { clock, fleet, guard, nginx, scope } = context;
    const server = fleet.server(on);
    const { engine } = server;
    const old = await engine.findContainer(id);
    if (old === undefined) return;
    await guard.confirm();
    const name = (old.Name ?? '').replace(/^\//, '');
    const left = sidecarPredecessorName(scope, id);
    if (name !== left) await engine.renameContainer(id, left);
    if ((await engine.findContainer(sidecarName(scope))) === undefined) {
      const next = await engine.findContainer(sidecarSuccessorName(scope));
      if (next !== undefined) await engine.renameContainer(next.Id!, sidecarName(scope));
    }
    context.moment('renamed');
    if (!old.State?.Running) return;
    await takeNames(server, scope, { id, name: left }, nginx.image, clock);
    context.moment('has lost its name');
    await clock.sleep(ACCEPTED_MS);
    await sendClientsAway(context, on, { id, name: left });
  },
};

/** The volume is that of its successor, which tells what is served: nobody asks the old one any more. */
async function sendClientsAway(
  context: RunContext,
  on: string,
  { id, name }: { id: string; name: string },
): Promise<void> {
  const { clock, known, scope } = context;
  const { server, address } = instanceAt(context, on, 'sidecar');
  const old = new NginxInstance('sidecar', server, { id, name, address });
  const { tree } = await old.look(scopeName(scope), clock);
  await old.sendClientsAway(tree.live, clock);
  known.noteReload(clock.now());
}
