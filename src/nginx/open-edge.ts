import { allOrErrors } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { EDGE_BRIDGE_NAME, EDGE_NETWORK, networkName, type Scope, scopeName } from '../model/names.ts';
import { isOverHttp, type NginxSpec } from '../model/spec.ts';
import { endDiverting } from './divert.ts';
import { ensureInheritingEdge } from './install.ts';
import { ignoringEnd, NginxInstance } from './instance.ts';
import { reaches } from './prove.ts';
import { portKey, servedPorts } from './routes.ts';
import { routesOf } from './tree.ts';

/** A connection that the kernel has for the bridge already is accepted within this time. */
const SETTLE_MS = 1_000;
/** A name that could not be resolved at first is asked for again after a second. */
const REACH_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/**
 * openEdge lets the edge take the ports of a server that no front holds any more: it starts with the routes that the
 * bridge serves, then new connections are its own, and then the bridge ends by itself with its last connection.
 * Cut off anywhere, it is done again from the start.
 */
export async function openEdge(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  clock: Clock,
): Promise<NginxInstance> {
  const { engine } = server;
  const found = await engine.findContainer(EDGE_BRIDGE_NAME);
  const networks = found?.State?.Running ? found.NetworkSettings?.Networks : undefined;
  // Also without the bridge, which the engine may have ended, the volume has its routes.
  const inherited = Object.keys(networks ?? { [networkName(scope)]: {} });
  const edge = await ensureInheritingEdge(server, scope, settings, inherited, clock);
  const address = networks?.[EDGE_NETWORK]?.IPAddress;
  const bridge =
    address && new NginxInstance('edge', server, { id: found!.Id!, name: EDGE_BRIDGE_NAME, address });
  if (bridge) await awaitBackends(edge, bridge, scope, clock);
  await endDiverting(server);
  if (bridge) {
    await clock.sleep(SETTLE_MS);
    await ignoringEnd(engine.signalContainer(bridge.id, 'QUIT'));
    // Whoever still has a connection keeps it; under another name it is in nobody's way.
    await ignoringEnd(engine.renameContainer(bridge.id, `${EDGE_BRIDGE_NAME}_${bridge.id.slice(0, 12)}`));
  }
  return edge;
}

/**
 * awaitBackends waits until an nginx has an answer for every port that another one on the same volume has one for, of all
 * environments. It throws a UserError that names what it does not reach.
 */
export async function awaitBackends(
  edge: NginxInstance,
  bridge: NginxInstance,
  scope: Scope,
  clock: Clock,
): Promise<void> {
  const { tree, folder } = await edge.look(scopeName(scope), clock);
  const scopes = Object.entries(tree.folders[folder].manifest?.scopes ?? {});
  const ports = scopes.flatMap(([name, served]) =>
    routesOf(served).flatMap((route) =>
      servedPorts(edge.kind, route).map((port) => ({ name, key: portKey(route.service, port) })),
    ),
  );
  await allOrErrors(ports.map(({ name, key }) => awaitBackend(edge, bridge, name, key, clock)));
}

/**
 * awaitReached waits until a service answers an edge or sidecar through every upstream of its ports over http. A container that was
 * started again may have another address, and for a second nginx knows the one before. It throws a UserError when it takes too long.
 */
export async function awaitReached(
  nginx: NginxInstance,
  scope: Scope,
  service: string,
  clock: Clock,
): Promise<void> {
  const name = scopeName(scope);
  const { tree, folder } = await nginx.lookAgain(name, clock);
  const served = tree.folders[folder].manifest?.scopes[name];
  const route = served && routesOf(served).find((one) => one.service === service);
  const ports = route === undefined ? [] : servedPorts(nginx.kind, route);
  const keys = ports.filter(({ protocol }) => isOverHttp(protocol)).map((port) => portKey(service, port));
  const isReached = await poll(clock, { everyMs: POLL_MS, timeoutMs: REACH_TIMEOUT_MS }, async () => {
    const answers = await Promise.all(keys.map((key) => reaches(nginx, name, key).catch(() => false)));
    return answers.every((isAnswered) => isAnswered) || undefined;
  });
  if (isReached) return;
  throw new UserError(`${nginx.title}: ${service} is not reached after it was started again`, {
    hint: 'Its container is healthy; run update-nginx, which proves what is served.',
  });
}

async function awaitBackend(
  edge: NginxInstance,
  bridge: NginxInstance,
  scope: string,
  key: string,
  clock: Clock,
): Promise<void> {
  const asks = (nginx: NginxInstance) => reaches(nginx, scope, key).catch(() => false);
  const isReached = await poll(
    clock,
    { everyMs: POLL_MS, timeoutMs: REACH_TIMEOUT_MS },
    async () => (await asks(edge)) || !(await asks(bridge)) || undefined,
  );
  if (isReached) return;
  throw new UserError(`${edge.title}: ${key} is not reached, which ${bridge.name} reaches`, {
    hint: `New connections go on to ${bridge.name}, and lose nothing. Run again.`,
  });
}
