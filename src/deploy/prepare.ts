import type { Server } from '../fleet/server.ts';
import type { Log } from '../model/log.ts';
import {
  EDGE_NAME,
  networkName,
  type Scope,
  scopeName,
  secretsVolumeName,
  sidecarName,
  sidecarVolumeName,
} from '../model/names.ts';
import type { NginxSpec } from '../model/spec.ts';
import { ensureEdge, ensureSidecar } from '../nginx/install.ts';
import type { NginxInstance } from '../nginx/instance.ts';
import { pull } from './images.ts';
import { isCreating, type PrepareStep } from './plan.ts';

/**
 * prepare gives a server what it lacks: the environment's network, sidecar and edge. A stopped one is started. It
 * returns those it created or started.
 */
export async function prepare(
  server: Server,
  scope: Scope,
  nginx: NginxSpec,
  step: PrepareStep,
  log: Log,
): Promise<NginxInstance[]> {
  if (isCreating(step) && (await server.engine.findImage(nginx.image)) === undefined) {
    await pull(server, nginx.image, 'missing', log, AbortSignal.timeout(10 * 60_000));
  }
  const instances: NginxInstance[] = [];
  if (step.sidecar !== undefined) instances.push(await ensureSidecar(server, scope, nginx));
  if (step.edge !== undefined) instances.push(await ensureEdge(server, scope, nginx));
  await Promise.all(instances.map((instance) => instance.look(scopeName(scope))));
  return instances;
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
