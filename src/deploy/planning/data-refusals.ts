import { majorOf, versionOfImage } from '../../config/presets/version.ts';
import { failTogether, UserError } from '../../model/errors.ts';
import type { PresetSpec } from '../../model/preset.ts';
import type { Release } from '../../model/release.ts';
import type { ContainerSpec, ServiceSpec } from '../../model/spec.ts';

/**
 * checkData throws a UserError for every service whose preset would be given the data of another database, or of another major
 * version of its own: it would not start, or change what the old version cannot read again. Pure.
 */
export function checkData(
  services: readonly ServiceSpec[],
  releaseOf: (service: string) => Pick<Release, 'container'> | undefined,
): void {
  failTogether(
    services.flatMap(({ name, container }) => {
      const running = releaseOf(name)?.container;
      return running === undefined ? [] : refuse(name, container, running);
    }),
  );
}

function refuse(service: string, wanted: ContainerSpec, running: ContainerSpec): UserError[] {
  const volume = sharedVolume(wanted, running);
  const { preset } = wanted;
  if (preset === undefined || volume === undefined) return [];
  const before = running.preset ?? guessed(preset, running.image);
  if (before === undefined || (before.name === preset.name && before.major === preset.major)) return [];
  const [was, becomes] = [before, preset].map(({ name, version }) => `${name} ${version}`);
  return [
    new UserError(`${service}: the volume ${volume} has data of ${was}, which ${becomes} cannot be given`, {
      hint: `Keep ${was} for now. To go to ${becomes}, run it as a service of its own, or with another volume, and bring the data over by a dump: docs/guide.md#another-major-version has the steps.`,
    }),
  ];
}

/** A volume that both write to. */
function sharedVolume({ volumes }: ContainerSpec, running: ContainerSpec): string | undefined {
  const writable = ({ type, readOnly }: ContainerSpec['volumes'][number]) => type !== 'tmpfs' && !readOnly;
  const before = running.volumes.filter(writable).map(({ source }) => source);
  return volumes
    .filter(writable)
    .map(({ source }) => source)
    .find((source) => source !== undefined && before.includes(source));
}

/** What ran without a preset says by the tag of its image which version it was. */
function guessed({ name }: PresetSpec, image: string): PresetSpec | undefined {
  const version = versionOfImage(image);
  if (version === undefined) return undefined;
  return { name, version, major: String(majorOf(version)) };
}
