import { gunzipSync } from 'node:zlib';

/** What a registry has under a name: an image, or a list of images and of what is said of them. */
interface Manifest {
  mediaType?: string;
  config?: { digest: string };
  layers?: { digest: string; mediaType: string }[];
  manifests?: { digest: string; platform?: { os?: string } }[];
}

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** manifestOf returns what the lab's registry has under the name of an image, and its digest. */
export async function manifestOf(image: string): Promise<Manifest & { digest: string }> {
  const answer = await ask(image, 'manifests', referenceOf(image));
  return {
    ...((await answer.json()) as Manifest),
    digest: answer.headers.get('docker-content-digest') ?? '',
  };
}

/** configOf returns the configuration of an image by its digest. */
export async function configOf(image: string): Promise<{ config: { Labels?: Record<string, string> } }> {
  const { config } = await manifestOf(image);
  return JSON.parse((await blobOf(image, config!.digest)).toString());
}

/** attestationsOf returns what is said of an image in the list that has this name, as text; empty where there is no list. */
export async function attestationsOf(image: string): Promise<string> {
  const { manifests = [] } = await manifestOf(image);
  const about = manifests.filter(({ platform }) => platform?.os === 'unknown');
  const texts = about.map(({ digest }) => textOf(`${repositoryOf(image)}@${digest}`));
  return (await Promise.all(texts)).join('\n');
}

/** textOf returns all bytes of an image, unpacked, in which one can look for what must not be there. */
export async function textOf(image: string): Promise<string> {
  const { config, layers = [] } = await manifestOf(image);
  const digests = [...(config === undefined ? [] : [config.digest]), ...layers.map(({ digest }) => digest)];
  const blobs = await Promise.all(digests.map((digest) => blobOf(image, digest)));
  return blobs.map((blob) => (isGzip(blob) ? gunzipSync(blob) : blob).toString('latin1')).join('\n');
}

/** forgetImage takes what has this name out of the lab's registry, under all its names. */
export async function forgetImage(image: string): Promise<void> {
  const { digest } = await manifestOf(image);
  await ask(image, 'manifests', digest, 'DELETE');
}

const repositoryOf = (image: string) => image.replace(/(?:@[^/]+|:[^/:@]+)$/, '');
const referenceOf = (image: string) => image.slice(repositoryOf(image).length + 1);
const isGzip = (blob: Buffer) => blob[0] === 0x1f && blob[1] === 0x8b;

async function blobOf(image: string, digest: string): Promise<Buffer> {
  return Buffer.from(await (await ask(image, 'blobs', digest)).arrayBuffer());
}

async function ask(
  image: string,
  kind: 'manifests' | 'blobs',
  reference: string,
  method = 'GET',
): Promise<Response> {
  const [host = '', ...path] = repositoryOf(image).split('/');
  const url = `http://${host}/v2/${path.join('/')}/${kind}/${reference}`;
  const answer = await fetch(url, { method, headers: { accept: MANIFESTS } });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}
