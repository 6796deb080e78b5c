import { baseTag } from './base-tag.ts';
import { checksum } from './checksum.ts';
import { type Finding, LINT_RULES, type Rule } from './finding.ts';
import { installOrder } from './install-order.ts';
import { secretNames } from './secret-names.ts';
import { silencedIn } from './silenced.ts';
import { type LintOptions, readStages } from './stages.ts';
import { start } from './start.ts';
import { user } from './user.ts';

const RULES: readonly Rule[] = [start, user, installOrder, baseTag, secretNames, checksum];

/**
 * lintDockerfile returns what of a Dockerfile works, and would be better otherwise for a deploy or its users, by line.
 * Matters of style are none of it. What it cannot read is for the builder to refuse. Pure.
 */
export function lintDockerfile(text: string, options: LintOptions = {}): Finding[] {
  const dockerfile = readStages(text, options);
  const isSilenced = silencedIn(dockerfile);
  const found = RULES.flatMap((rule) => rule(dockerfile)).filter((one) => !isSilenced(one));
  // What stands in a stage is found again in those that stand on it.
  const once = new Map(found.map((one) => [`${one.line} ${one.rule} ${one.message}`, one]));
  const order = ({ rule }: Finding) => LINT_RULES.indexOf(rule);
  return [...once.values()].sort((a, b) => a.line - b.line || order(a) - order(b));
}
