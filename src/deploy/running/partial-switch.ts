import { messageOf, UserError } from '../../model/errors.ts';
import type { ServerSpec } from '../../model/spec.ts';
import type { Route } from '../../nginx/routes.ts';

/** PartialSwitch says that a switch is proven on some servers and has failed on others, which serve what they served before. */
export class PartialSwitch extends Error {
  /** Why it failed, by host. */
  readonly failures: ReadonlyMap<string, unknown>;

  constructor(failures: ReadonlyMap<string, unknown>) {
    super(`the switch failed on ${[...failures.keys()].join(', ')}`);
    this.failures = failures;
  }
}

/**
 * soleHome returns a service that others would lose when servers are left out: all its copies in a zone stand on
 * those, and other servers of the zone send it traffic. Undefined when nobody loses anything. Pure.
 */
export function soleHome(
  left: ReadonlySet<string>,
  routes: readonly Pick<Route, 'service' | 'placements'>[],
  servers: readonly Pick<ServerSpec, 'host' | 'zone'>[],
): string | undefined {
  const zoneOf = (host: string) => servers.find((server) => server.host === host)?.zone;
  return routes.find(({ placements }) =>
    placements.some(({ host }) => {
      const mates = placements.filter((other) => zoneOf(other.host) === zoneOf(host));
      const isZoneLeft = servers.every((server) => server.zone !== zoneOf(host) || left.has(server.host));
      return !isZoneLeft && mates.every((mate) => left.has(mate.host));
    }),
  )?.service;
}

/** leftOutFailure returns why a run fails that has left servers out, undefined where it left none. */
export function leftOutFailure(left: ReadonlyMap<string, unknown>): UserError | undefined {
  if (left.size === 0) return undefined;
  const hosts = [...left.keys()].join(', ');
  const reasons = [...new Set([...left.values()].map(messageOf))].join('\n');
  return new UserError(
    `${hosts} did not switch and was left out, the others have the new version: ${reasons}`,
    {
      hint: 'It gets no traffic from the others, and serves what it served before. Mend it and deploy again: that brings it up to date.',
      cause: [...left.values()][0],
    },
  );
}
