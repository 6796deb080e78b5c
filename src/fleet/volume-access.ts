import { randomUUID } from 'node:crypto';
import { LABEL } from '../model/labels.ts';
import type { Scope } from '../model/names.ts';
import type { Server } from './server.ts';

/** How the files of a volume are reached. */
export interface VolumeAccess {
  volume: string;
  /** Where it is mounted. */
  folder: string;
  /** Any image that is on the server: nothing of it is ever run. */
  image: string;
  platform?: string | undefined;
}

/**
 * throughVolume returns what `work` does with a container that mounts a volume. The engine reads and writes a volume
 * through a container only: this one is created, never started, and removed at once. A run that is killed leaves it to
 * the next one, as a helper.
 */
export async function throughVolume<T>(
  { engine }: Pick<Server, 'engine'>,
  scope: Scope,
  { volume, folder, image, platform }: VolumeAccess,
  work: (container: string) => Promise<T>,
): Promise<T> {
  const request = {
    Image: image,
    Cmd: ['true'],
    Labels: {
      [LABEL.role]: 'helper',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
    },
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [{ Type: 'volume' as const, Source: volume, Target: folder, VolumeOptions: { NoCopy: true } }],
    },
  };
  const container = await engine.createContainer(`${volume}_${randomUUID()}`, request, platform);
  try {
    return await work(container);
  } finally {
    await engine.removeContainer(container);
  }
}
