import { scopeName } from '../../model/names.ts';
import { compressorsOf } from '../../nginx/door.ts';
import { isServedOn, type Route } from '../../nginx/routes.ts';
import { routesOf } from '../../nginx/tree.ts';
import type { FindModulesStep } from '../steps/modules.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/** planModules returns the steps that look for modules that `routes` need, and those that an edge serves now do not. Pure. */
export function planModules(input: PlanInput, routes: readonly Route[]): FindModulesStep[] {
  if (input.removesAll) return [];
  return input.reached.flatMap((server): FindModulesStep[] => {
    const on = input.servers.find(({ name }) => name === server)!;
    const wanted = modulesOf(routes.filter((route) => isServedOn(route, on, input.servers)));
    const had = modulesOf(servedNow(input, server));
    const modules = [...wanted].filter((name) => !had.has(name));
    return modules.length === 0 ? [] : [{ kind: 'find modules', server, modules }];
  });
}

function modulesOf(routes: readonly Route[]) {
  return new Set(routes.flatMap(({ door }) => compressorsOf(door)));
}

function servedNow(input: PlanInput, server: string): Route[] {
  const tree = observedOn(input, server).edge?.tree;
  return routesOf(tree?.folders[tree.live].manifest?.scopes[scopeName(input.scope)]);
}
