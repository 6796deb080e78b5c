/** How much of a build was done, by BuildKit's own account. */
export interface BuildSteps {
  /** Instructions of the Dockerfile that became layers, or ran. */
  total: number;
  /** Those of them that the builder had already. */
  cached: number;
}

/** stepsOf counts the steps in what a builder has said. Pure. */
export function stepsOf(lines: readonly string[]): BuildSteps {
  const steps = new Set<string>();
  const cached = new Set<string>();
  for (const line of lines) {
    const [, number, rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (number === undefined) continue;
    // The first one of a stage is the image that it builds on.
    if (/^\[(?:\S+ )*\d+\/\d+\] (?!FROM )/.test(rest)) steps.add(number);
    if (rest === 'CACHED') cached.add(number);
  }
  return { total: steps.size, cached: [...cached].filter((number) => steps.has(number)).length };
}

/** A first build finds no layers of earlier ones. */
const NOTHING_YET = /not found|manifest unknown|no such file|does not exist|name unknown/i;

/** How BuildKit names what it does with such layers; what goes to GitHub it names in its own way. */
const CACHE_STEP = /^(importing|exporting) (?:cache (?:manifest )?(?:from|to)|to (?=GitHub Actions)) ?(.*)$/;

/** cacheTroubles returns what went wrong with the layers of earlier builds, as sentences without a full stop. Pure. */
export function cacheTroubles(lines: readonly string[]): string[] {
  const places = new Map<string, { isRead: boolean; place: string }>();
  const troubles = new Set<string>();
  for (const line of lines) {
    const [, number = '', rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    const [, verb, place = ''] = CACHE_STEP.exec(rest) ?? [];
    if (verb !== undefined) places.set(number, { isRead: verb === 'importing', place });
    const [, reason] = /^ERROR: (.*)$/.exec(rest) ?? [];
    const known = places.get(number);
    if (reason === undefined || known === undefined) continue;
    if (known.isRead && NOTHING_YET.test(reason)) continue;
    const what = known.isRead ? 'could not be read from' : 'could not be kept in';
    troubles.add(`layers ${what} ${known.place}: ${reason}`);
  }
  return [...troubles];
}

/** BuildKit asks for these before it builds, and forgives nothing there. */
const CACHE_FAILURE = /\bcache (?:exporter|importer)\b/;

/** cacheFailure returns why a failed build has failed, where that is the cache alone; else undefined. Pure. */
export function cacheFailure(lines: readonly string[]): string | undefined {
  const { reason } = failureOf(lines);
  const isOfCache =
    CACHE_FAILURE.test(reason) || cacheTroubles(lines).some((trouble) => trouble.endsWith(`: ${reason}`));
  return isOfCache ? reason : undefined;
}

/** Why a build has failed, by what its builder said last. */
export interface BuildFailure {
  /** What went wrong, in one line. */
  reason: string;
  /** The line of the Dockerfile, where the builder names it. */
  line?: number;
  /** The instruction, where the builder names that. */
  instruction?: string;
  /** What the instruction printed last. */
  output: string[];
}

/** So much of what a failing step printed is shown in the error; all of it is in the log. */
const MOST_LINES = 15;

/** failureOf finds in what a builder has said why it failed. Pure. */
export function failureOf(lines: readonly string[]): BuildFailure {
  const last = lines.findLast((line) => /^(?:ERROR: )?failed to (?:solve|compute)|^ERROR: /.test(line));
  const reason = (last ?? lines.findLast((line) => line.trim() !== '') ?? 'it said nothing')
    .replace(/^ERROR: /, '')
    .replace(/^failed to build: /, '')
    .replace(/^failed to solve(?: with frontend [\w.]+)?: /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^failed to solve with frontend [\w.]+: /, '')
    .replace(/^failed to create LLB definition: /, '');
  const [, told] = lines.map((line) => /^ > \[(.*)$/.exec(line)).findLast((match) => match !== null) ?? [];
  const instruction = told && /^(?:\S+ )*?\d+\/\d+\] (.*):$/.exec(told)?.[1];
  // BuildKit shows the lines of the Dockerfile below its name.
  const placed = lines
    .map((line, index) => (/^-{10,}$/.test(lines[index + 1] ?? '') ? /:(\d+)$/.exec(line)?.[1] : undefined))
    .findLast(Boolean);
  const parseLine = /(?:parse error (?:on|at)? ?line|line) (\d+)/i.exec(reason)?.[1];
  const line = Number(
    placed ?? (/dockerfile parse|unknown instruction/i.test(reason) ? parseLine : undefined),
  );
  const number = /^#(\d+) ERROR: /.exec(lines.findLast((one) => /^#\d+ ERROR: /.test(one)) ?? '')?.[1];
  const output = lines.flatMap((one) => {
    const [, of, printed] = /^#(\d+) \d+\.\d+ (.*)$/.exec(one) ?? [];
    return of === number && printed !== undefined ? [printed] : [];
  });
  return {
    reason,
    ...(line > 0 && { line }),
    ...(instruction && { instruction }),
    output: output.slice(-MOST_LINES),
  };
}
