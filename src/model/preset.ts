/** The presets that a service can have, by their names in the file. */
export const PRESET_NAMES = [
  'postgres',
  'redis',
  'opensearch',
  'mysql',
  'mariadb',
  'mongo',
  'rabbitmq',
  'minio',
] as const;

/** See {@link PRESET_NAMES}. */
export type PresetName = (typeof PRESET_NAMES)[number];

/** What a service with a preset is, which decides whether its data can be read by another version. */
export interface PresetSpec {
  name: PresetName;
  /** As the file says it, or as the preset has it by itself: `16`, `8.0`, `17-alpine`. */
  version: string;
  /** The part of it that data of one version has in common with that of the next: `16`, `8`. */
  major: string;
}
