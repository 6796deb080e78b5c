import type { Copy } from '../../model/copy.ts';
import type { Scope } from '../../model/names.ts';
import { hostPort, type ServicePorts } from '../../model/ports.ts';
import type {
  Author,
  EnvironmentState,
  ProbeReport,
  RecordedCopy,
  RecordedService,
  Release,
} from '../../model/release.ts';
import { toldRoutes } from '../../model/spec.ts';
import type { ServiceChange } from '../../state/history.ts';
import { ownPorts, type WantedService } from '../planning/wanted.ts';
import type { BegunService } from '../steps/record-intent.ts';
import { hasUnfinished, withHooks } from './hook-record.ts';
import type { Achieved, RunOutcome } from './outcome.ts';
import { withEntry } from './release-history.ts';

/** releaseOf returns the release to write for a service. Pure. */
export function releaseOf(
  scope: Scope,
  service: WantedService,
  digest: string | undefined,
  author: Author,
  now: Date,
): Release {
  const { protocol, port, extraPorts, container, route, policy } = service.spec;
  return {
    schema: 1,
    ...scope,
    service: service.name,
    number: service.release.number,
    ...(protocol !== undefined && { protocol }),
    ...(port !== undefined && { port }),
    ...(extraPorts !== undefined && { extraPorts }),
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

/** recordIntent notes which releases a run is about to roll out. Pure. */
export function recordIntent(
  state: EnvironmentState,
  begun: readonly BegunService[],
  author: Author,
  now: Date,
): EnvironmentState {
  const services = { ...state.services };
  for (const { service, hooks } of begun) {
    const { name, release, spec } = service;
    const before = services[name] ?? emptyRecord(service, author, now);
    services[name] = {
      ...withHooks(before, release.number, hooks),
      rollout: {
        release: release.number,
        strategy: spec.policy.strategy,
        step: 'starting',
        run: author.run,
        since: now.toISOString(),
      },
    };
  }
  const numbers = numbersWith(
    state,
    begun.map(({ service }) => service),
  );
  return { ...state, services, ...numbers };
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
      known.rollout?.secrets_version ?? 0,
    );
    if (highest > 0) versions[name] = highest;
  }
  return {
    release_numbers: numbers,
    ...(Object.keys(versions).length > 0 && { secrets_versions: versions }),
  };
}

/** recordOutcome returns the state after a run. Pure; servers that the run did not touch are kept. */
export function recordOutcome(
  state: EnvironmentState,
  outcome: RunOutcome,
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
      // Where others keep what is proven, what a service had on a server that was left out gets no traffic any more.
      const copies = recorded.copies.filter(({ server }) => !outcome.stale.reasons.has(server));
      const kept = { ...withoutRollout(recorded), copies };
      services[change.service] = withEntry(kept, { change, outcome: 'failed' }, author, when);
    }
  }
  const numbers = numbersWith(
    state,
    outcome.achieved.map(({ service }) => service),
  );
  return { ...withStale(state, outcome.stale, author, now), services, ...numbers };
}

/**
 * recordReached notes that servers which were left out are about to be changed: where their nginx send requests is known no
 * more, whatever becomes of the run. Pure.
 */
export function recordReached(state: EnvironmentState, servers: readonly string[]): EnvironmentState {
  const stale = Object.entries(state.stale_servers ?? {}).map(([server, { sends_to, ...entry }]) => {
    const isKnown = sends_to !== undefined && !servers.includes(server);
    return [server, { ...entry, ...(isKnown && { sends_to }) }] as const;
  });
  return { ...state, stale_servers: Object.fromEntries(stale) };
}

function withStale(
  { stale_servers: before = {}, ...state }: EnvironmentState,
  { left, returned, reasons, sendsTo }: RunOutcome['stale'],
  { run }: Author,
  now: Date,
): EnvironmentState {
  const kept = Object.entries(before).filter(
    ([server]) => !returned.includes(server) && !left.includes(server),
  );
  const added = left.map((server) => {
    const reason = reasons.get(server);
    const entry = { since: now.toISOString(), run, ...(reason !== undefined && { reason }) };
    return [server, before[server] ?? entry] as const;
  });
  const stale = Object.fromEntries(
    [...kept, ...added].map(([server, entry]) => {
      const places = sendsTo[server];
      return [server, { ...entry, ...(places !== undefined && { sends_to: places }) }];
    }),
  );
  return { ...state, ...(Object.keys(stale).length > 0 && { stale_servers: stale }) };
}

