import { scopeName } from '../../model/names.ts';
import { compressorsOf } from '../../nginx/edge-options.ts';
import { domainsOfRoute, isServedOn, type Route } from '../../nginx/routes.ts';
import { routesOf } from '../../nginx/tree.ts';
import type { FindModulesStep, ModuleName } from '../steps/modules.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/** planModules returns the steps that look for modules that `routes` need, and those that an edge serves now do not. Pure. */
export function planModules(input: PlanInput, routes: readonly Route[]): FindModulesStep[] {
  if (input.removesAll) return [];
  return input.reached.flatMap((server): FindModulesStep[] => {
    const on = input.servers.find(({ name }) => name === server)!;
    const wanted = modulesOf(
      routes.filter((route) => isServedOn(route, on, input.servers)),
      input.nginx.tls?.http3,
    );
    const had = servedNow(input, server);
    const modules = [...wanted].filter((name) => !had.has(name));
    return modules.length === 0 ? [] : [{ kind: 'find modules', server, modules }];
  });
}

function modulesOf(routes: readonly Route[], http3: true | undefined): Set<ModuleName> {
  const hasDomain = routes.some((route) => domainsOfRoute(route).length > 0);
  return new Set<ModuleName>([
    ...routes.flatMap(({ edge }) => compressorsOf(edge)),
    ...(http3 && hasDomain ? (['http3'] as const) : []),
  ]);
}

function servedNow(input: PlanInput, server: string): Set<ModuleName> {
  const tree = observedOn(input, server).edge?.tree;
  const served = tree?.folders[tree.live].manifest?.scopes[scopeName(input.scope)];
  return modulesOf(routesOf(served), served?.http3);
}
