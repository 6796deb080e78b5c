import type { HistoryEntry } from '../../model/release.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import { holderOf } from '../../state/lease.ts';
import { assembleKept } from '../planning/assemble.ts';
import { checkNarrowing, serversOf } from '../planning/narrowing.ts';
import type { ObservedServer } from '../planning/observed.ts';
import { planDeploy } from '../planning/planner.ts';
import { spotOf } from '../planning/spots.ts';
import { driftOf } from './drift.ts';
import { lookAt, type Ways } from './look.ts';
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

/** A service as status shows it. */
export interface StatusService {
  release: number;
  deployed_at: string;
  run: string;
  servers: StatusServer[];
  /** What became of its last releases, the newest first. */
  history: HistoryEntry[];
}

/** What runs in an environment. */
export interface StatusReport {
  title: string;
  /** Release numbers by service, as recorded. */
  releases: Record<string, number>;
  services: Record<string, StatusService>;
  /** Where servers and record differ, as sentences. */
  drift: string[];
  /** Who is changing the environment right now. */
  lease: string | undefined;
  /** State of edge and sidecar by server. */
  nginx: { host: string; edge: string; sidecar: string }[];
}

/** What status looks at. */
export interface StatusRequest extends Ways {
  wanted: EnvironmentSpec;
  zones: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
}

/** status asks servers and record and compares; it changes nothing and needs no lease. */
export async function status(request: StatusRequest): Promise<StatusReport> {
  const { wanted, zones, excludedServers } = request;
  const narrowing = { services: undefined, zones, excludedServers };
  checkNarrowing(wanted, narrowing);
  const servers = serversOf(wanted, narrowing);
  return await lookAt(request, servers, async (fleet, snapshot) => {
    const input = assembleKept(await survey(fleet, snapshot, wanted, {}, narrowing));
    const { state, lease } = snapshot;
    const names = [
      ...new Set([
        ...Object.keys(state.services),
        ...input.observed.flatMap(({ containers }) => containers.map(({ service }) => service)),
      ]),
    ].sort();
    const services = names.map((name) => {
      const recorded = state.services[name];
      const standing = input.observed.flatMap((server) =>
        standingOn(server, name, spotOf(input, name, server.host).active?.id),
      );
      const { release = 0, deployed_at = '', run = '', history = [] } = recorded ?? {};
      return [name, { release, deployed_at, run, servers: standing, history }] as const;
    });
    return {
      title: `${wanted.project} ${wanted.environment}`,
      releases: Object.fromEntries(services.map(([name, { release }]) => [name, release])),
      services: Object.fromEntries(services),
      drift: driftOf(input, planDeploy(input)).map(({ message }) => message),
      lease: holderOf(lease),
      nginx: input.observed.map(({ host, edge, sidecar }) => ({
        host,
        edge: runs(edge),
        sidecar: runs(sidecar),
      })),
    };
  });
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

function runs(nginx: { isRunning: boolean } | undefined): string {
  return nginx === undefined ? 'none' : nginx.isRunning ? 'runs' : 'stopped';
}
