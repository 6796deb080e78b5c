import type { RestoreReceipt } from '../../model/backup.ts';
import type { EnvironmentState, HistoryEntry } from '../../model/release.ts';
import { toldRoutes } from '../../model/spec.ts';
import type { ServiceTraffic } from '../../nginx/traffic.ts';
import type { PlanInput } from '../planning/input.ts';
import type { ObservedCopy, ObservedServer } from '../planning/observed.ts';
import { ownedByAnother } from '../planning/ownership.ts';
import { planDeploy } from '../planning/planner.ts';
import { copiesByRole } from '../planning/routed-copies.ts';
import { recordedSenders } from '../planning/standby.ts';
import type { BackupAge } from './backups.ts';
import { certificatesOf, type StatusCertificate } from './certificates.ts';
import { driftOf } from './drift.ts';
import { describeMaintenance, maintenanceOf } from './maintenance.ts';

/** One copy of a service as status shows it. */
export interface StatusCopy {
  /** The server's name. */
  server: string;
  slot: string;
  container: string;
  release: number;
  image: string;
  isRunning: boolean;
  /** Gets the traffic. */
  isActive: boolean;
  /** It stays for servers that are left out. */
  isStandby?: true;
}

/** A service as status shows it. */
export interface StatusService {
  release: number;
  deployed_at: string;
  run: string;
  copies: StatusCopy[];
  /** Where the edge serves it, and what it redirects, in words; absent where it does neither. */
  routes?: string[];
  /** What became of its last releases, the newest first. */
  history: HistoryEntry[];
  /** What the edges have served of it in the last minutes; undefined where they have not. */
  traffic?: ServiceTraffic;
}

/** What runs in an environment. */
export interface StatusReport {
  title: string;
  /** Release numbers by service, as recorded. */
  releases: Record<string, number>;
  services: Record<string, StatusService>;
  /** The certificates that the edges have for it. */
  certificates: StatusCertificate[];
  /** How old the last good backups are. */
  backups: BackupAge[];
  /** What restores have left. */
  restores: RestoreReceipt[];
  /** Where servers and record differ, as sentences. */
  drift: string[];
  /** Secrets that the record has in the clear, as sentences; only those that the run was given are known. */
  exposed: string[];
  /** Services that are in maintenance, as sentences. */
  maintenance: string[];
  /** Who is changing the environment right now. */
  lease: string | undefined;
  /** State of edge and sidecar by server. */
  nginx: { server: string; edge: string; sidecar: string }[];
}

/**
 * statusOf returns what runs in an environment; `kept` is the input that wants exactly what is deployed, and `traffic` what
 * edges have served, by service. Pure.
 */
export function statusOf(
  kept: PlanInput,
  lease: string | undefined,
  traffic: ReadonlyMap<string, ServiceTraffic>,
): Omit<StatusReport, 'exposed' | 'backups' | 'restores'> {
  const { scope, state, observed } = kept;
  const standing = observed.flatMap(({ copies }) => copies.map(({ service }) => service));
  const names = [...new Set([...Object.keys(state.services), ...standing])].sort();
  const services = names.map((name) => {
    const copies = observed.flatMap((server) =>
      copiesOf(server, name, copiesByRole(kept, name, server.name).active, state),
    );
    const { release = 0, deployed_at = '', run = '', history = [] } = state.services[name] ?? {};
    const route = kept.services.find((service) => service.name === name)?.spec.route;
    const routes = route === undefined ? [] : toldRoutes(route);
    const served = traffic.get(name);
    const told = {
      release,
      deployed_at,
      run,
      copies,
      ...(routes.length > 0 && { routes }),
      history,
      ...(served && { traffic: served }),
    };
    return [name, told] as const;
  });
  return {
    title: `${scope.project} ${scope.environment}`,
    releases: Object.fromEntries(services.map(([name, { release }]) => [name, release])),
    services: Object.fromEntries(services),
    certificates: certificatesOf(kept),
    drift: [...strangersIn(kept), ...driftOf(kept, planDeploy(kept)).map(({ message }) => message)],
    maintenance: describeMaintenance(maintenanceOf(scope, observed)),
    lease,
    nginx: observed.map(({ name, edge, sidecar }) => ({
      server: name,
      edge: stateOf(edge),
      sidecar: stateOf(sidecar),
    })),
  };
}

/** Whoever asks for a project of the same name is told whose it is. */
function strangersIn({ scope, observed, repository }: PlanInput): string[] {
  return observed.flatMap(({ name, owner }) =>
    owner === undefined || owner === repository
      ? []
      : [ownedByAnother(name, scope, owner, repository).message],
  );
}

function copiesOf(
  { name: server, copies }: ObservedServer,
  service: string,
  active: readonly ObservedCopy[],
  state: EnvironmentState,
): StatusCopy[] {
  return copies
    .filter((copy) => copy.service === service)
    .map((copy) => ({ ...copy, isActive: active.includes(copy) }))
    .map(({ slot, name, release, image, isRunning, isActive }) => ({
      server,
      slot,
      container: name,
      release,
      image,
      isRunning,
      isActive,
      ...(!isActive && recordedSenders(state, server, { service, slot }).length > 0 && { isStandby: true }),
    }));
}

function stateOf(nginx: { isRunning: boolean } | undefined): string {
  return nginx === undefined ? 'none' : nginx.isRunning ? 'runs' : 'stopped';
}
