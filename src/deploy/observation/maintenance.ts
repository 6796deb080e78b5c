import { type MaintenanceNote, readMaintenanceNote } from '../../model/maintenance.ts';
import { type Scope, scopeName } from '../../model/names.ts';
import { maintenanceFlag, servicesWith } from '../../nginx/standing-flags.ts';
import type { Tree } from '../../nginx/tree.ts';
import type { ObservedServer } from '../planning/observed.ts';

/** A service that is in maintenance. */
export interface Maintenance extends Partial<MaintenanceNote> {
  service: string;
  /** Who says so. */
  from: 'action' | 'file';
  /** Names of the servers on which it is. */
  servers: string[];
  /** Names of those that serve it to users all the same. */
  missing: string[];
}

/** maintenanceOf returns which services are in maintenance on which servers, by the action and by the file. Pure. */
export function maintenanceOf(
  scope: Scope,
  observed: readonly Pick<ObservedServer, 'name' | 'edge'>[],
): Maintenance[] {
  const trees = observed.flatMap(({ name, edge }) => (edge === undefined ? [] : [{ name, tree: edge.tree }]));
  const byAction = [
    ...new Set(trees.flatMap(({ tree }) => servicesWith(tree.flags, scope, maintenanceFlag))),
  ];
  const byFile = [...new Set(trees.flatMap(({ tree }) => closedByFile(tree, scope)))];
  const split = (service: string, isOn: (tree: Tree) => boolean) => ({
    servers: trees.filter(({ tree }) => isOn(tree)).map(({ name }) => name),
    missing: trees
      .filter(({ tree }) => !isOn(tree) && servedServices(tree, scope).includes(service))
      .map(({ name }) => name),
  });
  return [
    ...byAction.sort().map((service): Maintenance => {
      const flag = maintenanceFlag(scope, service);
      const text = trees.map(({ tree }) => tree.flagTexts.get(flag)).find((one) => one !== undefined);
      const where = split(service, ({ flags }) => flags.has(flag));
      return { service, from: 'action', ...where, ...readMaintenanceNote(text) };
    }),
    ...byFile.sort().map((service): Maintenance => {
      const where = split(service, (tree) => closedByFile(tree, scope).includes(service));
      return { service, from: 'file', ...where };
    }),
  ];
}

/** servedServices returns the services of an environment that an edge has for users. */
export function servedServices(tree: Tree, scope: Scope): string[] {
  return Object.entries(tree.folders[tree.live].manifest?.scopes[scopeName(scope)]?.routes ?? {})
    .filter(([, { domains }]) => domains.length > 0)
    .map(([service]) => service);
}

function closedByFile(tree: Tree, scope: Scope): string[] {
  const routes = tree.folders[tree.live].manifest?.scopes[scopeName(scope)]?.routes ?? {};
  return Object.entries(routes)
    .filter(([, { backing }]) => backing?.maintenance?.isOn === true)
    .map(([service]) => service);
}

/** describeMaintenance returns a sentence for each service that is in maintenance: since when, by whom and why. Pure. */
export function describeMaintenance(all: readonly Maintenance[]): string[] {
  return all.map(({ service, from, since, by, reason, servers, missing }) => {
    const who = [since && `since ${since}`, by && `by ${by}`].filter(Boolean).join(' ');
    const how = from === 'file' ? 'switchyard.yml says so' : who || 'switched on by hand';
    const why = reason === undefined ? '' : `: ${reason}`;
    const where = missing.length === 0 ? '' : `; only on ${servers.join(', ')}, not on ${missing.join(', ')}`;
    return `${service} is in maintenance (${how}${why})${where}`;
  });
}
