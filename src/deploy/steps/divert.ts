import { EDGE_NETWORK, scopeName } from '../../model/names.ts';
import type { EdgePort } from '../../model/spec.ts';
import { divert as divertPorts } from '../../nginx/divert.ts';
import { NginxInstance } from '../../nginx/instance.ts';
import { withEdgeLocks } from '../../nginx/lock.ts';
import { instanceAt, type RunContext } from './context.ts';
import { awaitNobody, warnOfCut } from './drain.ts';
import type { StepKind } from './kind.ts';

/** Sending new connections past a front to the bridge, and waiting until its own are over. */
export interface DivertStep {
  kind: 'divert';
  server: string;
  /** The front's container. */
  id: string;
  name: string;
  /** Ports of the server, and those of the front that they lead to. */
  ports: number[];
  containerPorts: number[];
  /** How long to wait; 0 is without limit. */
  timeoutMs: number;
  /** It is an edge that is upgraded: all ports that it has, and that its successor has. */
  doors?: EdgePort[];
}

/** A connection that the kernel has for the front already is accepted within this time. */
const ACCEPTED_MS = 1_000;

/**
 * New connections go past the front; it keeps what it has, and its ports until the edge takes them. An edge is told to send
 * its clients away: by themselves those that keep a connection would never leave it. It goes on listening, for whoever is
 * not led past it, and for everybody should the bridge end.
 */
export const divert: StepKind<DivertStep> = {
  mayOutlastLease: () => true,
  moments: ['diverted'],
  describe: ({ ports, server, name, doors }) =>
    doors === undefined
      ? `send new connections to port ${ports.join(' and ')} of ${server} to the edge, past ${name}, and wait until those of ${name} are over`
      : `send new connections on ${server} to the new edge, and wait until those of the old one are over`,
  async run(step, context) {
    const { guard, clock, nginx, log, scope } = context;
    const bridge = instanceAt(context, step.server, 'edge');
    await guard.confirm();
    if (step.doors === undefined) {
      const doors = step.ports.map((port): EdgePort => `${port}/tcp`);
      await divertPorts(bridge, nginx.image, doors, clock);
    } else {
      const { doors } = step;
      const holder = { run: guard.run, fence: guard.fence, scope };
      // What another environment changes from now on, it changes for both.
      await withEdgeLocks([bridge.server], nginx.image, holder, clock, log, async () => {
        await readLatest(context, bridge);
        await divertPorts(bridge, nginx.image, doors, clock);
      });
    }
    context.moment('diverted');
    await clock.sleep(ACCEPTED_MS);
    if (step.doors !== undefined) await sendClientsAway(context, step);
    const target = { ...step, service: 'nginx', ports: step.containerPorts };
    const open = await awaitNobody(context, step.server, target);
    warnOfCut(context, step, open, 'still open');
  },
};

/** Another environment may have changed the configuration just when the bridge came up with what was there before. */
async function readLatest({ clock, scope }: RunContext, bridge: NginxInstance): Promise<void> {
  const { tree, folder } = await bridge.look(scopeName(scope), clock);
  if (folder === tree.live) return;
  await bridge.commit(tree.live, clock);
  const name = scopeName(scope);
  await bridge.awaitGeneration(name, tree.folders[tree.live].manifest?.scopes[name]?.generation, clock);
}

async function sendClientsAway(context: RunContext, { server, id, name }: DivertStep): Promise<void> {
  const { clock, known, scope } = context;
  const on = context.fleet.server(server);
  const found = await on.engine.findContainer(id);
  const address = found?.NetworkSettings?.Networks?.[EDGE_NETWORK]?.IPAddress;
  if (!found?.State?.Running || !address) return;
  const old = new NginxInstance('edge', on, { id, name, address });
  const { tree } = await old.look(scopeName(scope), clock);
  await old.sendClientsAway(tree.live, clock);
  known.noteReload(clock.now());
}
