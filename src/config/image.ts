import { UserError } from '../model/errors.ts';

/** The grammar of image references: https://pkg.go.dev/github.com/distribution/reference */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const REGISTRY = '(?:[a-zA-Z0-9.-]+|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
const REFERENCE = new RegExp(
  `^(?:${REGISTRY}/)?(?<path>${COMPONENT}(?:/${COMPONENT})*)(?::\\w[\\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`,
);

/** parseImage returns `image` as it is. It throws unless it is `[registry/]path[:tag][@sha256:digest]`. */
export function parseImage(image: string): string {
  if (REFERENCE.test(image)) return image;
  throw new UserError(`${JSON.stringify(image)} is no image reference`, {
    hint: 'Write [registry/]name[:tag][@sha256:digest], the name in lower case: ghcr.io/acme/api:1.2.3.',
  });
}

/** imageBaseName returns the last part of the image's path: `redis` of `docker.io/library/redis:7@sha256:…`. */
export function imageBaseName(image: string): string {
  const path = REFERENCE.exec(image)?.groups?.path ?? '';
  return path.slice(path.lastIndexOf('/') + 1);
}