function recordOf(
  services: EnvironmentState['services'],
  { service, change, copies, standby, image, isSwitched, probe, draining }: Achieved,
  isMultiServer: boolean,
  author: Author,
  now: Date,
): RecordedService {
  const before = services[service.name] ?? emptyRecord(service, author, now);
  const { rollout, internal_port, host_port, extra_ports, ...kept } = before;
  const isNumberNew = before.release !== change.to;
  return {
    ...kept,
    release: change.to,
    image,
    ...recordedPorts(ownPorts(service)),
    copies: [
      ...[...copies, ...standby].map((copy) => recordedCopy(service, copy, isMultiServer)),
      ...draining.map(({ server, slot, name, port, release, until }) => ({
        server,
        slot,
        container: name,
        ...(port !== undefined && { port }),
        state: 'draining' as const,
        healthy: true,
        release,
        until,
      })),
    ],
    deployed_at: isNumberNew || isSwitched ? now.toISOString() : before.deployed_at,
    ...(isSwitched && { switched_at: now.toISOString() }),
    previous: isNumberNew ? before.release : before.previous,
    run: isNumberNew || isSwitched ? author.run : before.run,
    ...(probe !== undefined && { probe: probeFacts(probe) }),
  };
}

function recordedCopy(service: WantedService, copy: Copy, isMultiServer: boolean): RecordedCopy {
  const { server, slot, name, port, release, state } = copy;
  const ports = ownPorts(service);
  const published = port ?? (ports && hostPort(ports.host, slot));
  const seen = isMultiServer ? published : service.spec.port;
  return {
    server,
    slot,
    container: name,
    ...(seen !== undefined && { port: seen }),
    state,
    healthy: true,
    release,
  };
}

/** recordDrain notes that copies have gone that a run drains, by their containers' names, or until when it lives. Pure. */
export function recordDrain(
  state: EnvironmentState,
  containers: readonly string[],
  until: string | undefined,
): EnvironmentState {
  const services = Object.fromEntries(
    Object.entries(state.services).map(([name, recorded]) => {
      const copies = recorded.copies.flatMap((copy) => {
        if (copy.state !== 'draining' || !containers.includes(copy.container)) return [copy];
        return until === undefined ? [] : [{ ...copy, until }];
      });
      return [name, { ...recorded, copies }];
    }),
  );
  return { ...state, services };
}

/** historyOf says what a run did, for the commit message. */
export function historyOf(outcome: RunOutcome): ServiceChange[] {
  const achieved = outcome.achieved
    .filter(({ change }) => change.effect !== 'none')
    .map((one): ServiceChange => {
      const { service, from, to, effect, image, domains } = one.change;
      if (!isBegunAndStanding(one)) {
        if (effect === 'record' && from !== to && from !== 0) return { service, kind: 'policy' };
        if (effect === 'record') return { service, kind: 'recorded' };
        if (effect === 'reload') return { service, kind: 'routed' };
      }
      const servers = new Set(one.copies.map(({ server }) => server)).size;
      const restores = restoredBy(one.service);
      return { service, kind: 'released', from, to, servers, restores, image, domains };
    });
  const removed = outcome.removed.map(
    ({ service, from }): ServiceChange => ({ service, kind: 'removed', from }),
  );
  const failed = outcome.failed
    .filter(({ effect }) => effect !== 'none' && effect !== 'remove')
    .map(({ service, from, to, image, domains }): ServiceChange => {
      return { service, kind: 'failed', from, to, image, domains };
    });
  return [...achieved, ...removed, ...failed];
}

/** A run that was cut off has made all its containers: whoever records the release does so for it. */
function isBegunAndStanding({ service: { known }, change: { to }, copies }: Achieved): boolean {
  return known.rollout?.number === to && copies.length > 0 && copies.every(({ release }) => release === to);
}

/** begunChanges says which releases an intent announces. */
export function begunChanges(begun: readonly BegunService[]): ServiceChange[] {
  return begun.map(({ service: { name, release, spec }, from }) => ({
    service: name,
    kind: 'begun',
    from,
    to: release.number,
    image: spec.container.image,
    domains: toldRoutes(spec.route),
  }));
}

function probeFacts({ losses, ...facts }: ProbeReport) {
  return facts;
}

function withoutRollout({ rollout, ...recorded }: RecordedService): RecordedService {
  return recorded;
}

function recordedPorts(
  ports: ServicePorts | undefined,
): Pick<RecordedService, 'internal_port' | 'host_port' | 'extra_ports'> {
  if (ports === undefined) return {};
  const { internal, host, extra } = ports;
  const others = Object.entries(extra ?? {}).map(([name, numbers]) => [
    name,
    { internal_port: numbers.internal, host_port: numbers.host },
  ]);
  return {
    internal_port: internal,
    host_port: host,
    ...(others.length > 0 && { extra_ports: Object.fromEntries(others) }),
  };
}

function emptyRecord(
  service: Pick<WantedService, 'ports' | 'spec'>,
  author: Author,
  now: Date,
): RecordedService {
  return {
    release: 0,
    image: '',
    ...recordedPorts(ownPorts(service)),
    copies: [],
    deployed_at: now.toISOString(),
    previous: 0,
    run: author.run,
  };
}
