import { opposedToProxyProtocol } from '../../nginx/agreed.ts';
import { isServedOn, type Route } from '../../nginx/routes.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/**
 * undecidedSettings returns what the file says of edges that others share, and what stays as it is until they say the same, as
 * sentences. Pure.
 */
export function undecidedSettings(input: PlanInput, routes: readonly Route[]): string[] {
  if (input.removesAll) return [];
  const { scope, nginx } = input;
  return input.reached.flatMap((server) => {
    const on = input.servers.find(({ name }) => name === server)!;
    const tree = observedOn(input, server).edge?.tree;
    const others = opposedToProxyProtocol(scope, nginx, tree?.folders[tree.live].manifest);
    if (others.length === 0 || !routes.some((route) => isServedOn(route, on, input.servers))) return [];
    const who = others.map((name) => name.replace('_', ' ')).join(' and ');
    const isOn = tree?.folders[tree.live].manifest?.settings.proxy_protocol === true;
    return [
      `the edge of ${server} is ${isOn ? 'still' : 'not yet'} spoken to by the PROXY protocol: ${who} ${others.length === 1 ? 'says' : 'say'} so under edge.proxy_protocol, and it changes when all say the same`,
    ];
  });
}
