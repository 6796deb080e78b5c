import { scopeName } from '../../model/names.ts';
import type { RecordedCopy, RecordedHooks } from '../../model/release.ts';
import type { ServerSpec } from '../../model/spec.ts';
import { editedFiles } from '../../nginx/tree.ts';
import { changedByHand } from '../planning/blueprint.ts';
import type { PlanInput } from '../planning/input.ts';
import type { ObservedCopy } from '../planning/observed.ts';
import { copiesOn, observedOn } from '../planning/observed-copies.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import { serves } from '../planning/planned-routes.ts';
import { inTheFile } from '../planning/reasons.ts';
import { copiesByRole } from '../planning/routed-copies.ts';
import { recordedSenders } from '../planning/standby.ts';

/** One difference between what is recorded and what is there. */
export interface Drift {
  kind: 'container' | 'record' | 'hook' | 'edge' | 'sidecar' | 'routes' | 'server';
  server?: string;
  service?: string;
  /** For people: names service or server. */
  message: string;
}

/**
 * driftOf returns where the servers differ from the record, in the order in which a person would look: servers,
 * containers, edge and sidecar, routes. `kept` is the input that wants exactly what is deployed (see buildKeptInput),
 * and `plan` the plan made of it. All of it is repaired by the next deploy. Pure.
 */
export function driftOf(kept: PlanInput, plan: Plan): Drift[] {
  const found = [
    ...serverDrift(kept),
    ...standingNames(kept).flatMap((service) => serviceDrift(kept, service)),
    ...hookDrift(kept),
    ...nginxDrift(kept, plan),
    ...kept.reached.flatMap((server) => fileDrift(kept, server)),
  ];
  const isExplained = found.some(({ kind }) => !['server', 'record', 'hook'].includes(kind));
  return isExplained ? found : [...found, ...routeDrift(kept, plan)];
}

/** forgottenServers returns the servers that the record names and the file does not. Pure. */
export function forgottenServers({ state, servers }: Pick<PlanInput, 'state' | 'servers'>): string[] {
  const recorded = Object.values(state.services).flatMap(({ copies }) => copies.map(({ server }) => server));
  return [...new Set(recorded)].filter((server) => !servers.some(({ name }) => name === server));
}

function serverDrift(kept: PlanInput): Drift[] {
  const stale = Object.entries(kept.state.stale_servers ?? {});
  return [
    ...stale.map(([server, { since, reason }]) => ({
      server,
      message: `${server} was left out at ${since}${reason === undefined ? '' : ` (${reason})`}, and is brought up to date by the next deploy${untilThen(kept, server)}`,
    })),
    ...forgottenServers(kept).map((server) => ({
      server,
      message: `the record names copies on ${server}, which is not in the file`,
    })),
  ].map((one) => ({ kind: 'server' as const, ...one }));
}

/** Old copies take memory for as long as somebody leaves a server out. */
function untilThen(kept: PlanInput, stale: string): string {
  const names = kept.reached.flatMap((server) =>
    observedOn(kept, server)
      .copies.filter((copy) => !copiesByRole(kept, copy.service, server).active.includes(copy))
      .filter((copy) => recordedSenders(kept.state, server, copy).includes(stale))
      .map(({ name }) => `${name} on ${server}`),
  );
  if (names.length === 0) return '';
  return `; until then, or until it has left the file, ${names.join(', ')} ${names.length === 1 ? 'stands' : 'stand'} by for it`;
}

/** All services that are recorded, or stand somewhere. */
function standingNames({ state, observed }: PlanInput): string[] {
  const standing = observed.flatMap(({ copies }) => copies.map(({ service }) => service));
  return [...new Set([...Object.keys(state.services), ...standing])].sort();
}

function serviceDrift(kept: PlanInput, service: string): Drift[] {
  return kept.servers
    .filter(({ name }) => kept.reached.includes(name))
    .flatMap((server) => {
      const recorded = (kept.state.services[service]?.copies ?? []).filter(
        (copy) => copy.server === server.name && copy.state === 'serving',
      );
      const others = copiesOn(kept, service, server.name).filter(
        ({ id, slot, isAdopted }) =>
          !isAdopted &&
          !recorded.some((copy) => copy.slot === slot) &&
          !kept.drainedElsewhere.has(id) &&
          recordedSenders(kept.state, server.name, { service, slot }).length === 0,
      );
      return [
        ...recorded.flatMap((copy) => copyDrift(kept, service, server, copy)),
        ...others.map((one) => unrecorded(kept, service, server.name, one)),
      ];
    });
}

