import { failTogether, UserError } from '../../model/errors.ts';
import type { Scope } from '../../model/names.ts';
import type { ObservedServer } from './observed.ts';

/** To whom an environment shall belong. */
export interface Ownership {
  /** The repository that this run is of, see findRepository; empty where nobody knows. */
  repository: string;
  /** The repository that hands the environment over to it. */
  takeOverFrom: string | undefined;
}

/**
 * checkOwner throws a UserError for each server on which the environment belongs to another repository, unless that one
 * is what it is taken over from: a second project of the same name must not end the first one. Pure.
 */
export function checkOwner(
  scope: Scope,
  { repository, takeOverFrom }: Ownership,
  observed: readonly Pick<ObservedServer, 'name' | 'owner'>[],
): void {
  const others = observed.flatMap(({ name, owner }) =>
    owner === undefined || owner === repository || owner === takeOverFrom ? [] : [{ name, owner }],
  );
  failTogether(others.map(({ name, owner }) => ownedByAnother(name, scope, owner, repository)));
}

/** ownedByAnother is the refusal to touch what belongs to another repository. */
export function ownedByAnother(
  server: string,
  { project, environment }: Scope,
  owner: string,
  repository: string,
): UserError {
  return new UserError(
    `${server}: ${project} ${environment} belongs to the repository ${owner}, and this run is of ${repository || 'none'}`,
    {
      hint: `Nothing was changed. Give this one another name: "project" in the file. If the repository was renamed, or hands ${project} over, run once with "take-over-from: ${owner}".`,
    },
  );
}
