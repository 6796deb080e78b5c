import { UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { PresetSpec } from '../model/preset.ts';
import type { Report } from './check-service.ts';
import { databaseOf } from './image.ts';
import { mergeService } from './merge-service.ts';
import { type PresetKeys, presetText } from './preset-text.ts';
import { PRESETS } from './presets/index.ts';
import { presetNames } from './presets/names.ts';
import type { Preset } from './presets/preset.ts';
import { checkVersion, majorOf, versionOfImage } from './presets/version.ts';
import { type ConfigInput, configs } from './schema/configs.ts';
import type { SecretDefinition } from './schema/secrets.ts';
import { type ServiceInput, service } from './schema/service.ts';
import { SecretText } from './secret-text.ts';

/** What a preset says of a service, under all that the file says. */
export interface PresetDefaults {
  service: ServiceInput;
  configs: Readonly<Record<string, ConfigInput>>;
  secrets: Readonly<Record<string, SecretDefinition>>;
  spec: PresetSpec;
  /** What it stands for, as YAML for the file. */
  text: string;
}

/** A preset as it is written out for one service: what could stand in the file in its place. */
interface WrittenPreset extends PresetKeys {
  spec: PresetSpec;
  secrets: Readonly<Record<string, SecretDefinition>>;
}

/** What is known around a service. */
interface Around extends Scope {
  /** The file says what all backups share: then a database is backed up that can be. */
  hasBackups: boolean;
}

/** The length of a password that is made. */
const PASSWORD_LENGTH = 32;

/**
 * What a preset is for a service that says `said`, in the words of the file; undefined without a preset. Mistakes in preset and
 * version are reported.
 */
function writtenPreset(
  around: Around,
  name: string,
  said: ServiceInput,
  report: Report,
): WrittenPreset | undefined {
  if (said.preset === undefined) {
    if (said.version !== undefined)
      report(
        ['version'],
        'is for a preset, and there is none',
        'Write preset: postgres beside it, or the tag of the image: image: name:tag.',
      );
    return undefined;
  }
  const preset = PRESETS[said.preset];
  const version = versionFor(preset, said, report);
  const names = presetNames(around, name);
  const { limits } = said.deploy?.resources ?? {};
  const block = preset.block({
    service: name,
    version,
    major: majorOf(version),
    names,
    memoryBytes: limits?.memory ?? said.mem_limit,
  });
  return {
    spec: { name: preset.name, version, major: String(majorOf(version)) },
    service: {
      ...block.service,
      connection: { ...block.connection, password: names.password },
      ...(around.hasBackups && databaseOf(preset.image) !== undefined && { backup: true }),
    },
    configs: { ...block.configs },
    secrets: { [names.password]: preset.givenPassword === undefined ? { generate: PASSWORD_LENGTH } : {} },
  };
}

/**
 * presetDefaults returns what the preset of a service that says `said` is, read as the file is; undefined without a preset.
 * Mistakes in preset and version are reported. Pure.
 */
export function presetDefaults(
  around: Around,
  name: string,
  said: ServiceInput,
  report: Report,
): PresetDefaults | undefined {
  const written = writtenPreset(around, name, said, report);
  if (written === undefined) return undefined;
  const secrets = Object.keys(written.secrets);
  return {
    service: service.parse(asRead(written.service, secrets)),
    configs: configs.parse(asRead(written.configs, secrets)),
    secrets: written.secrets,
    spec: written.spec,
    text: presetText(name, written, said),
  };
}

/**
 * overPreset lays what the file says of a service over its preset, as an environment is laid over the services of the file. But
 * of what is mounted the preset's stays unless the file has something in its place: a service that is given one more file
 * does not lose its password. Pure.
 */
export function overPreset(preset: PresetDefaults | undefined, said: ServiceInput): ServiceInput {
  if (preset === undefined) return said;
  const { image, ...others } = preset.service;
  // Beside a build it would be the name of what is built.
  const defaults: ServiceInput = said.build === undefined ? preset.service : others;
  return {
    ...mergeService(defaults, said),
    ...mounted('volumes', defaults, said),
    ...mounted('configs', defaults, said),
    ...mounted('secrets', defaults, said),
  };
}

function mounted<K extends 'volumes' | 'configs' | 'secrets'>(
  key: K,
  defaults: ServiceInput,
  said: ServiceInput,
): Pick<ServiceInput, K> {
  const own: { target: string }[] = said[key] ?? [];
  const others: { target: string }[] = defaults[key] ?? [];
  const kept = others.filter(({ target }) => own.every((one) => one.target !== target));
  const all = [...kept, ...own] as NonNullable<ServiceInput[K]>;
  return (all.length > 0 ? { [key]: all } : {}) as Pick<ServiceInput, K>;
}

/** What the file says, else the tag of its image, else the preset's own, which also stands in for a wrong one. */
function versionFor(preset: Preset, { version, image }: ServiceInput, report: Report): string {
  const ofImage = image === undefined ? undefined : versionOfImage(image);
  try {
    const found = checkVersion(preset, version ?? ofImage ?? preset.version);
    if (ofImage !== undefined && majorOf(ofImage) !== majorOf(found)) {
      report(
        ['version'],
        `${found} is another version than that of the image, ${ofImage}`,
        'Keep one of the two: the version follows from the tag of an image that says one.',
      );
    }
    return found;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report([version === undefined ? 'preset' : 'version'], error.message, error.hint);
    return preset.version;
  }
}

/** asRead reads a value in the words of the file: references are to these secrets, and `$$` is a dollar sign. */
function asRead(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') {
    const names = secrets.filter((name) => value.includes(`\${${name}}`));
    return names.length > 0 ? new SecretText(value, { names }) : value.replaceAll('$$', '$');
  }
  if (Array.isArray(value)) return value.map((one) => asRead(one, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asRead(one, secrets)]));
}
