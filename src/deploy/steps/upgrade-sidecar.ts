import { networkName, scopeName, sidecarName } from '../../model/names.ts';
import { checkHandOver, giveNames, hasNames } from '../../nginx/hand-over.ts';
import { ensureSidecarSuccessor } from '../../nginx/install.ts';
import { NginxInstance } from '../../nginx/instance.ts';
import { awaitBackends } from '../../nginx/open-edge.ts';
import { nginxKey, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Bringing up a new sidecar beside the one that is there, which answers to its name, too. */
export interface UpgradeSidecarStep {
  kind: 'upgrade sidecar';
  server: string;
  /** The container that goes later. */
  old: { id: string; name: string };
  /** What changes, for people. */
  changes: string[];
}

/** A name of an upstream that could not be resolved at first is asked for again after a second. */
const NAMES_MS = 1_100;

/**
 * Brings up the successor of a sidecar, on the same volume and without a name, waits until it answers for every route that
 * the old one answers for, and has it answer to the sidecar's name beside the old one. Whatever is wrong with it is found
 * out before that.
 */
export const upgradeSidecar: StepKind<UpgradeSidecarStep> = {
  moments: ['stands beside', 'answers to its name'],
  describe: ({ server, changes }) => `upgrade the sidecar on ${server}: ${changes.join(', ')}`,
  async run({ server: on, old }, context) {
    const { clock, fleet, guard, known, nginx, repository, scope } = context;
    const server = fleet.server(on);
    const { engine } = server;
    await checkHandOver(server, scope, nginx.image, clock);
    // A run was cut off between two names.
    if (old.name !== sidecarName(scope) && (await engine.findContainer(sidecarName(scope))) === undefined)
      await engine.renameContainer(old.id, sidecarName(scope));
    const successor = await ensureSidecarSuccessor(server, scope, nginx, { repository }, clock);
    context.moment('stands beside');
    const present = await instanceOf(context, on, old);
    try {
      if (present !== undefined) await awaitBackends(successor, present, scope, clock);
    } catch (error) {
      const found = await engine.findContainer(successor.id);
      // Nobody has found it yet.
      if (found !== undefined && !hasNames(scope, found)) await engine.removeContainer(successor.id);
      throw error;
    }
    await clock.sleep(NAMES_MS);
    await guard.confirm();
    await giveNames(server, scope, successor, nginx.image, clock);
    context.moment('answers to its name');
    const named = await instanceOf(context, on, successor);
    await named?.look(scopeName(scope), clock);
    if (named !== undefined) known.instances.set(nginxKey(on, 'sidecar'), named);
  },
};

/** Undefined where it does not run in its network. */
async function instanceOf(
  { fleet, scope }: RunContext,
  on: string,
  { id, name }: { id: string; name: string },
): Promise<NginxInstance | undefined> {
  const server = fleet.server(on);
  const found = await server.engine.findContainer(id);
  const address = found?.NetworkSettings?.Networks?.[networkName(scope)]?.IPAddress;
  return found?.State?.Running && address
    ? new NginxInstance('sidecar', server, { id, name, address })
    : undefined;
}
