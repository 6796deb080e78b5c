import { UserError } from '../../model/errors.ts';
import type { EdgePort } from '../../model/spec.ts';
import { publishedOfRoute } from '../../nginx/published.ts';
import { isServedOn } from '../../nginx/routes.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';
import type { TrafficMove } from './rollout.ts';

/**
 * refuseMissingPorts throws a UserError where a plan has the edge of a server serve ports of it that do not lead there:
 * they are given to a container when it is made. A new edge is made with them. Pure.
 */
export function refuseMissingPorts(input: PlanInput, moves: readonly TrafficMove[]): void {
  for (const server of new Set(moves.flatMap(({ servers }) => servers))) {
    const missing = missingPorts(input, server, moves);
    if (missing.length === 0) continue;
    const what = missing.length === 1 ? `port ${missing[0]}` : `ports ${missing.join(', ')}`;
    throw new UserError(`${server}: the edge there was made without ${what}, which a service publishes`, {
      hint: 'Ports are given to a container when it is made. Remove the edge in a quiet hour ("docker rm -f switchyard_edge"), and deploy at once: it is made anew with them.',
    });
  }
}

/** The ports of a server that moves of a plan need at its edge, and that do not lead there. */
function missingPorts(input: PlanInput, server: string, moves: readonly TrafficMove[]): EdgePort[] {
  const { edge, bridge } = observedOn(input, server);
  const on = input.servers.find(({ name }) => name === server);
  if (edge === undefined || bridge !== undefined || on === undefined) return [];
  const routes = moves
    .filter((move) => move.servers.includes(server))
    .flatMap((move) => move.routes)
    .filter((route) => isServedOn(route, on, input.servers));
  return [...new Set(routes.flatMap(publishedOfRoute))].filter((port) => !edge.ports.includes(port)).sort();
}
