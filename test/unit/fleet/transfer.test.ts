import { type AddressInfo, createServer, type Server as TcpServer } from 'node:net';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eachEntry } from '../../../src/docker/archive.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { loadImage, type Transfer, transferImage } from '../../../src/fleet/transfer.ts';
import { isNameInTransfer } from '../../../src/model/transferred-image.ts';
import { platformOf } from '../../../src/registry/layout.ts';
import { digestOf, keptImage } from '../registry/layouts.ts';

const NAME = 'acme/api:sha256-0';

/** What an engine was asked for, in turn; it asks for the manifest of what it pulls, as engines begin. */
let asked: string[];
let refused: string | undefined;
let loaded: Map<string, number>;
let tcp: TcpServer | undefined;

const engine = {
  async pullImage(name: string) {
    asked.push(`pull ${name}`);
    if (refused !== undefined) throw new Error(refused);
    const [repository = '', digest] = name.split('@');
    const [host, ...path] = repository.split('/');
    const manifest = await fetch(`http://${host}/v2/${path.join('/')}/manifests/${digest}`);
    expect(digestOf(await manifest.text())).toBe(digest);
  },
  async tagImage(image: string, name: string) {
    asked.push(`tag ${image} ${name}`);
  },
  async removeImage(name: string) {
    asked.push(`remove ${name}`);
  },
  async loadImages(tar: Readable) {
    await eachEntry(tar, async (entry) => {
      if (!('content' in entry)) return;
      let size = 0;
      for await (const chunk of entry.content) size += (chunk as Buffer).length;
      loaded.set(entry.path, size);
    });
  },
} as unknown as Server['engine'];

/** A port of this machine stands for one of the server. */
async function listen(accept: Parameters<Server['listen']>[0]) {
  tcp = createServer(accept);
  await new Promise<void>((resolve) => tcp!.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as AddressInfo;
  return { port, close: async () => void tcp?.close() };
}

async function order(layers: string[]): Promise<Transfer> {
  const { store, digest } = await keptImage(layers);
  const image = (await store.find(digest))!;
  return { image, name: NAME, onProgress: () => undefined, signal: new AbortController().signal };
}

beforeEach(() => {
  asked = [];
  loaded = new Map();
  refused = undefined;
});
afterEach(() => expect(tcp?.listening ?? false).toBe(false));

describe('an image that is transferred', () => {
  test('is pulled by its digest, gets its name and loses the one of its way', async () => {
    const one = await order(['base', 'source']);
    await transferImage({ engine, listen }, one);
    const pulled = asked[0]!.replace('pull ', '');
    expect(isNameInTransfer(pulled)).toBe(true);
    expect(pulled).toMatch(new RegExp(`/acme/api@${one.image.digest}$`));
    expect(asked).toEqual([`pull ${pulled}`, `tag ${pulled} ${NAME}`, `remove ${pulled}`]);
  });

  test('leaves no port behind when it cannot be pulled', async () => {
    refused = 'no space left on device';
    await expect(transferImage({ engine, listen }, await order(['base']))).rejects.toThrow(refused);
    expect(asked.filter((call) => !call.startsWith('pull '))).toEqual([]);
  });

  test('has another name on its way each time', async () => {
    for (let time = 0; time < 2; time++) await transferImage({ engine, listen }, await order(['base']));
    const [first, second] = asked.filter((call) => call.startsWith('pull '));
    expect(first!.split('/')[1]).not.toBe(second!.split('/')[1]);
  });
});

test('an image that is loaded goes as a whole, each layer once, and is told as it goes', async () => {
  const one = await order(['base', 'source', 'base']);
  const told: unknown[] = [];
  const sent = await loadImage({ engine }, { ...one, onProgress: (line) => told.push(line.progressDetail) });
  const { layers, config } = platformOf(one.image);
  const files = [...layers.slice(0, 2), config].map(({ digest, size }) => [
    `blobs/${digest.replace(':', '/')}`,
    size,
  ]);
  expect([...loaded].slice(0, -1)).toEqual(files);
  expect([...loaded.keys()].at(-1)).toBe('manifest.json');
  expect(sent).toBe(layers[0]!.size + layers[1]!.size);
  expect(told.at(-1)).toMatchObject({ current: sent });
});
