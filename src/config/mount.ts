import { cleanPath, isAbsolutePath } from '../model/container-path.ts';
import { UserError } from '../model/errors.ts';
import { BACKUPS_VOLUME, SECRETS_VOLUME, SIDECAR_ALIAS } from '../model/names.ts';
import type { MountMore, VolumeMount } from '../model/spec.ts';

/** The names that the engine takes for a volume. */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** `{project}_{env}_nginx` is the sidecar's configuration, `…_secrets` keeps the values of secrets, `…_backups` backups. */
const RESERVED_VOLUMES: readonly string[] = [SIDECAR_ALIAS, SECRETS_VOLUME, BACKUPS_VOLUME];

/** isOfRepository tells whether a mount is a file or folder of the repository: `./loki.yml`, `../conf`, `.`. */
export function isOfRepository({ type, source = '' }: Pick<VolumeMount, 'type' | 'source'>): boolean {
  return type === 'bind' && RELATIVE.test(source);
}

const RELATIVE = /^\.{1,2}(?:\/|$)/;

/** A mount in Compose's long form, its keys as in the file. */
export interface LongMount {
  type: 'volume' | 'bind' | 'tmpfs';
  source?: string | undefined;
  target: string;
  read_only?: boolean | undefined;
  external?: boolean | undefined;
  bind?:
    | {
        create_host_path?: boolean | undefined;
        propagation?: string | undefined;
        recursive?: 'enabled' | 'disabled' | 'writable' | 'readonly' | undefined;
        selinux?: 'z' | 'Z' | undefined;
      }
    | undefined;
  volume?:
    | {
        nocopy?: boolean | undefined;
        subpath?: string | undefined;
        labels?: Record<string, string> | undefined;
      }
    | undefined;
  tmpfs?: { size?: number | undefined; mode?: number | undefined } | undefined;
}

