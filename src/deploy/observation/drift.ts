import { scopeName } from '../../model/names.ts';
import type { RecordedServer } from '../../model/release.ts';
import type { ServerSpec } from '../../model/spec.ts';
import { changedByHand as changedFiles } from '../../nginx/tree.ts';
import { changedByHand } from '../planning/blueprints.ts';
import type { ObservedContainer } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { serves } from '../planning/planned-routes.ts';
import { containersAt, observedAt, spotOf } from '../planning/spots.ts';
import { describeHooks } from '../recording/hook-record.ts';

/** One difference between what is recorded and what is there. */
export interface Drift {
  kind: 'container' | 'record' | 'hook' | 'edge' | 'sidecar' | 'routes' | 'server';
  host?: string;
  service?: string;
  /** For people: names service or server. */
  message: string;
}

/**
 * driftOf returns where the servers differ from the record, in the order in which a person would look: servers,
 * containers, edge and sidecar, routes. `kept` is the input that wants exactly what is deployed (see assembleKept),
 * and `plan` the plan made of it. All of it is repaired by the next deploy. Pure.
 */
export function driftOf(kept: PlanInput, plan: Plan): Drift[] {
  const found = [
    ...serverDrift(kept),
    ...standingNames(kept).flatMap((service) => serviceDrift(kept, service)),
    ...hookDrift(kept),
    ...nginxDrift(kept, plan),
    ...kept.hosts.flatMap((host) => fileDrift(kept, host)),
  ];
  const isExplained = found.some(({ kind }) => !['server', 'record', 'hook'].includes(kind));
  return isExplained ? found : [...found, ...routeDrift(kept, plan)];
}

/** forgottenHosts returns the servers that the record names and the file does not. */
export function forgottenHosts({ state, servers }: Pick<PlanInput, 'state' | 'servers'>): string[] {
  const recorded = Object.values(state.services).flatMap((service) =>
    service.servers.map(({ host }) => host),
  );
  return [...new Set(recorded)].filter((host) => !servers.some((server) => server.host === host));
}

function serverDrift(kept: PlanInput): Drift[] {
  const stale = Object.entries(kept.state.stale_servers ?? {});
  return [
    ...stale.map(([host, { since, reason }]) => ({
      host,
      message: `${host} was left out at ${since}${reason === undefined ? '' : ` (${reason})`}, and is brought up to date by the next deploy`,
    })),
    ...forgottenHosts(kept).map((host) => ({
      host,
      message: `the record names copies on ${host}, which is not in the file`,
    })),
  ].map((one) => ({ kind: 'server' as const, ...one }));
}

/** All services that are recorded, or stand somewhere. */
function standingNames({ state, observed }: PlanInput): string[] {
  const standing = observed.flatMap(({ containers }) => containers.map(({ service }) => service));
  return [...new Set([...Object.keys(state.services), ...standing])].sort();
}

function serviceDrift(kept: PlanInput, service: string): Drift[] {
  return kept.servers
    .filter(({ host }) => kept.hosts.includes(host))
    .flatMap((server) => {
      const copy = kept.state.services[service]?.servers.find(({ host }) => host === server.host);
      const recorded = copy === undefined ? [] : copyDrift(kept, service, server, copy);
      const others = containersAt(kept, service, server.host).filter(
        ({ id, side, isAdopted }) => !isAdopted && side !== copy?.side && !kept.drainedElsewhere.has(id),
      );
      return [...recorded, ...others.map((one) => unrecorded(kept, service, server.host, one))];
    });
}

