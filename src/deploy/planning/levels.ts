/**
 * dependencyLevels sorts services into levels: each stands above all it depends on, and as low as that
 * allows. Dependencies that are not among `services` count as fulfilled. Cycles have been refused before.
 */
export function dependencyLevels(
  services: readonly { name: string; dependsOn: readonly string[] }[],
): string[][] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const heights = new Map<string, number>();
  const height = (name: string): number => {
    const known = heights.get(name);
    if (known !== undefined) return known;
    const below = (byName.get(name)?.dependsOn ?? []).filter((dependency) => byName.has(dependency));
    const result = below.length === 0 ? 0 : 1 + Math.max(...below.map(height));
    heights.set(name, result);
    return result;
  };
  const levels: string[][] = [];
  for (const { name } of services) {
    const level = height(name);
    levels[level] = [...(levels[level] ?? []), name];
  }
  return levels;
}
