import type { ContainerCreateRequest } from '@docker/node-sdk';
import type { DeliveredFiles } from '../../fleet/delivered-files.ts';
import { FILES_FOLDER } from '../../model/names.ts';
import type { WantedVolume } from '../planning/container-settings.ts';

/** The part of a request that says what is mounted. */
type Mounting = Pick<NonNullable<ContainerCreateRequest['HostConfig']>, 'Mounts' | 'Binds'>;
type Mount = NonNullable<Mounting['Mounts']>[number];

/**
 * mountsOf returns what the engine is asked to mount. Labels of SELinux, and directories that it shall make, it takes in
 * the older form only, as text.
 */
export function mountsOf(volumes: readonly WantedVolume[], files?: DeliveredFiles): Mounting {
  const binds = volumes.filter(({ more }) => more?.selinux !== undefined || more?.createHostPath);
  return {
    Mounts: [
      ...volumes.filter((volume) => !binds.includes(volume)).map(mountOf),
      ...(files === undefined ? [] : fileMounts(files)),
    ],
    ...(binds.length > 0 && { Binds: binds.map(bindOf) }),
  };
}

/** The volume is mounted beside its files: by that the engine knows that it is in use, and no prune takes it. */
function fileMounts({ volume, mounts }: DeliveredFiles): Mount[] {
  return [
    {
      Type: 'volume',
      Source: volume,
      Target: FILES_FOLDER,
      ReadOnly: true,
      VolumeOptions: { NoCopy: true },
    },
    ...mounts.map(
      ({ source, target }): Mount => ({ Type: 'bind', Source: source, Target: target, ReadOnly: true }),
    ),
  ];
}

function bindOf({ source, target, readOnly, more = {} }: WantedVolume): string {
  const options = [
    ...(readOnly ? ['ro'] : []),
    ...(more.selinux === undefined ? [] : [more.selinux]),
    ...(more.propagation === undefined ? [] : [more.propagation]),
    ...(more.nocopy ? ['nocopy'] : []),
  ];
  return [
    ...(source === '' ? [] : [source]),
    target,
    ...(options.length > 0 ? [options.join(',')] : []),
  ].join(':');
}

function mountOf({ type, source, target, readOnly, more = {} }: WantedVolume): Mount {
  return {
    Type: type as 'volume',
    Target: target,
    ReadOnly: readOnly,
    ...(source !== '' && { Source: source }),
    ...optionsOf(type, more),
  };
}

function optionsOf(type: string, more: NonNullable<WantedVolume['more']>): Partial<Mount> {
  if (Object.keys(more).length === 0) return {};
  const { propagation, recursive, nocopy, subpath, labels, sizeBytes, mode } = more;
  switch (type) {
    case 'bind':
      return {
        BindOptions: {
          ...(propagation !== undefined && { Propagation: propagation as 'private' }),
          ...(recursive === 'disabled' && { NonRecursive: true }),
          ...(recursive === 'writable' && { ReadOnlyNonRecursive: true }),
          ...(recursive === 'readonly' && { ReadOnlyForceRecursive: true }),
        },
      };
    case 'volume':
      return {
        VolumeOptions: {
          ...(nocopy && { NoCopy: true }),
          ...(subpath !== undefined && { Subpath: subpath }),
          ...(labels !== undefined && { Labels: labels }),
        },
      };
    default:
      return {
        TmpfsOptions: {
          ...(sizeBytes !== undefined && { SizeBytes: sizeBytes }),
          ...(mode !== undefined && { Mode: mode }),
        },
      };
  }
}