function copyDrift(kept: PlanInput, service: string, server: ServerSpec, copy: RecordedServer): Drift[] {
  const { host, side, container: name } = copy;
  const say = (kind: Drift['kind'], message: string): Drift[] => [{ kind, host, service, message }];
  const found = containersAt(kept, service, host).find((one) => !one.isAdopted && one.side === side);
  if (found === undefined)
    return say('container', `${service}: ${name} is recorded on ${host}, but is not there`);
  if (!found.isRunning) {
    const how = found.condition?.state === 'paused' ? 'is paused' : 'does not run';
    return say('container', `${service}: ${name} on ${host} ${how}`);
  }
  const wanted = kept.services.find((candidate) => candidate.name === service);
  const changed = wanted === undefined ? [] : changedByHand(kept, wanted, server, found);
  const isActive = spotOf(kept, service, host).active?.id === found.id;
  return [
    ...(changed.length === 0
      ? []
      : say('container', `${service}: ${name} on ${host} was changed by hand: ${changed.join(', ')}`)),
    ...(isActive
      ? []
      : say('record', `${service}: ${name} on ${host} is recorded as active, but another side serves`)),
  ];
}

function unrecorded(kept: PlanInput, service: string, host: string, container: ObservedContainer): Drift {
  const recorded = kept.state.services[service];
  const where = `${container.name} on ${host}`;
  const known = recorded?.servers.map((copy) => `${copy.container} on ${copy.host}`).join(', ');
  const message =
    recorded === undefined
      ? `${service} runs, but is not recorded: ${where}`
      : `${service}: ${where} is there, but what is recorded is ${known || 'no copy'}`;
  return { kind: 'record', host, service, message };
}

/** Hooks that did not end well, as recorded. */
function hookDrift({ state }: PlanInput): Drift[] {
  return Object.entries(state.services).flatMap(([service, { hooks }]) =>
    describeHooks(service, hooks).map((message) => ({ kind: 'hook' as const, service, message })),
  );
}

/** Edges and sidecars that are missing, do not run or cannot reach the services, where the environment stands already. */
function nginxDrift(kept: PlanInput, plan: Plan): Drift[] {
  const states = {
    create: 'is not there',
    bridge: 'does not serve yet: a front holds its ports',
    open: 'does not have its ports yet: a run was cut off that took them over',
    start: 'needs a start',
    join: `is not in the network of ${kept.scope.project} ${kept.scope.environment}`,
  };
  const { services } = kept.state;
  return plan.prepare.flatMap((step) => {
    const { host } = step;
    const { sidecar, containers } = observedAt(kept, host);
    const isRecorded = Object.values(services).some(({ servers }) =>
      servers.some((one) => one.host === host),
    );
    // A server that is new in the file lacks nothing that somebody took away.
    if (sidecar === undefined && containers.every(({ isAdopted }) => isAdopted) && !isRecorded) return [];
    return (['sidecar', 'edge'] as const).flatMap((kind) => {
      const need = step[kind];
      return need === undefined ? [] : [{ kind, host, message: `${host}: the ${kind} ${states[need]}` }];
    });
  });
}

/** Files of edge and sidecar that are not what was written. */
function fileDrift(kept: PlanInput, host: string): Drift[] {
  const server = observedAt(kept, host);
  return (['sidecar', 'edge'] as const).flatMap((kind) => {
    const tree = server[kind]?.tree;
    const files = tree === undefined ? [] : changedFiles(tree.slots[tree.live], scopeName(kept.scope));
    if (files.length === 0) return [];
    return [
      { kind, host, message: `${host}: files of the ${kind} were changed by hand: ${files.join(', ')}` },
    ];
  });
}

/** Where nothing else tells why, routes that are not what is recorded. */
function routeDrift(kept: PlanInput, plan: Plan): Drift[] {
  if (plan.settle !== undefined) {
    const message = 'edges and sidecars do not agree which sides have the traffic: a run was cut off';
    return [{ kind: 'routes', message }];
  }
  const routes = plan.levels.findLast((level) => level.switch !== undefined)?.switch?.routes;
  // Where a server is left out, or comes back, routes are rightly others than the record's copies ask for.
  const isStale = plan.stale.left.length + Object.keys(kept.state.stale_servers ?? {}).length > 0;
  if (routes === undefined || isStale) return [];
  return kept.hosts.flatMap((host) =>
    (['sidecar', 'edge'] as const)
      .filter((kind) => observedAt(kept, host)[kind] && !serves(kept, host, kind, routes))
      .map((kind) => ({ kind, host, message: `${host}: the ${kind} does not serve what is recorded` })),
  );
}
