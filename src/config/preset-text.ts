import { stringify } from 'yaml';
import type { ServiceInput } from './schema/service.ts';
import { isMap } from './secret-text.ts';

/** A preset as it is written out for one service, in the words of the file; `$$` is a dollar sign, and `${name}` a secret. */
export interface PresetKeys {
  service: Readonly<Record<string, unknown>>;
  /** At the top of the file, as the others. */
  configs: Readonly<Record<string, { content: string }>>;
  secrets: Readonly<Record<string, { generate?: number }>>;
}

/**
 * presetText returns what a preset stands for as YAML that can be pasted into the file in place of `preset` and `version`. What the
 * file says itself of the service, `said`, is left out of it, since that wins. Pure.
 */
export function presetText(
  name: string,
  { service, configs, secrets }: PresetKeys,
  said: Readonly<ServiceInput>,
): string {
  const others = Object.entries(service).filter(([key, value]) => {
    const own = said[key as keyof ServiceInput];
    return own === undefined || isMap(value) || Array.isArray(value);
  });
  const file = {
    services: { [name]: Object.fromEntries(others) },
    ...(Object.keys(configs).length > 0 && { configs }),
    secrets,
  };
  // Pasted elsewhere, a plain `yes` may be read as true.
  return stringify(file, { lineWidth: 0, defaultStringType: 'PLAIN', compat: 'yaml-1.1' });
}
