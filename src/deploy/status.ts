import { Fleet } from '../fleet/fleet.ts';
import type { Provider } from '../fleet/server.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { describeLease } from '../state/lease.ts';
import type { Store } from '../state/store.ts';
import { assembleKept, checkNarrowing, serversOf } from './assemble.ts';
import { describeHooks } from './hook-record.ts';
import type { ObservedServer } from './observed.ts';
import { planDeploy } from './planner.ts';
import { spotOf } from './spots.ts';
import { survey } from './survey.ts';

/** One container of a service as status shows it. */
export interface StatusServer {
  host: string;
  side: string;
  container: string;
  release: number;
  image: string;
  isRunning: boolean;
  /** Gets the traffic. */
  isActive: boolean;
}

/** What runs in an environment. */
export interface StatusReport {
  title: string;
  /** Release numbers by service, as recorded. */
  releases: Record<string, number>;
  services: Record<string, { release: number; deployed_at: string; run: string; servers: StatusServer[] }>;
  /** Where servers and record differ, as sentences. */
  drift: string[];
  /** Who is changing the environment right now. */
  lease: string | undefined;
  /** State of edge and sidecar by server. */
  nginx: { host: string; edge: string; sidecar: string }[];
}

/** What status looks at. */
export interface StatusRequest {
  wanted: EnvironmentSpec;
  provider: Provider;
  openStore(): Promise<Store>;
  zones: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
}

/** status asks servers and record and compares; it changes nothing and needs no lease. */
export async function status(request: StatusRequest): Promise<StatusReport> {
  const { wanted, zones, excludedServers } = request;
  const narrowing = { services: undefined, zones, excludedServers };
  checkNarrowing(wanted, narrowing);
  const servers = serversOf(wanted, narrowing);
  const opening = request.openStore();
  const [fleet, store] = await Promise.allSettled([Fleet.connect(request.provider, servers), opening]);
  try {
    if (fleet.status === 'rejected') throw fleet.reason;
    if (store.status === 'rejected') throw store.reason;
    const snapshot = await store.value.read();
    const looked = { ...wanted, servers, services: [] };
    const facts = await survey(fleet.value, snapshot, looked, {}, { services: undefined, zones });
    const input = assembleKept({ ...facts, wanted: { ...wanted, servers } });
    const plan = planDeploy(input);
    const { state, lease } = snapshot;
    const names = [
      ...new Set([
        ...Object.keys(state.services),
        ...facts.observed.flatMap(({ containers }) => containers.map(({ service }) => service)),
      ]),
    ].sort();
    const services = names.map((name) => {
      const recorded = state.services[name];
      const standing = facts.observed.flatMap((server) =>
        standingOn(server, name, spotOf(input, name, server.host).active?.id),
      );
      const { release = 0, deployed_at = '', run = '' } = recorded ?? {};
      return [name, { release, deployed_at, run, servers: standing }] as const;
    });
    const isHeld = lease !== undefined && !lease.released && Date.parse(lease.end) > Date.now();
    return {
      title: `${wanted.project} ${wanted.environment}`,
      releases: Object.fromEntries(services.map(([name, { release }]) => [name, release])),
      services: Object.fromEntries(services),
      drift: [
        ...Object.entries(state.stale_servers ?? {}).map(
          ([host, { since, reason }]) =>
            `${host} was left out at ${since}${reason === undefined ? '' : ` (${reason})`}, and is brought up to date by the next deploy`,
        ),
        ...Object.entries(state.services).flatMap(([name, { hooks }]) => describeHooks(name, hooks)),
        ...driftOf(state, Object.fromEntries(services)),
        ...plan.prepare.map(
          ({ host, sidecar, edge }) =>
            `${host}: ${[sidecar && `the sidecar needs a ${sidecar}`, edge && `the edge needs a ${edge}`].filter(Boolean).join(', ')}`,
        ),
        ...plan.levels
          .filter((level) => level.switch !== undefined)
          .map(() => 'edge or sidecar do not serve what is recorded; update-nginx repairs it'),
      ],
      lease: isHeld ? describeLease(lease) : undefined,
      nginx: facts.observed.map(({ host, edge, sidecar }) => ({
        host,
        edge: runs(edge),
        sidecar: runs(sidecar),
      })),
    };
  } finally {
    await Promise.all([
      fleet.status === 'fulfilled' && fleet.value.close(),
      store.status === 'fulfilled' && store.value.close(),
    ]);
  }
}

function standingOn(
  { host, containers }: ObservedServer,
  service: string,
  activeId: string | undefined,
): StatusServer[] {
  return containers
    .filter((container) => container.service === service)
    .map(({ id, side, name, release, image, isRunning }) => ({
      host,
      side,
      container: name,
      release,
      image,
      isRunning,
      isActive: id === activeId,
    }));
}

function driftOf(
  state: { services: Record<string, { servers: { host: string; side: string; container: string }[] }> },
  services: Record<string, { servers: StatusServer[] }>,
): string[] {
  return Object.entries(services).flatMap(([name, { servers }]) => {
    const recorded = state.services[name]?.servers;
    if (recorded === undefined) return [`${name} runs, but is not recorded`];
    return recorded.flatMap(({ host, side, container }) => {
      const found = servers.find((server) => server.host === host && server.side === side);
      if (found === undefined) return [`${name}: ${container} is recorded on ${host}, but is not there`];
      if (!found.isRunning) return [`${name}: ${container} on ${host} does not run`];
      return found.isActive
        ? []
        : [`${name}: ${container} on ${host} is recorded as active, but another side serves`];
    });
  });
}

function runs(nginx: { isRunning: boolean } | undefined): string {
  return nginx === undefined ? 'none' : nginx.isRunning ? 'runs' : 'stopped';
}
