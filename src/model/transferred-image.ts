import { DIGEST_TAG, repositoryOf } from './image-name.ts';

/**
 * transferredName returns the name that an image of no registry has on servers: `shop-production-api:sha256-ab…` for
 * `shop-production-api@sha256:ab…`. An engine knows an image by its digest only in a repository that it was pulled from,
 * and there is none; the tag says the same, and follows from the digest alone. Undefined for an image without a digest. Pure.
 */
export function transferredName(image: string): string | undefined {
  const digest = /@sha256:([0-9a-f]{64})$/.exec(image)?.[1];
  return digest === undefined ? undefined : `${repositoryOf(image)}:sha256-${digest}`;
}

/**
 * transferredDigest returns an image by its digest, `shop-production-api@sha256:ab…`, where it is named as transferredName
 * has it; undefined for any other. Pure.
 */
export function transferredDigest(image: string): string | undefined {
  const repository = repositoryOf(image);
  const digest = DIGEST_TAG.exec(image.slice(repository.length + 1))?.[1];
  return digest === undefined ? undefined : `${repository}@sha256:${digest}`;
}

/** isTransferred tells whether an image comes to servers from the runner and from no registry, by its name. Pure. */
export function isTransferred(image: string): boolean {
  return transferredDigest(image) !== undefined;
}

/** nameInTransfer returns the name by which a server pulls an image from the runner: `token` is known to nobody else. Pure. */
export function nameInTransfer(port: number, { token, name }: { token: string; name: string }): string {
  return `127.0.0.1:${port}/${token}/${name}`;
}

/** isNameInTransfer tells names of nameInTransfer from others: one that is found later is of a run that was cut off. Pure. */
export function isNameInTransfer(name: string): boolean {
  return /^127\.0\.0\.1:\d+\/[0-9a-f]{32}\//.test(name);
}
