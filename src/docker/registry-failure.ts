import { isFullDisk, ROOM_ON_SERVER } from './full-disk.ts';

/** Why a server did not get an image, and what to do next. */
export interface RegistryFailure {
  what: string;
  hint: string;
}

/**
 * explainRegistry tells apart, by the engine's own words, a full disk, an image that is not there, one that the runner may
 * not read and a registry that cannot be reached. `isLoggedIn` says whether credentials were sent along. Pure.
 */
export function explainRegistry(said: string, isLoggedIn: boolean): RegistryFailure {
  const login = isLoggedIn
    ? 'The login is that of the run (registry-username, or docker login): may it read this image?'
    : 'If the image is private, give registry-username and registry-password, or log in before this step (docker/login-action).';
  if (isFullDisk(said)) return { what: 'the server has no space left', hint: ROOM_ON_SERVER };
  if (/toomanyrequests|rate limit/i.test(said)) {
    return { what: 'the registry has had too many requests', hint: `Run again later. ${login}` };
  }
  if (UNREACHED.test(said)) {
    return {
      what: 'the registry cannot be reached from the server',
      hint: 'Is its name right, and do DNS, firewall and proxy of the server let Docker out? "docker pull" there says the same.',
    };
  }
  if (
    /repository does not exist or may require|denied|unauthorized|authentication required|forbidden|no basic auth/i.test(
      said,
    )
  ) {
    return {
      what: 'the registry has no such image, or does not give it to this runner',
      hint: `Is the name right? ${login}`,
    };
  }
  if (/manifest unknown|not found|no such (?:image|manifest)|name unknown|does not exist/i.test(said)) {
    return {
      what: 'the registry does not have this image',
      hint: 'Is the tag right, and was the image pushed before this step?',
    };
  }
  return { what: 'the registry did not give it', hint: login };
}

const UNREACHED =
  /no such host|i\/o timeout|timeout exceeded|deadline exceeded|aborted due to timeout|connection refused|connection reset|network is unreachable|no route to host|server misbehaving|tls: |x509|gave HTTP response to HTTPS client|\bEOF\b/i;
