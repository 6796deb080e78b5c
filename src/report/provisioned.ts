import type { Provisioned } from '../commands/bare-servers.ts';
import type { ServerOutput } from '../commands/outputs.ts';
import { page } from './markdown.ts';

/** renderProvisioned returns what servers lack, or what they were given, as lines for a log and as Markdown. Pure. */
export function renderProvisioned({ title, what, servers }: Provisioned): {
  lines: string[];
  warnings: string[];
  markdown: string;
} {
  const headline = `${title}: ${headlineOf(what, servers)}`;
  const told = servers.map((server) => ({ server, lines: linesOf(what, server) }));
  return {
    lines: [
      headline,
      ...told.flatMap(({ server, lines }) => lines.map((line) => `${server.server}: ${line}`)),
    ],
    warnings: [],
    markdown: page(
      `## ${servers.some(({ error }) => error !== undefined) ? '❌' : '🖥️'} ${headline}`,
      ...told.map(({ server, lines }) =>
        [
          `### ${server.server}${server.distribution === undefined ? '' : ` (${server.distribution})`}`,
          '',
          ...lines.map((line) => `- ${line}`),
        ].join('\n'),
      ),
    ),
  };
}

function headlineOf(what: Provisioned['what'], servers: readonly ServerOutput[]): string {
  const failed = servers.filter(({ error }) => error !== undefined).length;
  if (failed > 0) return `${failed} of ${servers.length} servers failed`;
  const lacking = servers.filter(({ lacks }) => lacks.length > 0).length;
  if (lacking === 0) return 'the servers lack nothing';
  const few = `${lacking} of ${servers.length} servers`;
  return what === 'apply' ? `${few} were set up` : `${few} lack something`;
}

function linesOf(what: Provisioned['what'], { lacks, left, error }: ServerOutput): string[] {
  return [
    ...lacks.map(
      ({ phase, what: missing }) => `${phase}: ${what === 'apply' ? 'has now' : 'lacks'} ${missing}`,
    ),
    ...left.map(({ phase, what: found }) => `${phase}: left alone: ${found}`),
    ...(error === undefined ? [] : [`failed: ${error}`]),
    ...(lacks.length === 0 && error === undefined ? ['lacks nothing'] : []),
  ];
}
