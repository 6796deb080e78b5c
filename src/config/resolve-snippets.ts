import { hostOfAddress } from '../model/addresses.ts';
import { SNIPPET_LEVELS, type Snippet, type Snippets } from '../model/edge-options.ts';
import { checkSnippets, SNIPPET_MAX_BYTES } from '../model/snippets.ts';
import { claimsOf, type ServiceSpec } from '../model/spec.ts';
import type { Report } from './check-service.ts';
import type { EdgeOptionsInput } from './schema/edge-options.ts';
import { type Sources, textOf } from './service-files.ts';

/** snippetsOf returns the snippets of a service with their files read. What is wrong in them is reported, with its line. */
export function snippetsOf(
  input: EdgeOptionsInput['nginx'] = {},
  sources: Pick<Sources, 'repository' | 'mayBeMissing'>,
  report: Report,
): Snippets {
  const snippets: Snippets = {};
  for (const level of SNIPPET_LEVELS) {
    const said = input[level];
    const complain = (message: string, hint?: string) => report(['edge', 'nginx', level], message, hint);
    const snippet = said?.trim() ? snippetOf(said, sources, complain) : undefined;
    if (snippet !== undefined) snippets[level] = snippet;
  }
  for (const { level, line, message, hint } of checkSnippets(snippets)) {
    const file = snippets[level]?.file;
    report(
      ['edge', 'nginx', level],
      `line ${line}${file === undefined ? '' : ` of ${file}`}: ${message}`,
      hint,
    );
  }
  return snippets;
}

/** A line that begins with ./ is a path: no directive does. */
function snippetOf(
  said: string,
  sources: Pick<Sources, 'repository' | 'mayBeMissing'>,
  complain: (message: string, hint?: string) => void,
): Snippet | undefined {
  const [file] = /^\.\.?\/\S+$/.exec(said.trim()) ?? [];
  if (file !== undefined) {
    const text = textOf(file, SNIPPET_MAX_BYTES, sources, complain);
    return text === undefined ? undefined : { text, file };
  }
  if (Buffer.byteLength(said) <= SNIPPET_MAX_BYTES) return { text: said };
  complain(`has more than ${SNIPPET_MAX_BYTES / 1024} KB`);
  return undefined;
}

/** checkServerSnippets reports lines for a server that others have a part in: they would hold for those too. */
export function checkServerSnippets(
  services: readonly ServiceSpec[],
  report: (service: string, path: readonly string[], message: string, hint?: string) => void,
): void {
  const hostsOf = ({ route }: ServiceSpec) => claimsOf(route).map(hostOfAddress);
  for (const spec of services) {
    if (spec.route.edge?.nginx?.server === undefined) continue;
    const own = hostsOf(spec);
    for (const other of services) {
      const shared = other === spec ? undefined : hostsOf(other).find((host) => own.includes(host));
      if (shared !== undefined)
        report(
          spec.name,
          ['edge', 'nginx', 'server'],
          `${other.name} has a part of ${shared}, and these lines would hold for it too`,
          'Write them under location.',
        );
    }
  }
}
