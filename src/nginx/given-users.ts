import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import type { NginxInstance } from './instance.ts';
import { LIST_INDEX_FOLDER, listMark, userListPath } from './user-lists.ts';

/** putUserList gives an edge the users of a port, and tells it last which they are. */
export async function putUserList(
  edge: NginxInstance,
  key: string,
  text: string,
  clock: Clock,
): Promise<void> {
  await edge.store(`/users/${key}`, text, clock);
  await edge.store(`/${LIST_INDEX_FOLDER}/${key}`, `${listMark(text)}\n`, clock);
}

/** removeUserList takes the users of a port away from an edge. */
export async function removeUserList(edge: NginxInstance, key: string, clock: Clock): Promise<void> {
  await edge.store(`/${LIST_INDEX_FOLDER}/${key}`, undefined, clock);
  await edge.store(`/users/${key}`, undefined, clock);
}

/** readUserList returns the users of a port as an edge has them. It throws a UserError where it has none. */
export async function readUserList({ server, id, title }: NginxInstance, key: string): Promise<string> {
  const found = await server.engine.readFiles(id, userListPath(key)).catch(() => undefined);
  const text = [...(found?.values() ?? [])][0];
  if (text !== undefined) return text;
  throw new UserError(`${title} has no users for ${key}, though it says so`, {
    hint: 'Somebody has changed the volume switchyard_edge_keys. Deploy with the input "secrets".',
  });
}
