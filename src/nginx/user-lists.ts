import type { Scope } from '../model/names.ts';
import { specHash } from '../model/spec.ts';
import { type Route, servedPorts, upstreamName } from './routes.ts';
import { KEYS_FOLDER } from './tls.ts';

/** Below `KEYS_FOLDER`: users with the hashes of their passwords, from secrets, a file a port. Workers of nginx read it. */
const LISTS_FOLDER = 'user_lists';
/** In the volume of the configuration: which list a port has, without anything of it. */
export const LIST_INDEX_FOLDER = 'user_lists';

/** userListPath returns where nginx finds the users of a port that come from a secret. */
export function userListPath(key: string): string {
  return `${KEYS_FOLDER}/${LISTS_FOLDER}/${key}`;
}

/** userListsOf returns the lists that a route needs at the edge, by the names of its ports; none where no secret has any. */
export function userListsOf(scope: Scope, route: Route): string[] {
  if (route.door?.basicAuthSecret === undefined) return [];
  return servedPorts('edge', route)
    .filter(({ protocol }) => protocol === 'http')
    .map((port) => upstreamName(scope, route.service, port));
}

/** listMark returns by what a list is known, without telling anything of it. */
export function listMark(text: string): string {
  return specHash(text);
}

/**
 * renderListPlaces renders where lists are put and taken away, by those who may set flags: what comes by a rename is there
 * whole or not at all, nobody but the workers can read it, and they read it with each request.
 */
export function renderListPlaces(folder: string, access: string): string {
  const places = [
    ['users', `${KEYS_FOLDER}/${LISTS_FOLDER}`],
    [LIST_INDEX_FOLDER, `${folder}/${LIST_INDEX_FOLDER}`],
  ] as const;
  return places
    .map(
      ([path, place]) => `        location /${path}/ {
            include ${access};
            if ($request_method !~ "^(?:PUT|DELETE)$") { return 405; }
            alias ${place}/;
            client_body_temp_path ${place};
            dav_methods PUT DELETE;
        }
`,
    )
    .join('');
}
