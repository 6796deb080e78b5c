import type { Finding } from './finding.ts';
import { type LintedDockerfile, lineOf } from './stages.ts';

/** A comment above an instruction, as other linters have it: `# switchyard ignore=latest,user`. */
const IGNORE = /^\s*#\s*switchyard\s+ignore=(.*)$/;

/** silencedIn returns a test whether the comments right above the instruction of a finding silence its rule. */
export function silencedIn({ lines, initial, stages }: LintedDockerfile): (finding: Finding) => boolean {
  const instructions = [...initial, ...stages.flatMap((stage) => [stage.from, ...stage.instructions])];
  const begins = instructions.map(lineOf).sort((a, b) => a - b);
  return ({ rule, line }) => {
    const begin = begins.findLast((one) => one <= line) ?? line;
    // The index of the line above is its number less one.
    for (let above = begin - 2; lines[above]?.trimStart().startsWith('#'); above -= 1) {
      const rules = IGNORE.exec(lines[above]!)?.[1]?.split(/[\s,]+/) ?? [];
      if (rules.includes(rule)) return true;
    }
    return false;
  };
}
