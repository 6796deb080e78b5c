import type { LintedDockerfile } from './stages.ts';

/** The rules, by the names that a comment silences them with. */
export const LINT_RULES = [
  'shell-form',
  'package-manager',
  'user',
  'install-order',
  'latest',
  'secret',
  'checksum',
] as const;

export type LintRule = (typeof LINT_RULES)[number];

/** Something in a Dockerfile that works, and that a deploy or its users would be better off without. */
export interface Finding {
  rule: LintRule;
  /** Counted from 1: that of an instruction, or of its part. */
  line: number;
  message: string;
  /** What to write instead. */
  hint: string;
}

/** Looks for one kind of finding, or a few that go together. Pure. */
export type Rule = (dockerfile: LintedDockerfile) => Finding[];
