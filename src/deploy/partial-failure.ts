import { UserError } from '../model/errors.ts';
import type { PartialFailure, ServerSpec } from '../model/spec.ts';
import type { Route } from '../nginx/routes.ts';
import { failureOf, type StepFailure } from './execute.ts';

/** What has failed of a plan, and what decides whether the servers on which it has not may keep it. */
export interface PartialFailureFacts {
  failures: readonly StepFailure[];
  /** Names of the servers that the plan was for. */
  reached: readonly string[];
  servers: readonly Pick<ServerSpec, 'name' | 'zone'>[];
  policy: PartialFailure;
  /** A run that is over keeps nothing. */
  isCancelled: boolean;
  warn(sentence: string): void;
}

/**
 * serversToLeaveOut returns the servers on which a switch has failed, with the reason, where the others are to keep it; they
 * serve what they served before. Undefined when all go back: that is the policy, something else has failed, no server
 * is left, or a service stands nowhere but on those.
 */
export function serversToLeaveOut(facts: PartialFailureFacts): ReadonlyMap<string, unknown> | undefined {
  const { failures, reached, servers, policy, isCancelled, warn } = facts;
  const left = new Map<string, unknown>();
  let routes: readonly Route[] = [];
  for (const { step, error } of failures) {
    if (step.kind !== 'switch' && step.kind !== 'prove') return undefined;
    left.set(step.server, left.get(step.server) ?? error);
    routes = step.routes;
  }
  if (policy === 'revert' || isCancelled || left.size === reached.length) return undefined;
  const lost = soleHome(new Set(left.keys()), routes, servers);
  if (lost === undefined) return left;
  const names = [...left.keys()].join(', ');
  warn(`${names} cannot be left out, since ${lost} stands nowhere else: all servers go back`);
  return undefined;
}

/**
 * soleHome returns a service that others would lose when servers are left out: all its copies in a zone stand on
 * those, and other servers of the zone send it traffic. Undefined when nobody loses anything. Pure.
 */
export function soleHome(
  left: ReadonlySet<string>,
  routes: readonly Pick<Route, 'service' | 'copies'>[],
  servers: readonly Pick<ServerSpec, 'name' | 'zone'>[],
): string | undefined {
  const zoneOf = (server: string) => servers.find(({ name }) => name === server)?.zone;
  return routes.find(({ copies }) =>
    copies.some(({ server }) => {
      const mates = copies.filter((other) => zoneOf(other.server) === zoneOf(server));
      const isZoneLeft = servers.every(({ name, zone }) => zone !== zoneOf(server) || left.has(name));
      return !isZoneLeft && mates.every((mate) => left.has(mate.server));
    }),
  )?.service;
}

/** leftOutFailure returns why a run fails that has left servers out, undefined where it left none. */
export function leftOutFailure(left: ReadonlyMap<string, unknown>): UserError | undefined {
  if (left.size === 0) return undefined;
  const names = [...left.keys()].join(', ');
  const cause = failureOf([...left.values()].map((error) => ({ error })));
  return new UserError(
    `${names} did not switch and was left out, the others have the new version: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      hint: 'It gets no traffic from the others, and serves what it served before. Mend it and deploy again: that brings it up to date.',
      cause: [...left.values()][0],
    },
  );
}
