/** shortName returns an image name without what Docker leaves out: `redis` for `docker.io/library/redis`. */
export function shortName(name: string): string {
  return name.replace(/^docker\.io\//, '').replace(/^library\//, '');
}

/** repositoryOf returns an image name without tag and digest. */
export function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

/** namesOf returns the names by which an engine knows an image that is written so: with its tag, and by its digest. */
export function namesOf(image: string): string[] {
  const [tagged = '', digest] = shortName(image).split('@');
  const repository = repositoryOf(tagged);
  const isTagged = tagged !== repository;
  return [
    ...(isTagged || digest === undefined ? [isTagged ? tagged : `${tagged}:latest`] : []),
    ...(digest === undefined ? [] : [`${repository}@${digest}`]),
  ];
}

/** taggedName returns an image's name with the tag that it stands for: the engine would take a bare name for all tags. */
export function taggedName(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}

/** DIGEST_TAG is how a digest is written as a tag, where there is no other way: OCI registries write it so as well. */
export const DIGEST_TAG = /^sha256-([0-9a-f]{64})$/;

/** A commit's hash as a tag is known by its beginning. */
const LONGEST_TAG = 20;
const SHORT_TAG = 12;

/** versionText returns by what people know an image: its tag, or the beginning of its digest; a long tag is cut. */
export function versionText(image: string): string {
  const [name = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const said = tag === undefined ? digest : DIGEST_TAG.test(tag) ? tag.replace('-', ':') : undefined;
  if (said !== undefined) return said.slice(0, 'sha256:'.length + SHORT_TAG);
  if (tag === undefined) return 'latest';
  return tag.length > LONGEST_TAG ? `${tag.slice(0, SHORT_TAG)}…` : tag;
}