function copyDrift(kept: PlanInput, service: string, on: ServerSpec, copy: RecordedCopy): Drift[] {
  const { server, slot, container: name } = copy;
  const say = (kind: Drift['kind'], message: string): Drift[] => [{ kind, server, service, message }];
  const found = copiesOn(kept, service, server).find((one) => !one.isAdopted && one.slot === slot);
  if (found === undefined)
    return say('container', `${service}: ${name} is recorded on ${server}, but is not there`);
  if (!found.isRunning) {
    const how = found.condition?.state === 'paused' ? 'is paused' : 'does not run';
    return say('container', `${service}: ${name} on ${server} ${how}`);
  }
  const wanted = kept.services.find((candidate) => candidate.name === service);
  const changed = wanted === undefined ? [] : changedByHand(kept, wanted, on, found);
  const isActive = copiesByRole(kept, service, server).active.includes(found);
  return [
    ...(changed.length === 0
      ? []
      : say(
          'container',
          `${service}: ${name} on ${server} was changed by hand: ${changed.map(inTheFile).join(', ')}`,
        )),
    ...(isActive
      ? []
      : say('record', `${service}: ${name} on ${server} is recorded as active, but another copy serves`)),
  ];
}

function unrecorded(kept: PlanInput, service: string, server: string, copy: ObservedCopy): Drift {
  const recorded = kept.state.services[service];
  const where = `${copy.name} on ${server}`;
  const known = recorded?.copies.map((one) => `${one.container} on ${one.server}`).join(', ');
  const message =
    recorded === undefined
      ? `${service} runs, but is not recorded: ${where}`
      : `${service}: ${where} is there, but what is recorded is ${known || 'no copy'}`;
  return { kind: 'record', server, service, message };
}

/** Hooks that did not end well, as recorded. */
function hookDrift({ state }: PlanInput): Drift[] {
  return Object.entries(state.services).flatMap(([service, { hooks }]) =>
    describeHooks(service, hooks).map((message) => ({ kind: 'hook' as const, service, message })),
  );
}

/** Says what is wrong with the last hooks of a service, as recorded. */
function describeHooks(service: string, hooks: RecordedHooks | undefined): string[] {
  if (hooks === undefined) return [];
  const { release, server } = hooks;
  return (['pre_deploy', 'post_deploy'] as const).flatMap((hook) => {
    const what = `${hook} of ${service} release ${release} on ${server}`;
    if (hooks[hook] === 'begun') return [`${what} was begun, and no run has seen its end`];
    return hooks[hook] === 'failed' ? [`${what} has failed`] : [];
  });
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
  const upgraded = stepsOf(plan, 'upgrade').map(({ server }) => server);
  return stepsOf(plan, 'prepare').flatMap((step) => {
    const { server } = step;
    // It has its ports, and shall have others.
    if (step.edge === 'open' && upgraded.includes(server)) return [];
    const { sidecar, copies } = observedOn(kept, server);
    const isRecorded = Object.values(services).some((one) =>
      one.copies.some((copy) => copy.server === server),
    );
    // A server that is new in the file lacks nothing that somebody took away.
    if (sidecar === undefined && copies.every(({ isAdopted }) => isAdopted) && !isRecorded) return [];
    return (['sidecar', 'edge'] as const).flatMap((kind) => {
      const need = step[kind];
      return need === undefined ? [] : [{ kind, server, message: `${server}: the ${kind} ${states[need]}` }];
    });
  });
}

/** Files of edge and sidecar that are not what was written. */
function fileDrift(kept: PlanInput, server: string): Drift[] {
  const observed = observedOn(kept, server);
  return (['sidecar', 'edge'] as const).flatMap((kind) => {
    const tree = observed[kind]?.tree;
    const files = tree === undefined ? [] : editedFiles(tree.folders[tree.live], scopeName(kept.scope));
    if (files.length === 0) return [];
    const message = `${server}: files of the ${kind} were changed by hand: ${files.join(', ')}`;
    return [{ kind, server, message }];
  });
}

/** Where nothing else tells why, routes that are not what is recorded. */
function routeDrift(kept: PlanInput, plan: Plan): Drift[] {
  const moves = stepsOf(plan, 'switch');
  if (moves.some(({ move }) => move === 'reconcile')) {
    const message = 'edges and sidecars do not agree which copies have the traffic: a run was cut off';
    return [{ kind: 'routes', message }];
  }
  const routes = moves.at(-1)?.routes;
  // Where a server is left out, or comes back, routes are rightly others than the record's copies ask for.
  const isStale = plan.stale.left.length + Object.keys(kept.state.stale_servers ?? {}).length > 0;
  if (routes === undefined || isStale) return [];
  return kept.reached.flatMap((server) =>
    (['sidecar', 'edge'] as const)
      .filter((kind) => observedOn(kept, server)[kind] && !serves(kept, server, kind, routes))
      .map((kind) => ({ kind, server, message: `${server}: the ${kind} does not serve what is recorded` })),
  );
}
