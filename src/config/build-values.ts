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
