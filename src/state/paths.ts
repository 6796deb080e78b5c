import { checkName, type Scope } from '../model/names.ts';

/** README.md, beside the records: what a person sees who finds the branch. */
export const README_PATH = 'README.md';

/** The one file in the tree of a lease commit. */
export const LEASE_PATH = 'lease.json';

/** statePath returns where the state of an environment stands on the state branch. */
export function statePath(scope: Scope): string {
  return `state/${scope.project}/${scope.environment}.json`;
}

/** releasesFolder returns where the releases of a service stand on the state branch. It throws on a name it cannot hold. */
export function releasesFolder(scope: Scope, service: string): string {
  checkName('service', service);
  return `releases/${scope.project}/${scope.environment}/${service}`;
}

/** releasePath returns where a release stands on the state branch. It throws on a name or number it cannot hold. */
export function releasePath(scope: Scope, service: string, number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${number} is no release number`);
  return `${releasesFolder(scope, service)}/${number}.json`;
}

/** leaseRef returns the ref that whoever may change the environment holds. */
export function leaseRef(scope: Scope): string {
  return `refs/switchyard/lease/${scope.project}/${scope.environment}`;
}
