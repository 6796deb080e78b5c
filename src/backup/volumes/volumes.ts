import type { BackupFacts, VolumesContent } from '../../model/backup.ts';
import { UserError } from '../../model/errors.ts';
import { type Scope, volumeName } from '../../model/names.ts';
import type { RunningContainer } from '../database-container.ts';
import type { DatabaseJob } from '../databases/program.ts';
import type { Program } from '../program.ts';
import { writtenSnapshot } from '../restic-output.ts';
import type { Mount } from '../vault.ts';
import { DUMP, RESTORE } from './scripts.ts';

/** Where volumes are while they are read, each below its name in the file. */
const VOLUMES_FOLDER = '/srv/switchyard-volumes';
/** Where they are restored to. */
const RESTORED_FOLDER = '/srv/switchyard-restored';

/** volumesProgram returns how the files of volumes are backed up and compared. Pure. */
export function volumesProgram(content: VolumesContent, scope: Scope, image: string): Program {
  return {
    dataPath: VOLUMES_FOLDER,
    dump: (container) => ({
      script: 'dump.sh',
      files: { 'dump.sh': DUMP },
      environment: {},
      image,
      network: 'bridge',
      mounts: content.volumes.map((name) => ({
        ...mountOf(mountedName(scope, container, name), `${VOLUMES_FOLDER}/${name}`),
        ReadOnly: true,
      })),
    }),
    // A volume without a name goes with its container.
    verify: () => ({ ...restoreJob(image), mounts: [{ Type: 'volume', Target: RESTORED_FOLDER }] }),
    factsOf,
    toolsOf: () => ({}),
  };
}

/** restoreVolumesJob brings the files of a backup into volumes: their names on the server by those in the file. Pure. */
export function restoreVolumesJob(image: string, volumes: ReadonlyMap<string, string>): DatabaseJob {
  const mounts = [...volumes].map(([name, onServer]) => mountOf(onServer, `${RESTORED_FOLDER}/${name}`));
  return { ...restoreJob(image), mounts };
}

function restoreJob(image: string): DatabaseJob {
  return {
    script: 'restore.sh',
    files: { 'restore.sh': RESTORE },
    environment: { RESTORED: RESTORED_FOLDER },
    image,
    network: 'bridge',
  };
}

function mountOf(volume: string, target: string): Mount {
  // What the image has there is not of the service.
  return { Type: 'volume', Source: volume, Target: target, VolumeOptions: { NoCopy: true } };
}

/** The name of a volume on the server: one that somebody else made has its own. */
function mountedName(scope: Scope, { volumes }: RunningContainer, name: string): string {
  const found = [volumeName(scope, name), name].find((one) => volumes.includes(one));
  if (found !== undefined) return found;
  throw new UserError(`the container has no volume ${JSON.stringify(name)}`, {
    hint: 'Deploy first: the file has it, and what runs was made before.',
  });
}

/** What restic has read, or what was counted of a restore. */
function factsOf(output: ReadonlyMap<string, string>): BackupFacts {
  const counted = output.get('counted');
  if (counted === undefined) {
    const { files, sizeBytes } = writtenSnapshot(output.get('data.json'));
    return { rows: {}, objects: { files, bytes: sizeBytes } };
  }
  const [files = Number.NaN, bytes = Number.NaN] = counted.trim().split(' ').map(Number);
  return { rows: {}, objects: { files, bytes } };
}
