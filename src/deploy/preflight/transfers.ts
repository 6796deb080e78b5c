import type { Fleet } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { LABEL } from '../../model/labels.ts';
import { isTransferred, transferredDigest } from '../../model/transferred-image.ts';
import { type Layer, platformOf, transferSize, unpackedSize } from '../../registry/layout.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import type { Layouts } from '../steps/context.ts';

/** An image that a plan brings from this machine to a server. */
export interface PlannedTransfer {
  server: string;
  image: string;
  /** What travels, and what it takes there; undefined where this machine does not have the image. */
  size?: TransferSize;
}

/** In bytes. */
export interface TransferSize {
  /** What the layers weigh that the server seems to lack. */
  missing: number;
  /** What all layers weigh. */
  total: number;
  /** What the server needs beside: what comes, as it comes and unpacked. */
  space: number;
}

/** lookAtTransfers says of every image that a plan brings from this machine what will travel. It asks the servers of those alone. */
export async function lookAtTransfers(
  fleet: Fleet,
  plan: Plan,
  project: string,
  layouts: Layouts,
): Promise<PlannedTransfer[]> {
  const steps = stepsOf(plan, 'pull').filter(({ image }) => isTransferred(image));
  const names = [...new Set(steps.map(({ server }) => server))];
  const found = await Promise.all(
    names.map(async (name) => [name, await chainsOn(fleet.server(name), project)] as const),
  );
  const chains = new Map(found);
  return await Promise.all(
    steps.map(async ({ server, image: named, platform }) => {
      const image = await layouts.find(transferredDigest(named)!.split('@')[1]!);
      const step = { server, image: named };
      if (image === undefined) return step;
      const { layers } = platformOf(image, platform);
      return { ...step, size: await sizeOf(layers, chains.get(server)!) };
    }),
  );
}

/**
 * What lies on top of each other in the images of a project on a server, by the digests of what is in the layers. Others
 * may have the same layers, but an engine knows those by what they came as: packed by somebody else, they come again.
 */
async function chainsOn({ engine }: Server, project: string): Promise<readonly string[][]> {
  const images = await engine.listImages([`${LABEL.project}=${project}`]);
  const found = await Promise.all(images.map(({ Id }) => engine.findImage(Id)));
  return found.map((image) => image?.RootFS?.Layers ?? []);
}

async function sizeOf(layers: readonly Layer[], chains: readonly string[][]): Promise<TransferSize> {
  const missing = layers.slice(sharedLayers(layers, chains));
  const unpacked = await Promise.all(missing.map(unpackedSize));
  const travelling = transferSize(missing);
  const space = unpacked.reduce((sum, size) => sum + size, travelling);
  return { missing: travelling, total: transferSize(layers), space };
}

/** sharedLayers returns how many layers, from the lowest, one of these images has in the same places. Pure. */
export function sharedLayers(layers: readonly Pick<Layer, 'diffId'>[], chains: readonly string[][]): number {
  const shared = chains.map((chain) => {
    const first = layers.findIndex(({ diffId }, index) => chain[index] !== diffId);
    return first === -1 ? layers.length : first;
  });
  return Math.max(0, ...shared);
}
