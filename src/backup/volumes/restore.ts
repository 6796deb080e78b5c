import type { BackupReceipt, VolumesContent } from '../../model/backup.ts';
import { UserError } from '../../model/errors.ts';
import { volumeName } from '../../model/names.ts';
import { type JobSurroundings, runJob } from '../job.ts';
import { DUMP_MEMORY_BYTES, jobOf, requireWhole, type Source, snapshotsOf } from '../make.ts';
import { programFor } from '../program-for.ts';
import { restoreVolumesJob } from './volumes.ts';

/** A volume that was restored: its name in the file, and the one that it has now. */
export interface RestoredVolume {
  volume: string;
  restored: string;
}

/**
 * restoreVolumes brings a backup back into new volumes beside those that are there, compares them with what was read, and returns
 * their names. The service goes on with what it has: the file says when it takes the new ones. It throws a UserError where
 * anything fails; then the new ones are gone again.
 */
export async function restoreVolumes(
  surroundings: JobSurroundings,
  { service, spec, access }: Source,
  content: VolumesContent,
  receipt: BackupReceipt,
): Promise<RestoredVolume[]> {
  const { server, scope } = surroundings;
  if (receipt.content !== 'volumes') {
    throw new UserError(
      `backup ${receipt.id} of ${service} is of a ${receipt.content}, and the file says volumes`,
      {
        hint: 'Pull it to see what it has: "operation: pull".',
      },
    );
  }
  const mark = receipt.id.replace(/-/g, '_');
  const restored = content.volumes.map((volume) => ({ volume, restored: `${volume}_restored_${mark}` }));
  for (const { restored: name } of restored) {
    if (!(await server.engine.hasVolume(volumeName(scope, name)))) continue;
    throw new UserError(`${server.name}: there is a volume ${volumeName(scope, name)} already`, {
      hint: 'An earlier restore of the same backup has made it. Remove it ("docker volume rm") if nothing uses it, and run again.',
    });
  }
  const names = restored.map(({ volume, restored: name }) => [volume, volumeName(scope, name)] as const);
  const title = `the restore of ${service} from backup ${receipt.id}`;
  try {
    const { output } = await runJob(surroundings, {
      title,
      service,
      memoryBytes: DUMP_MEMORY_BYTES,
      image: spec.image,
      network: 'bridge',
      ...jobOf(
        restoreVolumesJob(spec.image, new Map(names)),
        access,
        snapshotsOf(receipt, programFor(spec, scope)),
      ),
    });
    requireWhole(`${server.name}: ${title}`, receipt, programFor(spec, scope).factsOf(output));
  } catch (error) {
    for (const [, name] of names) await server.engine.removeVolume(name);
    throw error;
  }
  return restored;
}
