import type { Inputs } from '../commands/inputs.ts';
import type { GitHubRun } from '../github/run.ts';

/**
 * markerOf returns the HTML comment by which the comment of a configuration and environment is found again. The
 * project's name is not in it: a file that cannot be read has none, and its error belongs into the same comment.
 */
export function markerOf({ config, environment }: Pick<Inputs, 'config' | 'environment'>): string {
  // Two hyphens would end the HTML comment.
  const [file, name] = [config, environment].map((text) => text.replaceAll(/[^\w./]+/g, '-'));
  return `<!-- switchyard plan ${file} ${name} -->`;
}

/** withSignature returns what a comment says, and below which run has written it. */
export function withSignature(markdown: string, { run, sha }: Pick<GitHubRun, 'run' | 'sha'>): string {
  return `${markdown}\n<sub>${sha === undefined ? '' : `Commit ${sha.slice(0, 10)}, `}[run](${run})</sub>\n`;
}
