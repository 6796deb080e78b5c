import type { Scope } from '../model/names.ts';
import { isOverHttp, specHash } from '../model/spec.ts';
import { type Route, servedPorts, upstreamName } from './routes.ts';
import { renderStores } from './stores.ts';
import { KEYS_FOLDER } from './tls.ts';

/** Below `KEYS_FOLDER`: users with the hashes of their passwords, from secrets, a file a port. Workers of nginx read it. */
const LISTS_FOLDER = 'user_lists';
/** In the volume of the configuration: which list a port has, without anything of it. */
export const LIST_INDEX_FOLDER = 'user_lists';

/** userListPath returns where nginx finds the users of a port that come from a secret. */
export function userListPath(key: string): string {
  return `${KEYS_FOLDER}/${LISTS_FOLDER}/${key}`;
}

/** userListsOf returns the keys of the lists of users that a route needs at the edge, one for each of its http ports; none where its users come from no secret. */
export function userListsOf(scope: Scope, route: Route): string[] {
  if (route.edge?.basicAuthSecret === undefined) return [];
  return servedPorts('edge', route)
    .filter(({ protocol }) => isOverHttp(protocol))
    .map((port) => upstreamName(scope, route.service, port));
}

/** listMark returns by what a list is known, without telling anything of it. */
export function listMark(text: string): string {
  return specHash(text);
}

/** renderListPlaces renders where lists are put and taken away, by those who may set flags: nobody but the workers can read them. */
export function renderListPlaces(folder: string, access: string): string {
  const stores = [
    ['users', `${KEYS_FOLDER}/${LISTS_FOLDER}`],
    [LIST_INDEX_FOLDER, `${folder}/${LIST_INDEX_FOLDER}`],
  ] as const;
  return renderStores(stores, access);
}