/** Options of the short form that say how the other side sees mounts. */
const PROPAGATIONS: readonly string[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** Words for Docker Desktop, without effect on Linux. */
const CONSISTENCIES: readonly string[] = ['consistent', 'cached', 'delegated'];

/**
 * parseShortMount reads Compose's short form of a volume, `name:/target[:options]`, `/path/on/the/server:/target[:options]`
 * `./file/of/the/repository:/target:ro`, or `/target` alone, a volume without a name; options are `ro`, `rw`, `z`, `Z`, `nocopy` and a propagation, with commas.
 * It throws for other options.
 */
export function parseShortMount(text: string): VolumeMount {
  const [first = '', target, options = '', ...rest] = text.split(':');
  const words = options.split(',').filter((word) => word !== '');
  const known = [...PROPAGATIONS, ...CONSISTENCIES, 'ro', 'rw', 'z', 'Z', 'nocopy'];
  if (text === '' || rest.length > 0 || words.some((word) => !known.includes(word))) {
    throw new UserError(`${JSON.stringify(text)} is no volume`, {
      hint: 'Write name:/target, /path/on/the/server:/target or /target; then, if need be, :ro or :z.',
    });
  }
  if (target === undefined) return checkMount({ type: 'volume', target: first });
  const propagation = words.find((word) => PROPAGATIONS.includes(word));
  const selinux = words.find((word): word is 'z' | 'Z' => word === 'z' || word === 'Z');
  return checkMount({
    type: first.startsWith('/') || RELATIVE.test(first) ? 'bind' : 'volume',
    source: first,
    target,
    read_only: words.includes('ro'),
    bind: { propagation, selinux },
    volume: { nocopy: words.includes('nocopy') },
  });
}

/** checkMount returns the mount of a long form. It throws when its source or target cannot be, and for options of another type. */
export function checkMount(said: LongMount): VolumeMount {
  const { type, target, read_only, external } = said;
  const source = type === 'bind' ? asPath(said.source) : said.source;
  if (!isAbsolutePath(target) || cleanPath(target) === '/') {
    throw new UserError(`${JSON.stringify(target)} is no place for a volume in a container`, {
      hint: 'Write an absolute path below /.',
    });
  }
  if (external && type !== 'volume') throw new UserError(`a ${type} mount cannot be external`);
  const more = moreOf(said);
  const mount = {
    type,
    target: cleanPath(target),
    readOnly: read_only ?? false,
    ...(Object.keys(more).length > 0 && { more }),
  };
  if (type === 'tmpfs') {
    if (source !== undefined) throw new UserError('a tmpfs mount has no source');
    return mount;
  }
  if (source === undefined && type === 'volume' && !external) return mount;
  if (source === undefined || source === '') {
    throw new UserError(`the ${type} mounted at ${target} has no source`, {
      hint: type === 'bind' ? 'Write the path on the server.' : 'Give it a name (name:/target).',
    });
  }
  if (isOfRepository({ type, source })) {
    if (mount.readOnly) return { ...mount, source };
    throw new UserError(`${source} is of the repository, and a container cannot write there`, {
      hint: `Write ${source}:${target}:ro for what the app only reads, and ${volumeNameFor(source)}:${target}, a volume, for what it writes.`,
    });
  }
  if (/^[.~]/.test(source)) {
    throw new UserError(`volume source ${JSON.stringify(source)} is a relative path`, {
      hint: 'Write ./path:/target:ro for a file of the repository, an absolute path for one of the server, or a volume name.',
    });
  }
  if (type === 'volume' && !VOLUME_NAME.test(source)) {
    throw new UserError(`${JSON.stringify(source)} is no volume name`, {
      hint: source.includes('/')
        ? `Write ./${source}:${target}:ro for a file or folder of the repository, /${source}:${target} for one of the server.`
        : 'Use letters, digits, hyphens, dots and underscores, starting with a letter or digit.',
    });
  }
  if (type === 'volume' && RESERVED_VOLUMES.includes(source) && !external) {
    throw new UserError(`volume name "${source}" is reserved for Switchyard's own files`);
  }
  return { ...mount, source, ...(external && { external }) };
}

/** volumeNameFor returns a name for a volume in place of a path. */
function volumeNameFor(path: string): string {
  const last = path.split('/').findLast((part) => part !== '') ?? '';
  const name = last.replaceAll(/[^a-zA-Z0-9_.-]/g, '').replace(/^[^a-zA-Z0-9]+/, '');
  return name === '' ? 'data' : name;
}

/** asPath returns the source of a bind as a path: one that begins with a name counts from the folder of the file, as in Compose. */
function asPath(source: string | undefined): string | undefined {
  return source !== undefined && /^[^./~]/.test(source) ? `./${source}` : source;
}

/** What a mount says beside type, places and whether it is read-only; what it says as a default is left out. */
function moreOf({ type, bind = {}, volume = {}, tmpfs = {} }: LongMount): MountMore {
  const { recursive } = bind;
  const parts = {
    bind: {
      ...(bind.create_host_path && { createHostPath: true as const }),
      ...(bind.propagation !== undefined && { propagation: bind.propagation }),
      ...(recursive !== undefined && recursive !== 'enabled' && { recursive }),
    },
    volume: {
      ...(volume.nocopy && { nocopy: true as const }),
      ...(volume.subpath !== undefined && { subpath: volume.subpath }),
      ...(volume.labels !== undefined && { labels: volume.labels }),
    },
    tmpfs: {
      ...(tmpfs.size !== undefined && { sizeBytes: tmpfs.size }),
      ...(tmpfs.mode !== undefined && { mode: tmpfs.mode }),
    },
  };
  for (const [name, options] of Object.entries(parts)) {
    const [first] = Object.keys(options);
    if (name !== type && first !== undefined) {
      throw new UserError(`a ${type} mount has no options of a ${name} (${first})`);
    }
  }
  if (bind.selinux !== undefined && type === 'tmpfs')
    throw new UserError('a tmpfs mount has no label of SELinux');
  return { ...parts[type], ...(bind.selinux !== undefined && { selinux: bind.selinux }) };
}
