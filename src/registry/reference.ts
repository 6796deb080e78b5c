/** Where an image is, as its registry is asked for it. */
export interface ImageReference {
  /** Host of the registry for people and for credentials: `ghcr.io`, `docker.io`. */
  host: string;
  /** Where its API is: `https://ghcr.io`. */
  origin: string;
  /** `acme/api`. */
  path: string;
  /** A tag, or a digest. */
  reference: string;
}

/** Engines trust a registry of their own machine without TLS. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** parseReference takes the name of an image apart, by the rules of distribution/reference. Pure. */
export function parseReference(image: string): ImageReference {
  const [name = '', digest] = image.split('@');
  const [first = '', ...rest] = name.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const isHub = !isHost || /^(?:index\.)?docker\.io$/.test(first);
  const path = isHost ? rest.join('/') : name;
  const [, repository = path, tag = 'latest'] = /^(.*?)(?::([^/:]+))?$/.exec(path) ?? [];
  return {
    host: isHub ? 'docker.io' : first,
    origin: isHub ? 'https://registry-1.docker.io' : `${LOOPBACK.test(first) ? 'http' : 'https'}://${first}`,
    path: isHub && !repository.includes('/') ? `library/${repository}` : repository,
    reference: digest ?? tag,
  };
}
