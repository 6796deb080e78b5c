import type { ConnectionKind } from '../../model/connection.ts';
import type { PresetName } from '../../model/preset.ts';
import type { PresetNames } from './names.ts';

/** What a preset is told of the service that it is for. */
export interface PresetFacts {
  service: string;
  /** The tag of its image: `16`, `17-alpine`. */
  version: string;
  /** The first number of the version. */
  major: number;
  names: PresetNames;
  /** The limit that the file sets, in bytes; undefined is none. */
  memoryBytes: number | undefined;
}

/** Keys of a service as the file has them. */
export type ServiceKeys = Readonly<Record<string, unknown>>;

/** What a preset stands for, in the words of the file: it could be written there in its place. */
export interface PresetBlock {
  service: ServiceKeys;
  /** Under `configs` at the top: files that the service is given. */
  configs?: Readonly<Record<string, { content: string }>>;
  /** How apps connect to it; the password is added. */
  connection: { kind: ConnectionKind; user?: string; database?: string };
}

/** A preset: defaults of a service, by its version and what else is known of it. */
export interface Preset {
  name: PresetName;
  /** What it is, for the reference: `PostgreSQL`. */
  title: string;
  /** Without a tag. */
  image: string;
  /** What holds where the file says no version. */
  version: string;
  /** The oldest version that it knows. */
  oldest: string;
  /** Where nobody makes the password: what the value has to be, for the reference. */
  givenPassword?: string;
  /** What it relies on in the image, beside what its block shows; sentences for the reference. */
  reliesOn: readonly string[];
  /** What else people should know; sentences for the reference. */
  notes: readonly string[];
  block(facts: PresetFacts): PresetBlock;
}
