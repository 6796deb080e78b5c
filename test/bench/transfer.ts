import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { packEach } from '../../src/docker/archive.ts';
import type { Server } from '../../src/fleet/server.ts';
import { staticProvider } from '../../src/fleet/static.ts';
import { transferImage } from '../../src/fleet/transfer.ts';
import { transferredName } from '../../src/model/transferred-image.ts';
import { type LayoutImage, platformOf, transferSize } from '../../src/registry/layout.ts';
import { digestInto, LayoutStore } from '../../src/registry/layout-store.ts';
import { normalisePrivateKey } from '../../src/ssh/keys.ts';
import { mustRun } from '../lab/command.ts';
import type { Lab, LabServer } from '../lab/lab.ts';

/** Layers of the image, in bytes: an app of some size. Nothing in them can be packed. */
const LAYERS = [120e6, 60e6, 20e6];
const FILE_BYTES = 1e6;

/** What an image takes to a server, in MB a second. */
export interface TransferFigures {
  scp: number[];
  transfer: number[];
}

/** measureTransfer brings the layers of an image to a server by scp and as an image, in turn. */
export async function measureTransfer(lab: Lab, on: LabServer, runs: number): Promise<TransferFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-transfer-'));
  const image = await makeImage(folder);
  const { layers } = platformOf(image);
  const megabytes = transferSize(layers) / 1e6;
  const server = await connectTo(lab, on);
  const figures: TransferFigures = { scp: [], transfer: [] };
  try {
    for (let run = 0; run < runs; run++) {
      figures.scp.push(
        megabytes /
          (await seconds(() =>
            copy(
              lab,
              on,
              layers.map(({ path }) => path),
            ),
          )),
      );
      figures.transfer.push(megabytes / (await seconds(() => bring(server, image))));
      await on.exec(['sh', '-c', 'rm -f /tmp/*']);
      await on.docker('image', 'rm', nameOf(image));
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
  return figures;
}

const nameOf = ({ digest }: LayoutImage): string => transferredName(`bench@${digest}`)!;

async function bring(server: Server, image: LayoutImage): Promise<void> {
  const { signal } = new AbortController();
  await transferImage(server, { image, name: nameOf(image), onProgress: () => undefined, signal });
}

async function copy({ dir }: Lab, { host }: LabServer, paths: readonly string[]): Promise<void> {
  const options = [
    '-q',
    '-i',
    join(dir, 'keys', 'deploy'),
    '-o',
    `UserKnownHostsFile=${join(dir, 'known_hosts')}`,
  ];
  await mustRun(['scp', ...options, ...paths, `deploy@${host}:/tmp/`]);
}

async function connectTo({ keys }: Lab, { host, port, zone, hostKeys }: LabServer): Promise<Server> {
  const spec = { name: host, host, port, zone, user: 'deploy', hostKeys };
  return await staticProvider([spec], normalisePrivateKey(keys.deploy)).connect(spec);
}

/** An image of files that nobody can pack. */
async function makeImage(folder: string): Promise<LayoutImage> {
  const store = new LayoutStore(join(folder, 'store'));
  const layers = [];
  const diffIds: string[] = [];
  for (const [index, size] of LAYERS.entries()) {
    const path = join(folder, String(index));
    const files = Array.from({ length: size / FILE_BYTES }, (_, number) => ({
      path: `layer-${index}/${number}`,
      size: FILE_BYTES,
      content: () => Readable.from([randomBytes(FILE_BYTES)]),
    }));
    const diffId = await digestInto(packEach(files), path);
    diffIds.push(diffId);
    layers.push(await store.addLayer(path, diffId));
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const config = { os: 'linux', architecture, config: {}, rootfs: { type: 'layers', diff_ids: diffIds } };
  return (await store.find(await store.addImage(Buffer.from(JSON.stringify(config)), layers, 'bench:1')))!;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
