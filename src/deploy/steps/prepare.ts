import type { Server } from '../../fleet/server.ts';
import type { Log } from '../../model/log.ts';
import {
  adoptedSidecarName,
  EDGE_NAME,
  networkName,
  type Scope,
  SIDECAR_ALIAS,
  scopeName,
  secretsVolumeName,
  sidecarName,
  sidecarVolumeName,
} from '../../model/names.ts';
import type { NginxSpec } from '../../model/spec.ts';
import { checkDiverting } from '../../nginx/divert.ts';
import { ensureBridge, ensureEdge, ensureSidecar } from '../../nginx/install.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import { withEdgeLocks } from '../../nginx/lock.ts';
import { openEdge } from '../../nginx/open-edge.ts';
import { type DisplacedSidecar, isCreating, type PrepareStep } from '../planning/plan.ts';
import type { Guard } from './context.ts';
import { pull } from './images.ts';

/** What preparing a server needs. */
interface Preparation {
  scope: Scope;
  nginx: NginxSpec;
  log: Log;
  guard: Guard;
}

/**
 * prepare gives a server what it lacks: the environment's network, sidecar and edge. A stopped one is started. It
 * returns those it created or started.
 */
export async function prepare(
  server: Server,
  step: PrepareStep,
  { scope, nginx, log, guard }: Preparation,
): Promise<NginxInstance[]> {
  if (isCreating(step) && (await server.engine.findImage(nginx.image)) === undefined) {
    await pull(server, nginx.image, 'missing', log, AbortSignal.timeout(10 * 60_000));
  }
  const instances: NginxInstance[] = [];
  if (step.edge === 'bridge') await checkDiverting(server, nginx.image);
  if (step.displaced !== undefined) await displace(server, scope, step.displaced);
  if (step.sidecar !== undefined) {
    const aliases = step.displaced?.isInNetwork ? [] : [SIDECAR_ALIAS];
    instances.push(await ensureSidecar(server, scope, nginx, aliases));
  }
  if (step.edge === 'bridge') instances.push(await ensureBridge(server, scope, nginx));
  else if (step.edge === 'open') {
    const holder = { run: guard.run, fence: guard.fence, signal: guard.signal, scope };
    const opened = await withEdgeLocks([server], nginx.image, holder, log, () =>
      openEdge(server, scope, nginx),
    );
    instances.push(opened);
  } else if (step.edge !== undefined) instances.push(await ensureEdge(server, scope, nginx));
  await Promise.all(instances.map((instance) => instance.look(scopeName(scope))));
  return instances;
}

async function displace({ engine }: Server, scope: Scope, { id, name }: DisplacedSidecar): Promise<void> {
  const other = adoptedSidecarName(scope);
  if (name !== other) await engine.renameContainer(id, other);
}

/**
 * teardown takes the environment's sidecar, network and kept secrets off a server; the edge stays, and so do all
 * service volumes.
 */
export async function teardown(server: Server, scope: Scope): Promise<void> {
  const { engine } = server;
  await engine.leaveNetwork(networkName(scope), EDGE_NAME);
  await engine.removeContainer(sidecarName(scope));
  await engine.removeVolume(sidecarVolumeName(scope));
  await engine.removeVolume(secretsVolumeName(scope));
  await engine.removeNetwork(networkName(scope));
}
