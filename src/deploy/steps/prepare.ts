import type { Server } from '../../fleet/server.ts';
import { LABEL } from '../../model/labels.ts';
import { adoptedSidecarName, type Scope, SIDECAR_ALIAS, scopeName, sidecarName } from '../../model/names.ts';
import type { NginxMake } from '../../nginx/agreed.ts';
import { checkDiverting } from '../../nginx/divert.ts';
import { ensureBridge, ensureEdge, ensureSidecar } from '../../nginx/install.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import { withEdgeLocks } from '../../nginx/lock.ts';
import { openEdge } from '../../nginx/open-edge.ts';
import { ownedByAnother } from '../planning/ownership.ts';
import { nginxKey, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** What a server needs before services can stand on it. */
export interface PrepareStep {
  kind: 'prepare';
  server: string;
  sidecar: 'create' | 'start' | undefined;
  /** `bridge` stands in for the edge while a front holds its ports; `open` gives it them when the front is gone. */
  edge: 'create' | 'start' | 'join' | 'bridge' | 'open' | undefined;
  /** What the edge is made of that gets its ports: all environments of the server share it. */
  wanted?: NginxMake;
  /** An nginx of the older naming that has the sidecar's name. */
  displaced?: DisplacedSidecar;
}

/** An nginx that gets another name, so that the sidecar can have its own; it runs on until it is idle. */
export interface DisplacedSidecar {
  id: string;
  name: string;
  /** It answers to the sidecar's alias on the environment's network. */
  isInNetwork: boolean;
}

const EDGE_WORK: Record<NonNullable<PrepareStep['edge']>, string> = {
  create: 'create the edge',
  start: 'start the edge',
  join: 'join the edge',
  bridge: 'create the edge beside the front',
  open: 'give the edge its ports',
};

/** Gives a server what it lacks: the environment's network, sidecar and edge. A stopped one is started. */
export const prepare: StepKind<PrepareStep> = {
  describe({ server, sidecar, edge, displaced }) {
    const parts = [
      displaced && `rename ${displaced.name}`,
      sidecar && `${sidecar} the sidecar`,
      edge && EDGE_WORK[edge],
    ];
    return `${parts.filter(Boolean).join(' and ')} on ${server}`;
  },
  async run(step, context) {
    const { clock, fleet, known, nginx, repository, scope } = context;
    const server = fleet.server(step.server);
    if (step.edge === 'bridge') await checkDiverting(server, nginx.image, clock);
    if (step.displaced !== undefined) await displace(server, scope, step.displaced);
    const made: NginxInstance[] = [];
    if (step.sidecar !== undefined) {
      const aliases = step.displaced?.isInNetwork ? [] : [SIDECAR_ALIAS];
      made.push(await ensureSidecar(server, scope, nginx, { repository, aliases }, clock));
      if (step.sidecar === 'create') await refuseOthers(server, context);
    }
    if (step.edge !== undefined) made.push(await prepareEdge(context, server, step));
    await Promise.all(made.map((instance) => instance.look(scopeName(scope), clock)));
    for (const instance of made) known.instances.set(nginxKey(step.server, instance.kind), instance);
  },
};

/** Two repositories may arrive at once: whoever finds a sidecar where there was none came second. */
async function refuseOthers(
  { engine, name }: Server,
  { scope, repository }: Pick<RunContext, 'scope' | 'repository'>,
): Promise<void> {
  const owner = (await engine.findContainer(sidecarName(scope)))?.Config?.Labels?.[LABEL.repository];
  if (owner !== undefined && owner !== repository) throw ownedByAnother(name, scope, owner, repository);
}

async function prepareEdge(
  { clock, guard, log, nginx, scope }: RunContext,
  server: Server,
  { edge: work, wanted }: Pick<PrepareStep, 'edge' | 'wanted'>,
): Promise<NginxInstance> {
  if (work === 'bridge') return await ensureBridge(server, scope, nginx, clock);
  if (work !== 'open') return await ensureEdge(server, scope, nginx, clock);
  const holder = { run: guard.run, fence: guard.fence, scope };
  return await withEdgeLocks([server], nginx.image, holder, clock, log, () =>
    openEdge(server, scope, { ...nginx, ...wanted }, clock),
  );
}

async function displace({ engine }: Server, scope: Scope, { id, name }: DisplacedSidecar): Promise<void> {
  const other = adoptedSidecarName(scope);
  if (name !== other) await engine.renameContainer(id, other);
}
