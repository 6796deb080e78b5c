import type { Scope } from '../../model/names.ts';
import { hostPort, type ServicePorts } from '../../model/ports.ts';
import type { EnvironmentState, RecordedService, Release } from '../../model/release.ts';
import type { ServiceChange } from '../../state/history.ts';
import type { Change, Plan, StaleChange, Standing } from '../planning/plan.ts';
import type { WantedService } from '../planning/plan-input.ts';
import type { ProbeReport } from '../running/probe.ts';
import type { Author } from './author.ts';
import { hasUnfinished, withHooks } from './hook-record.ts';
import { withEntry } from './release-history.ts';

/** releaseOf returns the release to write for a service. Pure. */
export function releaseOf(
  scope: Scope,
  service: WantedService,
  digest: string | undefined,
  author: Author,
  now: Date,
): Release {
  const { protocol, port, container, route, policy } = service.spec;
  return {
    schema: 1,
    ...scope,
    service: service.name,
    number: service.release.number,
    protocol,
    port,
    container,
    route,
    policy,
    ...(digest !== undefined && { image_digest: digest }),
    ...(digest === undefined && service.imageId !== undefined && { image_id: service.imageId }),
    ...(service.restored !== undefined && { restores: restoredBy(service) }),
    secrets_version: service.release.secretsVersion,
    created_at: now.toISOString(),
    ...(author.commit !== undefined && { commit: author.commit }),
    run: author.run,
    actor: author.actor,
  };
}

/**
 * restoredBy returns the release that first had the content which a rollback brings back, undefined for a service
 * that is not rolled back.
 */
export function restoredBy({ restored }: WantedService): number | undefined {
  return restored?.restores ?? restored?.number;
}

/** recordIntent notes which releases a run is about to start. Pure. */
export function recordIntent(
  state: EnvironmentState,
  begun: readonly WantedService[],
  hooks: Plan['hooks'],
  author: Author,
  now: Date,
): EnvironmentState {
  const services = { ...state.services };
  for (const service of begun) {
    const pending = { release: service.release.number, run: author.run, since: now.toISOString() };
    const before = services[service.name] ?? emptyRecord(service, author, now);
    services[service.name] = { ...withHooks(before, service.release.number, hooks[service.name]), pending };
  }
  return { ...state, services, ...numbersWith(state, begun) };
}

/** A number is never given twice: a failed release stays on the branch, and so do those of a service that left. */
function numbersWith(
  { release_numbers: before = {}, secrets_versions: given = {} }: EnvironmentState,
  services: readonly WantedService[],
): Pick<EnvironmentState, 'release_numbers' | 'secrets_versions'> {
  const numbers = { ...before };
  const versions = { ...given };
  for (const { name, release, known } of services) {
    numbers[name] = Math.max(numbers[name] ?? 0, release.number);
    const highest = Math.max(
      versions[name] ?? 0,
      release.secretsVersion,
      known.current?.secrets_version ?? 0,
      known.pending?.secrets_version ?? 0,
    );
    if (highest > 0) versions[name] = highest;
  }
  return {
    release_numbers: numbers,
    ...(Object.keys(versions).length > 0 && { secrets_versions: versions }),
  };
}

/** What a run achieved for one service. */
export interface Achieved {
  service: WantedService;
  change: Change;
  standing: Standing[];
  image: string;
  isSwitched: boolean;
  probe: ProbeReport | undefined;
  draining: NonNullable<RecordedService['draining']>;
}

/** What a run achieved. */
export interface Outcome {
  achieved: Achieved[];
  removed: Change[];
  /** What was to change and runs as before, because the run failed. */
  failed: Change[];
  /** False where new containers of these may be left: the next run may go on with the same releases. */
  isUndone: boolean;
  stale: StaleChange & { reasons: ReadonlyMap<string, string> };
  /** From the start of the run. */
  tookMs: number;
}

/** recordOutcome returns the state after a run. Pure; servers that the run did not touch are kept. */
export function recordOutcome(
  state: EnvironmentState,
  outcome: Outcome,
  isMultiServer: boolean,
  author: Author,
  now: Date,
): EnvironmentState {
  const when = { now, tookMs: outcome.tookMs };
  const services = { ...state.services };
  for (const achieved of outcome.achieved) {
    const recorded = recordOf(services, achieved, isMultiServer, author, now);
    const { service, change, isSwitched, probe } = achieved;
    const isNews = isSwitched || change.from !== change.to;
    const restores = restoredBy(service);
    services[service.name] = isNews
      ? withEntry(recorded, { change, outcome: 'deployed', probe, restores }, author, when)
      : recorded;
  }
  for (const { service } of outcome.removed) delete services[service];
  for (const change of outcome.isUndone ? outcome.failed : []) {
    const recorded = services[change.service];
    if (recorded === undefined) continue;
    if (recorded.release === 0 && !hasUnfinished(recorded)) delete services[change.service];
    else {
      const kept = withoutPending(recorded);
      services[change.service] = withEntry(kept, { change, outcome: 'failed' }, author, when);
    }
  }
  const numbers = numbersWith(
    state,
    outcome.achieved.map(({ service }) => service),
  );
  return { ...withStale(state, outcome.stale, author, now), services, ...numbers };
}

