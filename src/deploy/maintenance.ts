import { allOrErrors } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import { UserError } from '../model/errors.ts';
import { type MaintenanceNote, writeMaintenanceNote } from '../model/maintenance.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { FlagChange } from '../nginx/compose.ts';
import { NginxInstance } from '../nginx/instance.ts';
import { maintenanceFlag } from '../nginx/standing-flags.ts';
import type { Tree } from '../nginx/tree.ts';
import { withEnvironment } from './environment.ts';
import { type Maintenance, maintenanceOf, servedServices } from './observation/maintenance.ts';
import { observeEdge } from './observation/observe.ts';
import type { ObservedNginx } from './planning/observed.ts';
import { checkOwner } from './planning/ownership.ts';
import type { Reach } from './request.ts';
import { Timeline } from './timeline.ts';

/** What shall be switched. */
export interface MaintenanceRequest extends Reach {
  wanted: EnvironmentSpec;
  isOn: boolean;
  /** Names of services; undefined is all that users reach. */
  services: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
  /** Who switches it on, and why. */
  note: Omit<MaintenanceNote, 'since'>;
}

/** What was switched, and how it is now. */
export interface MaintenanceReport {
  isOn: boolean;
  changed: boolean;
  /** Names of the services that were asked for. */
  services: string[];
  now: Maintenance[];
}

/** The edge of a server, as it was found. */
interface RunningEdge {
  server: Server;
  edge: ObservedNginx;
  instance: NginxInstance;
}

/**
 * switchMaintenance puts services into maintenance on all servers at once, or takes them out of it. It takes no lease, since
 * it has to work while a deploy is stuck, and nothing that a deploy changes is touched: each flag is put whole or not at
 * all, and a deploy neither sets nor removes it. It looks again afterwards: where two have switched at once, one of them is
 * told. It throws UserErrors for services that no edge serves, and for edges that do not answer.
 */
export async function switchMaintenance(request: MaintenanceRequest): Promise<MaintenanceReport> {
  const { wanted: file, excludedServers, clock, log } = request;
  const narrowing = { services: undefined, zones: undefined, excludedServers };
  const opening = { wanted: file, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async ({ wanted, repository, fleet }) => {
    const scope = { project: wanted.project, environment: wanted.environment };
    const look = () => fleet.onAll((server) => observeEdge(server, scope, clock));
    const seen = await look();
    checkOwner(wanted, { repository, takeOverFrom: undefined }, seen);
    const edges = seen.flatMap(({ name, edge }) => runningEdge(fleet.server(name), edge));
    const services = chosen(request, edges, scope);
    const changes = edges.map((found) => ({
      found,
      flags: changesOf(request, found.edge.tree, services, scope),
    }));
    const changed = changes.some(({ flags }) => flags.length > 0);
    const verb = request.isOn ? 'on' : 'off';
    await log.group(`Switch maintenance of ${services.join(', ')} ${verb}`, () =>
      allOrErrors(changes.map(({ found, flags }) => found.instance.setFlags(flags, clock))),
    );
    const now = maintenanceOf(scope, changed ? await look() : seen);
    refuseRace(request, services, now);
    return { isOn: request.isOn, changed, services, now };
  });
}

function runningEdge(server: Server, edge: ObservedNginx | undefined): RunningEdge[] {
  if (edge === undefined) return [];
  const { id, name, address, isRunning, ...served } = edge;
  if (!isRunning || address === undefined) {
    throw new UserError(`${server.name}: the edge does not run, so maintenance cannot be switched there`, {
      hint: 'Nobody is served by it as it is. Run update-nginx, which starts it, or leave the server out with exclude-servers.',
    });
  }
  return [{ server, edge, instance: new NginxInstance('edge', server, { id, name, address }, served) }];
}

function chosen(
  { services: asked, wanted, isOn }: MaintenanceRequest,
  edges: readonly RunningEdge[],
  scope: { project: string; environment: string },
): string[] {
  const on = maintenanceOf(
    scope,
    edges.map(({ server, edge }) => ({ name: server.name, edge })),
  );
  const served = edges.flatMap(({ edge }) => servedServices(edge.tree, scope));
  // What has left the file and the edges may still have its flag.
  const left = isOn ? [] : on.filter(({ from }) => from === 'action').map(({ service }) => service);
  const known = [...new Set([...served, ...left])].sort();
  const unknown = asked?.find((service) => !known.includes(service));
  if (unknown !== undefined || known.length === 0) {
    const what = unknown === undefined ? 'nothing' : `no service ${JSON.stringify(unknown)}`;
    throw new UserError(`${what} of ${wanted.project} ${wanted.environment} is served to users`, {
      hint: known.length === 0 ? 'Deploy a service with a domain first.' : `These are: ${known.join(', ')}.`,
    });
  }
  return asked === undefined ? known : [...asked];
}

/** What is on already keeps its time and its author, unless there is another reason now. */
function changesOf(
  { isOn, note, clock }: MaintenanceRequest,
  tree: Tree,
  services: readonly string[],
  scope: { project: string; environment: string },
): FlagChange[] {
  const text = writeMaintenanceNote({ since: new Date(clock.now()).toISOString(), ...note });
  return services.flatMap((service): FlagChange[] => {
    const name = maintenanceFlag(scope, service);
    if (!isOn) return tree.flags.has(name) ? [{ service, name, isSet: false }] : [];
    const isServed = servedServices(tree, scope).includes(service);
    const isSaid = tree.flags.has(name) && note.reason === undefined;
    return isServed && !isSaid ? [{ service, name, isSet: true, text }] : [];
  });
}

function refuseRace(
  { isOn }: MaintenanceRequest,
  services: readonly string[],
  now: readonly Maintenance[],
): void {
  const on = now.filter(({ from }) => from === 'action');
  const other = services.find((service) => {
    const found = on.find((one) => one.service === service);
    return isOn ? found === undefined || found.missing.length > 0 : found !== undefined;
  });
  if (other === undefined) return;
  throw new UserError(`maintenance of ${other} was switched the other way at the same time by another run`, {
    hint: 'Run again: the last one counts. A concurrency group in the workflow keeps two from running at once.',
  });
}
