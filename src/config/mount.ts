import { UserError } from '../model/errors.ts';
import { SECRETS_VOLUME, SIDECAR_ALIAS } from '../model/names.ts';
import type { VolumeMount } from '../model/spec.ts';

/** The names that the engine takes for a volume. */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** `{project}_{env}_nginx` is the sidecar's configuration, `…_secrets` keeps the values of secrets. */
const RESERVED_VOLUMES: readonly string[] = [SIDECAR_ALIAS, SECRETS_VOLUME];

/** A mount in Compose's long form, its keys as in the file. */
export interface LongMount {
  type: 'volume' | 'bind' | 'tmpfs';
  source?: string | undefined;
  target: string;
  read_only?: boolean | undefined;
  external?: boolean | undefined;
}

/**
 * parseShortMount reads Compose's short form of a volume, `name:/target[:ro|rw]` or
 * `/path/on/the/server:/target[:ro|rw]`. It throws for other options, relative sources, and no source.
 */
export function parseShortMount(text: string): VolumeMount {
  const parts = text.split(':');
  const hasSource = parts.length > 1 && (parts[1] ?? '').startsWith('/');
  const [source, target = '', mode = 'rw', ...rest] = hasSource ? parts : [undefined, ...parts];
  if (!['ro', 'rw'].includes(mode) || rest.length > 0) {
    throw new UserError(`${JSON.stringify(text)} is no volume`, {
      hint: 'Write name:/target, name:/target:ro or /path/on/the/server:/target.',
    });
  }
  const type = source?.startsWith('/') ? 'bind' : 'volume';
  return checkMount({ type, source, target, read_only: mode === 'ro' });
}

/** checkMount returns the mount of a long form. It throws when its source or target cannot be. */
export function checkMount({ type, source, target, read_only, external }: LongMount): VolumeMount {
  if (!isAbsolutePath(target) || target === '/') {
    throw new UserError(`${JSON.stringify(target)} is no place for a volume in a container`, {
      hint: 'Write an absolute path below /.',
    });
  }
  if (external && type !== 'volume') throw new UserError(`a ${type} mount cannot be external`);
  const mount = { type, target: target.replace(/(?!^)\/+$/, ''), readOnly: read_only ?? false };
  if (type === 'tmpfs') {
    if (source !== undefined) throw new UserError('a tmpfs mount has no source');
    return mount;
  }
  if (source === undefined || source === '') {
    throw new UserError(`the ${type} mounted at ${target} has no source`, {
      hint: 'Give it a name (name:/target): a nameless volume is empty after every deploy. For scratch space use type: tmpfs.',
    });
  }
  if (/^[.~]/.test(source)) {
    throw new UserError(`volume source ${JSON.stringify(source)} is a relative path`, {
      hint: 'There is no checkout on the server that it could be relative to: write an absolute path or a volume name.',
    });
  }
  if (type === 'bind' && !isAbsolutePath(source)) {
    throw new UserError(`bind source ${JSON.stringify(source)} is no absolute path on the server`);
  }
  if (type === 'volume' && !VOLUME_NAME.test(source)) {
    throw new UserError(`${JSON.stringify(source)} is no volume name`, {
      hint: 'Use letters, digits, hyphens, dots and underscores, starting with a letter or digit.',
    });
  }
  if (type === 'volume' && RESERVED_VOLUMES.includes(source) && !external) {
    throw new UserError(`volume name "${source}" is reserved for Switchyard's own files`);
  }
  return { ...mount, source, ...(external && { external }) };
}

/** isAbsolutePath tells whether `path` begins with `/` and holds no colon or control character. */
export function isAbsolutePath(path: string): boolean {
  return path.startsWith('/') && !/[:\p{Cc}]/u.test(path);
}