function withStale(
  { stale_servers: before = {}, ...state }: EnvironmentState,
  { left, returned, reasons }: Outcome['stale'],
  { run }: Author,
  now: Date,
): EnvironmentState {
  const kept = Object.entries(before).filter(([host]) => !returned.includes(host) && !left.includes(host));
  const added = left.map((host) => {
    const reason = reasons.get(host);
    const entry = { since: now.toISOString(), run, ...(reason !== undefined && { reason }) };
    return [host, before[host] ?? entry] as const;
  });
  const stale = Object.fromEntries([...kept, ...added]);
  return { ...state, ...(Object.keys(stale).length > 0 && { stale_servers: stale }) };
}

function recordOf(
  services: EnvironmentState['services'],
  { service, change, standing, image, isSwitched, probe, draining }: Achieved,
  isMultiServer: boolean,
  author: Author,
  now: Date,
): RecordedService {
  const before = services[service.name] ?? emptyRecord(service, author, now);
  const { pending, draining: drained, ...kept } = before;
  const isNumberNew = before.release !== change.to;
  return {
    ...kept,
    release: change.to,
    image,
    internal_port: service.ports.internal,
    host_port: service.ports.host,
    servers: standing.map(({ host, side, name, port, release }) => ({
      host,
      side,
      container: name,
      port: isMultiServer ? (port ?? hostPort(service.ports.host, side)) : service.spec.port,
      healthy: true,
      release,
    })),
    deployed_at: isNumberNew || isSwitched ? now.toISOString() : before.deployed_at,
    ...(isSwitched && { switched_at: now.toISOString() }),
    previous: isNumberNew ? before.release : before.previous,
    run: isNumberNew || isSwitched ? author.run : before.run,
    ...(draining.length > 0 && { draining }),
    ...(probe !== undefined && { probe: probeFacts(probe) }),
  };
}

/** recordDrain notes that old sides are gone, or that a run drains them until a new time. Pure. */
export function recordDrain(
  state: EnvironmentState,
  containers: readonly string[],
  until: string | undefined,
): EnvironmentState {
  const services = Object.fromEntries(
    Object.entries(state.services).map(([name, { draining = [], ...recorded }]) => {
      const left = draining.flatMap((one) => {
        if (!containers.includes(one.container)) return [one];
        return until === undefined ? [] : [{ ...one, until }];
      });
      return [name, { ...recorded, ...(left.length > 0 && { draining: left }) }];
    }),
  );
  return { ...state, services };
}

/** historyOf says what a run did, for the commit message. */
export function historyOf(outcome: Outcome): ServiceChange[] {
  const achieved = outcome.achieved
    .filter(({ change }) => change.effect !== 'none')
    .map((one): ServiceChange => {
      const { service, from, to, effect } = one.change;
      if (!isBegunAndStanding(one)) {
        if (effect === 'record' && from !== to && from !== 0) return { service, kind: 'policy' };
        if (effect === 'record') return { service, kind: 'recorded' };
        if (effect === 'reload') return { service, kind: 'routed' };
      }
      const { length: servers } = one.standing;
      return { service, kind: 'released', from, to, servers, restores: restoredBy(one.service) };
    });
  const removed = outcome.removed.map(
    ({ service, from }): ServiceChange => ({ service, kind: 'removed', from }),
  );
  const failed = outcome.failed
    .filter(({ effect }) => effect !== 'none' && effect !== 'remove')
    .map(({ service, from, to }): ServiceChange => ({ service, kind: 'failed', from, to }));
  return [...achieved, ...removed, ...failed];
}

/** A run that was cut off has made all its containers: whoever records the release does so for it. */
function isBegunAndStanding({ service: { known }, change: { to }, standing }: Achieved): boolean {
  return (
    known.pending?.number === to && standing.length > 0 && standing.every(({ release }) => release === to)
  );
}

/** begunChanges says which releases an intent announces. */
export function begunChanges(plan: Plan, begun: readonly WantedService[]): ServiceChange[] {
  return begun.map(({ name: service, release }) => ({
    service,
    kind: 'begun',
    from: plan.changes.find((change) => change.service === service)?.from ?? 0,
    to: release.number,
  }));
}

function probeFacts({ losses, ...facts }: ProbeReport) {
  return facts;
}

function withoutPending({ pending, ...recorded }: RecordedService): RecordedService {
  return recorded;
}

function emptyRecord(service: { ports: ServicePorts }, author: Author, now: Date): RecordedService {
  return {
    release: 0,
    image: '',
    internal_port: service.ports.internal,
    host_port: service.ports.host,
    servers: [],
    deployed_at: now.toISOString(),
    previous: 0,
    run: author.run,
  };
}
