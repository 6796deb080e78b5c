import type { PresetsShown, ShownPreset } from '../commands/shown-presets.ts';
import { fencedYaml, page, section } from './markdown.ts';

/** renderPresets returns what the presets of an environment stand for, as lines for a log and as Markdown. Pure. */
export function renderPresets({ title, presets }: PresetsShown): { lines: string[]; markdown: string } {
  const headline =
    presets.length > 0 ? `${title}: what presets stand for` : `${title}: no service has a preset`;
  return {
    lines: [headline, ...presets.flatMap((preset) => [describePreset(preset), ...preset.text.split('\n')])],
    markdown: page(`## 📖 ${headline}`, presetsSection(presets)),
  };
}

/** presetsSection returns the same as a part of a page; empty for none. Pure. */
export function presetsSection(presets: readonly ShownPreset[]): string {
  if (presets.length === 0) return '';
  return [
    section('What presets stand for', presets.map(describePreset)),
    ...presets.map(
      ({ service, text }) =>
        `<details>\n<summary>${service} as YAML, to go on without the preset</summary>\n\n${fencedYaml(text)}\n\n</details>`,
    ),
  ].join('\n\n');
}

/** What a preset comes to, in one line. */
function describePreset({ service, preset, version, facts }: ShownPreset): string {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return `${service}: ${preset} ${version}, ${told.join(', ')}`;
}
