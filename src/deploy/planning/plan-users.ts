import { scopeName } from '../../model/names.ts';
import { isServedOn, type Route } from '../../nginx/routes.ts';
import { listMark, userListsOf } from '../../nginx/user-lists.ts';
import type { GivenList, GiveUsersStep, RemoveUsersStep } from '../steps/user-lists.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/**
 * planUsers returns what brings users from secrets to the edges that ask for them, a step a server: where the run has the
 * secret, and a server has others; and where it has none, to servers that lack what others may have. Pure.
 */
export function planUsers(input: PlanInput, routes: readonly Route[]): GiveUsersStep[] {
  if (input.removesAll) return [];
  return input.reached.flatMap((server): GiveUsersStep[] => {
    const lists = routesOn(input, server, routes).flatMap((route) => lacking(input, server, route));
    return lists.length === 0 ? [] : [{ kind: 'give users', server, lists }];
  });
}

function lacking(input: PlanInput, server: string, route: Route): GivenList[] {
  const secret = route.edge?.basicAuthSecret;
  if (secret === undefined) return [];
  const given = input.certificates.given?.[secret];
  return userListsOf(input.scope, route).flatMap((key): GivenList[] => {
    const mark = markOn(input, server, key);
    if (given !== undefined) return mark === listMark(given) ? [] : [{ key, secret }];
    if (mark !== undefined) return [];
    const from = input.reached.find((other) => markOn(input, other, key) !== undefined);
    return [{ key, secret, ...(from && { from }) }];
  });
}

/**
 * planUserRemovals returns what takes lists away of services that have no route any more. One that a service has just left
 * stays: an earlier release asks for it. Pure.
 */
export function planUserRemovals(input: PlanInput, routes: readonly Route[]): RemoveUsersStep[] {
  const scope = `${scopeName(input.scope)}_`;
  const kept = new Set(routes.map(({ service }) => `${scope}${service}`));
  return input.reached.flatMap((server): RemoveUsersStep[] => {
    const edge = observedOn(input, server).edge;
    if (!edge?.isRunning) return [];
    const keys = [...edge.tree.userLists.keys()].filter(
      (key) => key.startsWith(scope) && !kept.has(key.split('.')[0]!),
    );
    return keys.length === 0 ? [] : [{ kind: 'remove users', server, keys }];
  });
}

function markOn(input: PlanInput, server: string, key: string): string | undefined {
  return observedOn(input, server).edge?.tree.userLists.get(key);
}

function routesOn({ servers }: PlanInput, server: string, routes: readonly Route[]): Route[] {
  const on = servers.find(({ name }) => name === server)!;
  return routes.filter((route) => isServedOn(route, on, servers));
}
