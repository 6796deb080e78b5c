/**
 * findCycles returns the cycles among services, each as the names along it, the first one repeated at the
 * end; each cycle once. `dependencies` maps a service to those it depends on; unknown ones are ignored.
 */
export function findCycles(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const visit = (service: string, way: readonly string[]): void => {
    const start = way.indexOf(service);
    if (start !== -1) {
      cycles.push([...way.slice(start), service]);
      return;
    }
    if (finished.has(service)) return;
    for (const next of dependencies.get(service) ?? []) visit(next, [...way, service]);
    finished.add(service);
  };
  for (const service of dependencies.keys()) visit(service, []);
  return cycles;
}
