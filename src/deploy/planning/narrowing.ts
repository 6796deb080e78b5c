import { UserError } from '../../model/errors.ts';
import {
  claimsOf,
  type EnvironmentSpec,
  portsOf,
  publishedOf,
  type ServerSpec,
  type ServiceSpec,
  specHash,
} from '../../model/spec.ts';
import type { WantedService } from './wanted.ts';

/** What a run was narrowed to; undefined is everything. */
export interface Narrowing {
  services: readonly string[] | undefined;
  zones: readonly string[] | undefined;
  /** Names of servers that are left out because they cannot be reached: they get no traffic. */
  excludedServers?: readonly string[] | undefined;
}

/** serversOf returns the servers that a run talks to. */
export function serversOf(
  { servers }: EnvironmentSpec,
  { zones, excludedServers = [] }: Omit<Narrowing, 'services'>,
): ServerSpec[] {
  return servers.filter(
    ({ name, zone }) => (zones === undefined || zones.includes(zone)) && !excludedServers.includes(name),
  );
}

export function selectedOf({ services }: EnvironmentSpec, narrowing: Narrowing): ServiceSpec[] {
  return services.filter(({ name }) => narrowing.services?.includes(name) ?? true);
}

/** checkNarrowing throws a UserError when a run is narrowed to what is not there, or to nothing. */
export function checkNarrowing(
  wanted: EnvironmentSpec,
  { services, zones, excludedServers }: Narrowing,
): void {
  const known = wanted.services.map(({ name }) => name);
  const unknown = services?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`there is no service "${unknown}" in the file`, {
      hint: `The input "service" takes one of ${known.join(', ')} a line.`,
    });
  }
  const allZones = [...new Set(wanted.servers.map(({ zone }) => zone))];
  const unknownZone = zones?.find((zone) => !allZones.includes(zone));
  if (unknownZone !== undefined) {
    throw new UserError(`no server of ${wanted.environment} is in zone "${unknownZone}"`, {
      hint: `The zones are ${allZones.join(', ')}.`,
    });
  }
  checkExcluded(wanted, { zones, excludedServers });
}

function checkExcluded(wanted: EnvironmentSpec, narrowing: Omit<Narrowing, 'services'>): void {
  const names = wanted.servers.map(({ name }) => name);
  const unknown = narrowing.excludedServers?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`no server of ${wanted.environment} is "${unknown}", so it cannot be excluded`, {
      hint: `The input "exclude-servers" takes one of ${names.join(', ')} a line.`,
    });
  }
  if (serversOf(wanted, narrowing).length > 0) return;
  throw new UserError(`no server of ${wanted.environment} is left to work on`, {
    hint: 'The inputs "exclude-servers" and "zones" leave none.',
  });
}

/** A route has one container port: copies that listen on different ones cannot be served together. */
export function checkPorts(
  services: readonly WantedService[],
  { servers }: EnvironmentSpec,
  { zones }: Narrowing,
): void {
  if (zones === undefined || servers.every(({ zone }) => zones.includes(zone))) return;
  const moved = services.find(({ isSelected, spec, known: { current } }) => {
    if (!isSelected || current === undefined) return false;
    return specHash(portsOf(spec)) !== specHash(portsOf(current));
  });
  if (moved === undefined) return;
  throw new UserError(`the port of ${moved.name} changes, and this run is narrowed to some zones`, {
    hint: 'Deploy it to all zones in one run: leave the input "zones" empty.',
  });
}

/** Services that this run leaves alone keep their addresses and ports of the servers: the file may have given one to another by now. */
export function checkDomains(services: readonly WantedService[]): void {
  for (const service of services.filter(({ isSelected }) => isSelected)) {
    for (const claim of edgeClaims(service)) {
      const owner = services.find((other) => other !== service && edgeClaims(other).includes(claim));
      if (owner === undefined) continue;
      throw new UserError(`${service.name} shall serve ${claim}, which ${owner.name} serves now`, {
        hint: `Add "${owner.name}" to the input "service", so that both change in one run.`,
      });
    }
  }
}

function edgeClaims({ spec }: WantedService): string[] {
  return [...claimsOf(spec.route), ...publishedOf(spec)];
}

export function checkDependencies(services: readonly WantedService[]): void {
  const names = new Set(services.map(({ name }) => name));
  for (const service of services.filter(({ isSelected }) => isSelected)) {
    const missing = service.dependsOn.find((name) => !names.has(name));
    if (missing !== undefined) {
      throw new UserError(`${service.name} depends on ${missing}, which is not deployed yet`, {
        hint: `Deploy it first, or in the same run: add "${missing}" to the input "service".`,
      });
    }
  }
}
