import { type Scope, scopeName } from '../model/names.ts';

/*
 * Flags that say what becomes of the requests for a service, whichever copies it has. Flags of sides, which say where
 * requests go, have a hash at this place; no service has a dot in its name.
 */

const MAINTENANCE = '.maintenance';
const WAITING = '.waiting';

/** maintenanceFlag names the flag that is there while a service is in maintenance by the action. */
export function maintenanceFlag(scope: Scope, service: string): string {
  return `${scopeName(scope)}.${service}${MAINTENANCE}`;
}

/** waitingFlag names the flag that is there while requests for a service wait. */
export function waitingFlag(scope: Scope, service: string): string {
  return `${scopeName(scope)}.${service}${WAITING}`;
}

/** serviceOfStanding returns the service that a flag of this kind is about; undefined of flags of sides. */
export function serviceOfStanding(flag: string): string | undefined {
  const [, service, kind] = flag.split('.');
  return `.${kind}` === MAINTENANCE || `.${kind}` === WAITING ? service : undefined;
}

/** servicesWith returns the services of an environment whose flag of a kind is among these, sorted. */
export function servicesWith(
  flags: Iterable<string>,
  scope: Scope,
  flagOf: (scope: Scope, service: string) => string,
): string[] {
  return [...flags]
    .flatMap((flag) => {
      const service = serviceOfStanding(flag);
      return service !== undefined && flag === flagOf(scope, service) ? [service] : [];
    })
    .sort();
}
