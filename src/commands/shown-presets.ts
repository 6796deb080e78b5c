import type { ResolvedEnvironment } from '../config/resolve.ts';
import type { ServiceSpec } from '../model/spec.ts';
import type { CommandResult } from './command.ts';
import type { PlanOutput } from './outputs.ts';

/** What a preset comes to for one service. It holds no value of a secret. */
export interface ShownPreset {
  service: string;
  preset: string;
  version: string;
  /** In the words of the file: image, volumes, database and so on, as far as there are any. */
  facts: Readonly<Record<string, string>>;
  /** What it stands for, as YAML for the file. */
  text: string;
}

/** What the presets of an environment stand for, where that alone was asked for. */
export interface PresetsShown extends CommandResult<'changed' | 'releases' | 'plan'> {
  kind: 'presets';
  /** For people: `shop production`. */
  title: string;
  presets: readonly ShownPreset[];
}

/** presetsOf returns what the presets of an environment come to, by the names of the services. Pure. */
export function presetsOf({
  wanted,
  presets,
}: Pick<ResolvedEnvironment, 'wanted' | 'presets'>): ShownPreset[] {
  return wanted.services.flatMap((spec) => {
    const { preset } = spec.container;
    if (preset === undefined) return [];
    const { name, version } = preset;
    return [
      { service: spec.name, preset: name, version, facts: factsOf(spec), text: presets[spec.name] ?? '' },
    ];
  });
}

/** showPresets returns the result of a command that shows them and does nothing else. Pure. */
export function showPresets(
  project: Pick<ResolvedEnvironment, 'wanted' | 'presets'> & { title: string },
): PresetsShown {
  const plan: PlanOutput = {
    outcome: 'no changes',
    changes: [],
    steps: [],
    stale: { left: [], returned: [] },
    drift: [],
    preflight: [],
  };
  return {
    kind: 'presets',
    title: project.title,
    presets: presetsOf(project),
    outputs: { changed: false, releases: {}, plan },
    failure: undefined,
  };
}

function factsOf({ container, policy, connection }: ServiceSpec): Record<string, string> {
  const volumes = container.volumes.flatMap(({ source, target }) =>
    source === undefined ? [] : [`${source} at ${target}`],
  );
  const { user, database } = connection ?? {};
  return {
    image: container.image,
    ...(volumes.length > 0 && { volume: volumes.join(' and ') }),
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    strategy: policy.strategy,
    ...(container.command !== undefined && { command: container.command.join(' ') }),
  };
}
