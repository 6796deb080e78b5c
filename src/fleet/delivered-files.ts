import { randomBytes } from 'node:crypto';
import type { ArchiveEntry } from '../docker/archive.ts';
import { isStatus } from '../docker/http.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { FILES_FOLDER, filesVolumeName, type Scope } from '../model/names.ts';
import type { FileContent, FileSpec } from '../model/spec.ts';
import type { SecretValues } from './secret-sets.ts';
import type { Server } from './server.ts';
import { throughVolume, type VolumeAccess } from './volume-access.ts';

/** Below it, in the volume, lies what is mounted; only root passes it, whoever else runs in the container. */
const STORE = 'files';

/** The volume with the files of a container, and what of it is mounted where. */
export interface DeliveredFiles {
  volume: string;
  mounts: { source: string; target: string }[];
}

/** What files are delivered for. */
export interface Delivery {
  /** The name of the container that shall have them. */
  container: string;
  service: string;
  files: readonly FileSpec[];
  /** The image of that container, and what it says beside. */
  image: string;
  platform?: string | undefined;
  user?: string | undefined;
  /** Values by the names in the files. */
  secrets: SecretValues;
}

/**
 * deliverFiles writes the files of a container that is to be created into a new volume of its own. It is whole before
 * there is a container that mounts it, so none can start without its files; a volume that no container mounts is a
 * leftover. Each file or folder is mounted by its path on the server: no engine before 26 mounts a part of a volume.
 * It returns undefined where there is nothing to deliver, and throws a UserError where the server cannot keep it.
 */
export async function deliverFiles(
  server: Server,
  scope: Scope,
  delivery: Delivery,
): Promise<DeliveredFiles | undefined> {
  const { container, service, files, image, platform } = delivery;
  if (files.length === 0) return undefined;
  const { engine, name } = server;
  const volume = filesVolumeName(container, randomBytes(4).toString('hex'));
  try {
    const folder = await engine.createVolume(volume, {
      [LABEL.role]: 'files',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
      [LABEL.service]: service,
    });
    const access: VolumeAccess = { volume, folder: FILES_FOLDER, image, platform };
    await throughVolume(server, scope, access, async (helper) => {
      const owner = await ownerIn(server, helper, delivery);
      await engine.writeEntries(helper, FILES_FOLDER, entriesOf(delivery, owner));
    });
    const mounts = targetsOf(files).map((target, index) => ({
      source: `${folder}/${STORE}/${index}`,
      target,
    }));
    return { volume, mounts };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${name}: the files of ${service} cannot be delivered: ${messageOf(error)}`, {
      hint: `What served before serves on. They are written to the volume ${volume}: is the disk full?`,
      cause: error,
    });
  }
}

/** removeWithFiles removes a container, running or not, and the volume of its files; a missing one is fine. */
export async function removeWithFiles({ engine }: Pick<Server, 'engine'>, id: string): Promise<void> {
  const found = await engine.findContainer(id);
  await engine.removeContainer(id);
  const volumes = (found?.Mounts ?? []).filter(({ Destination }) => Destination === FILES_FOLDER);
  for (const { Name } of volumes) if (Name) await engine.removeVolume(Name);
}

/** giveUpFiles removes files that no container was created for; where it cannot, they are a leftover. */
export async function giveUpFiles({ engine }: Pick<Server, 'engine'>, files: DeliveredFiles | undefined) {
  if (files !== undefined) await engine.removeVolume(files.volume).catch(() => undefined);
}

/** User and group by number. */
interface Owner {
  uid: number;
  gid: number;
}

const ROOT: Owner = { uid: 0, gid: 0 };

/** entriesOf returns the archive with what is delivered, each target under its number. Pure. */
export function entriesOf(
  { files, secrets }: Pick<Delivery, 'files' | 'secrets'>,
  owner: Owner,
): ArchiveEntry[] {
  const entries: ArchiveEntry[] = [{ path: STORE, mode: 0o700, ...ROOT }];
  for (const [index, target] of targetsOf(files).entries()) {
    const place = `${STORE}/${index}`;
    const own = files.filter((file) => file.target === target);
    const folders = new Set(own.flatMap(({ path }) => (path === undefined ? [] : foldersOf(place, path))));
    for (const folder of folders) entries.push({ path: folder, mode: 0o755, ...ROOT });
    for (const { path, mode, uid = owner.uid, gid = owner.gid, content } of own) {
      const bytes = bytesOf(content, secrets);
      entries.push({ path: path === undefined ? place : `${place}/${path}`, content: bytes, mode, uid, gid });
    }
  }
  return entries;
}

/** targetsOf returns where something is mounted, each place once. */
function targetsOf(files: readonly FileSpec[]): string[] {
  return [...new Set(files.map(({ target }) => target))];
}

/** The folder at `place` and those below it that lead to `path`, from the top. */
function foldersOf(place: string, path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return [place, ...parts.map((_part, index) => [place, ...parts.slice(0, index + 1)].join('/'))];
}

function bytesOf(content: FileContent, secrets: SecretValues): Buffer {
  if ('text' in content) return Buffer.from(content.text);
  if ('base64' in content) return Buffer.from(content.base64, 'base64');
  const value = secrets[content.secret];
  if (value === undefined) throw new Error(`nobody has the value of ${content.secret}`);
  return Buffer.from(value, content.encoding ?? 'utf8');
}

/** The user that the container will run as; the image knows which numbers its names have. */
async function ownerIn({ engine }: Server, helper: string, { files, image, user }: Delivery): Promise<Owner> {
  if (files.every(({ uid, gid }) => uid !== undefined && gid !== undefined)) return ROOT;
  const said = user || (await engine.findImage(image))?.Config?.User || '';
  if (said === '') return ROOT;
  const read = async (path: string) => {
    const [text = ''] = await engine
      .readFiles(helper, path)
      .then((found) => found.values())
      .catch((error: unknown) => {
        if (isStatus(error, 404)) return [];
        throw error;
      });
    return text;
  };
  return ownerOf(said, { passwd: await read('/etc/passwd'), group: await read('/etc/group') });
}

/**
 * ownerOf returns the numbers of `user` or `user:group`, by what an image has in /etc/passwd and /etc/group; a name that
 * it does not know is root, since the engine will refuse that container itself. Pure.
 */
export function ownerOf(said: string, { passwd, group }: { passwd: string; group: string }): Owner {
  const [user = '', ownGroup] = said.split(':');
  const rows = (text: string) => text.split('\n').map((line) => line.split(':'));
  const account = rows(passwd).find(([name, , uid]) => name === user || uid === user);
  const uid = Number(/^\d+$/.test(user) ? user : (account?.[2] ?? 0));
  if (ownGroup === undefined) return { uid, gid: Number(account?.[3] ?? 0) };
  const found = rows(group).find(([name]) => name === ownGroup);
  return { uid, gid: Number(/^\d+$/.test(ownGroup) ? ownGroup : (found?.[2] ?? 0)) };
}
