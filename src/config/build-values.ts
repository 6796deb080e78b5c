import { posix } from 'node:path';
import { UserError } from '../model/errors.ts';
import type { GitFolder } from '../model/git-source.ts';
import { isRemoteContext, parseGitContext } from './git-source.ts';

/**
 * parseBuildContext returns what is built: a folder of the repository, as it was written, or one of another repository. It
 * throws for an address of something else, and for a path of the machine.
 */
export function parseBuildContext(context: string): string | GitFolder {
  if (isRemoteContext(context)) return parseGitContext(context);
  if (context.startsWith('/') || /^~(?:\/|$)/.test(context)) {
    throw new UserError(`${JSON.stringify(context)} is a path of the machine that runs the action`, {
      hint: 'Write the folder from where this file lies: ./api.',
    });
  }
  return context;
}

/** What an image of a registry begins with where a folder could be. */
const IMAGE = 'docker-image://';

/**
 * parseNamedContext returns a further context with its name, by which a Dockerfile asks for it. It throws for a name that
 * no Dockerfile could write, and for what is neither a folder of this or another repository nor an image.
 */
export function parseNamedContext(name: string, place: string): [name: string, place: string | GitFolder] {
  if (!/^[a-z0-9][a-z0-9._/:@-]*$/i.test(name)) {
    throw new UserError(`${JSON.stringify(name)} cannot be the name of a context`, {
      hint: 'Use letters, digits, dots, hyphens and underscores.',
    });
  }
  if (place.startsWith('service:')) {
    throw new UserError(`${JSON.stringify(place)} is the image of another service`, {
      hint: 'Build what both need as a stage of one Dockerfile, and choose by target.',
    });
  }
  if (place.startsWith(IMAGE)) {
    if (/^[\w.:/@-]+$/.test(place.slice(IMAGE.length))) return [name, place];
    throw new UserError(`${JSON.stringify(place)} is no image reference`, {
      hint: 'Write docker-image://[registry/]name[:tag][@sha256:digest].',
    });
  }
  if (place.trim() === '') throw new UserError(`context ${name} is empty`);
  return [name, parseBuildContext(place)];
}

/** parseSshKey returns an agent of SSH as BuildKit takes it: `default`, or a name with a path. */
export function parseSshKey(text: string): string {
  if (/^[A-Za-z0-9][\w.-]*(?:=[^,\s"]+)?$/.test(text)) return text;
  throw new UserError(`${JSON.stringify(text)} is no SSH agent`, {
    hint: 'Write default, or a name with the path of a key or a socket: deploy=/tmp/agent.sock.',
  });
}

/**
 * parseFolderBelow returns a folder that is written from another one, without `./` and slashes at its ends; `.` is that one
 * itself. It throws for what is not below it, and for names that a Dockerfile cannot have in every place.
 */
export function parseFolderBelow(path: string): string {
  const folder = posix.normalize(path).replace(/\/+$/, '');
  if (folder.startsWith('/') || folder === '..' || folder.startsWith('../')) {
    throw new UserError(`${JSON.stringify(path)} is not below the folder that is built`, {
      hint: 'Write it from there: apps/api.',
    });
  }
  if (/^[\w.@/ +-]+$/.test(folder)) return folder;
  throw new UserError(`${JSON.stringify(path)} cannot stand in a Dockerfile that is made`, {
    hint: 'Use letters, digits, dots, hyphens and underscores, or write a Dockerfile of your own.',
  });
}

/** parseVersion returns the version of a language: `24`, `3.13`, `22.11.0`. It throws for a number that YAML has shortened. */
export function parseVersion(said: string | number): string {
  if (typeof said === 'number' && !Number.isInteger(said)) {
    throw new UserError('is a number, of which YAML drops zeros at the end', {
      hint: `Write it in quotes: "${said}".`,
    });
  }
  const version = String(said).replace(/^v/, '');
  if (/^\d+(?:\.\d+){0,2}$/.test(version)) return version;
  throw new UserError(`${JSON.stringify(said)} is no version`, { hint: 'Write it as "24" or "24.3".' });
}
