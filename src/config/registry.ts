import { UserError } from '../model/errors.ts';
import { parseImage } from './image.ts';

/** parseRegistry takes `address/user` apart; `none` is no registry. It throws for what is neither. */
export function parseRegistry(text: string): { address: string; user?: string } | 'none' {
  if (text === 'none') return 'none';
  const [address = '', ...path] = text.split('/');
  const user = path.join('/');
  return {
    address: parseRegistryAddress(address),
    ...(path.length > 0 && { user: parseRegistryUser(user) }),
  };
}

/** parseRegistryAddress returns the host of a registry with its port, if it has one. It throws for a URL and for a path. */
export function parseRegistryAddress(address: string): string {
  const isHost = /[.:]/.test(address) || address === 'localhost';
  if (isHost && isImage(`${address}/image`)) return address;
  throw new UserError(`${JSON.stringify(address)} is no address of a registry`, {
    hint: 'Write its host without https://, such as ghcr.io, docker.io or registry.example.com:5000; the account comes behind a slash. Without a registry, write registry: none.',
  });
}

/** parseRegistryUser returns the path below which images lie. It throws for upper case, which no registry takes. */
export function parseRegistryUser(user: string): string {
  if (isImage(`registry.example.com/${user}/image`) && !/[:@]/.test(user)) return user;
  const lowered = user.toLowerCase();
  throw new UserError(`${JSON.stringify(user)} cannot be a part of the name of an image`, {
    hint:
      lowered !== user && isImage(`registry.example.com/${lowered}/image`)
        ? `Registries keep names in lower case: write ${lowered}.`
        : 'Use lower-case letters, digits, dots, hyphens and underscores: ghcr.io/acme.',
  });
}

function isImage(name: string): boolean {
  try {
    parseImage(name);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
