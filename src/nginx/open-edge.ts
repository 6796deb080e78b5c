import { setTimeout as sleep } from 'node:timers/promises';
import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import { EDGE_BRIDGE_NAME, type Scope } from '../model/names.ts';
import type { NginxSpec } from '../model/spec.ts';
import { endDiverting } from './divert.ts';
import { ensureEdge } from './install.ts';
import type { NginxInstance } from './instance.ts';

/** A connection that the kernel has for the bridge already is accepted within this time. */
const SETTLE_MS = 1_000;

/**
 * openEdge lets the edge take the ports of a server that no front holds any more: it starts with the routes that the
 * bridge serves, then new connections are its own, and then the bridge ends by itself with its last connection.
 * Cut off anywhere, it is done again from the start.
 */
export async function openEdge(server: Server, scope: Scope, settings: NginxSpec): Promise<NginxInstance> {
  const { engine } = server;
  const bridge = await engine.findContainer(EDGE_BRIDGE_NAME);
  const edge = await ensureEdge(server, scope, settings, bridge?.State?.Running);
  for (const network of Object.keys(bridge?.NetworkSettings?.Networks ?? {})) {
    await engine.joinNetwork(network, edge.id);
  }
  await endDiverting(server);
  if (bridge?.State?.Running) {
    await sleep(SETTLE_MS);
    await ignoringEnd(engine.signalContainer(bridge.Id!, 'QUIT'));
    // Whoever still has a connection keeps it; under another name it is in nobody's way.
    await ignoringEnd(engine.renameContainer(bridge.Id!, `${EDGE_BRIDGE_NAME}_${bridge.Id!.slice(0, 12)}`));
  }
  return edge;
}

/** It may have ended, and removed itself, at any moment. */
async function ignoringEnd(work: Promise<void>): Promise<void> {
  await work.catch((error) => {
    if (!isStatus(error, 404, 409)) throw error;
  });
}
