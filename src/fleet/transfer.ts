import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { packEach, type SentEntry } from '../docker/archive.ts';
import type { PullProgress } from '../docker/engine.ts';
import { repositoryOf } from '../model/image-name.ts';
import { nameInTransfer } from '../model/transferred-image.ts';
import { type Beginning, beginningsOf } from '../registry/beginnings.ts';
import { type LayoutImage, platformOf, transferSize } from '../registry/layout.ts';
import { LayoutRegistry, type ServedBlob, type ServedImage } from '../registry/layout-registry.ts';
import type { Server } from './server.ts';

/** What bringing an image from the runner to a server needs. */
export interface Transfer {
  image: LayoutImage;
  /** The name that the image has there afterwards, with its tag. */
  name: string;
  /** That of the server unless given. */
  platform?: string | undefined;
  onProgress(progress: PullProgress): void;
  /** onPulled is called when the server has the image, under a name that it shall not keep. */
  onPulled?(): void;
  signal: AbortSignal;
}

/**
 * transferImage brings an image from this machine to a server, and returns how many bytes of its blobs were sent. The engine
 * there pulls it by its digest from a port of its own 127.0.0.1 that leads here, so it compares everything with that digest,
 * and layers that it has do not travel. Engines talk to registries of 127.0.0.0/8 without TLS. What a large image begins
 * with is kept there as soon as it has come, so that a transfer that is cut off need not begin anew. It throws a
 * ForwardingRefused where sshd does not listen for this user.
 */
export async function transferImage(
  server: Pick<Server, 'engine' | 'listen'>,
  { image, name, platform, onProgress, onPulled, signal }: Transfer,
): Promise<number> {
  const { engine } = server;
  const repository = repositoryOf(name);
  // Of which platform the server is, nobody has asked.
  const isKnown = image.platforms.length === 1 || platform !== undefined;
  const beginnings = isKnown ? beginningsOf(platformOf(image, platform)) : [];
  const registry = new LayoutRegistry(withBeginnings(image, beginnings), repository);
  const listener = await server.listen((stream) => registry.accept(stream));
  const { token } = registry;
  const nameOf = (digest: string) =>
    `${nameInTransfer(listener.port, { token, name: repository })}@${digest}`;
  const pulled = nameOf(image.digest);
  let isOver = false;
  try {
    const names = beginnings.map(({ manifest }) => nameOf(manifest.digest));
    const keeping = pullInTurn(engine, names, { signal, isOver: () => isOver });
    await engine.pullImage(pulled, { ...(platform !== undefined && { platform }), onProgress, signal });
    isOver = true;
    onPulled?.();
    await engine.tagImage(pulled, name);
    for (const one of [pulled, ...(await keeping)]) await engine.removeImage(one);
  } finally {
    await listener.close();
    registry.close();
  }
  return registry.sentBytes;
}

function withBeginnings({ manifests, blobs }: LayoutImage, beginnings: readonly Beginning[]): ServedImage {
  const served = {
    manifests: new Map<string, ServedBlob>(manifests),
    blobs: new Map<string, ServedBlob>(blobs),
  };
  for (const { manifest, config } of beginnings) {
    served.manifests.set(manifest.digest, manifest);
    served.blobs.set(config.digest, config);
  }
  return served;
}

/**
 * Pulls images one after the other until there are all, one cannot be had or it is over: nothing depends on them. An engine
 * that is bringing a layer for one pull does not bring it again for another. It returns those that may be there.
 */
async function pullInTurn(
  engine: Server['engine'],
  names: readonly string[],
  { signal, isOver }: { signal: AbortSignal; isOver(): boolean },
): Promise<string[]> {
  const begun: string[] = [];
  for (const name of names) {
    if (isOver()) break;
    begun.push(name);
    const isThere = await engine.pullImage(name, { onProgress: () => undefined, signal }).then(
      () => true,
      () => false,
    );
    if (!isThere) break;
  }
  return begun;
}

/**
 * loadImage is transferImage where sshd does not listen: the whole image goes to the engine over the connection, layers that
 * it has too. The engine compares the layers with the configuration, by whose digest it knows the image.
 */
export async function loadImage(
  { engine }: Pick<Server, 'engine'>,
  { image, name, platform, onProgress, onPulled, signal }: Transfer,
): Promise<number> {
  const { config, layers } = platformOf(image, platform);
  const total = transferSize(layers);
  let sent = 0;
  const count = (bytes: number) => {
    sent += bytes;
    onProgress({ id: config.digest, status: 'Downloading', progressDetail: { current: sent, total } });
  };
  const list = [
    {
      Config: pathOf(config.digest),
      RepoTags: [name],
      Layers: layers.map(({ digest }) => pathOf(digest)),
    },
  ];
  const text = Buffer.from(JSON.stringify(list));
  const files = new Map(layers.map((layer) => [layer.digest, layer]));
  const entries: SentEntry[] = [
    ...[...files.values()].map(({ digest, path, size }) => ({
      path: pathOf(digest),
      size,
      content: () => createReadStream(path).on('data', (chunk) => count(chunk.length)),
    })),
    { path: pathOf(config.digest), size: config.size, content: () => createReadStream(config.path) },
    { path: 'manifest.json', size: text.length, content: () => Readable.from([text]) },
  ];
  await engine.loadImages(packEach(entries), signal);
  onPulled?.();
  return sent;
}

/** As an OCI layout has it, and what `docker save` has written since it is one. */
function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
