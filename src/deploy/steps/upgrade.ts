import { EDGE_NETWORK, scopeName } from '../../model/names.ts';
import type { EdgePort } from '../../model/spec.ts';
import type { NginxMake } from '../../nginx/agreed.ts';
import { checkDiverting, isDiverting } from '../../nginx/divert.ts';
import { ensureSuccessor } from '../../nginx/install.ts';
import { ignoringEnd, NginxInstance } from '../../nginx/instance.ts';
import { awaitBackends } from '../../nginx/open-edge.ts';
import { nginxKey, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Bringing up a new edge beside the one that is there, without a change for anybody. */
export interface UpgradeStep {
  kind: 'upgrade';
  server: string;
  /** The container that holds the ports, and goes later. */
  old: { id: string; name: string; networks: string[] };
  wanted: NginxMake;
  /** Ports of the server that the old one has not. */
  lacking: EdgePort[];
  /** What changes, for people. */
  changes: string[];
}

/**
 * Brings up the successor of an edge, on the same volume and without ports, and waits until it answers for every route that
 * the old one answers for. Whatever is wrong with it is found out here, while the old one serves everybody.
 */
export const upgrade: StepKind<UpgradeStep> = {
  moments: ['stands beside'],
  describe: ({ server, changes }) => `upgrade the edge on ${server}: ${changes.join(', ')}`,
  async run(step, context) {
    const { clock, fleet, known, nginx, scope } = context;
    const server = fleet.server(step.server);
    await checkDiverting(server, nginx.image, clock);
    const settings = { ...nginx, ...step.wanted };
    const { networks } = step.old;
    const successor = await ensureSuccessor(
      server,
      scope,
      settings,
      { networks, lacking: step.lacking },
      clock,
    );
    context.moment('stands beside');
    try {
      const old = await oldEdge(context, step);
      if (old !== undefined) await awaitBackends(successor, old, scope, clock);
      await successor.look(scopeName(scope), clock);
    } catch (error) {
      if (!(await isDiverting(server)))
        await ignoringEnd(server.engine.signalContainer(successor.id, 'QUIT'));
      throw error;
    }
    known.instances.set(nginxKey(step.server, 'edge'), successor);
  },
};

/** Undefined where it does not run any more: a run was cut off when its last connection was over. */
async function oldEdge(
  { fleet }: RunContext,
  { server, old: { id, name } }: UpgradeStep,
): Promise<NginxInstance | undefined> {
  const on = fleet.server(server);
  const found = await on.engine.findContainer(id);
  const address = found?.NetworkSettings?.Networks?.[EDGE_NETWORK]?.IPAddress;
  return found?.State?.Running && address ? new NginxInstance('edge', on, { id, name, address }) : undefined;
}
