import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { RunningAction } from './action.ts';

/** A moment at which a run can be hit: before, in the middle of, or after something that it announces. */
export interface Moment {
  /** The kind of step, or `record intent` and `record`. */
  kind: string;
  /** Matches what is announced in every run of a story: release numbers and sides differ from run to run. */
  what: string;
  when: 'before' | 'during' | 'after';
  /** How long it took in the run that was looked at. */
  ms: number;
}

/**
 * momentsOf returns all moments of a run that succeeded. It throws when the run's plan had a step that was not
 * announced: then a step is missing in the matrix.
 */
export function momentsOf(log: string): Moment[] {
  const announced = [...log.matchAll(/^::debug::ends: (.*) \((\d+) ms\)$/gm)].map(([, text = '', ms]) => ({
    text,
    ms: Number(ms),
  }));
  for (const [, planned = ''] of log.matchAll(/^ {2}· (.*)$/gm)) {
    if (!announced.some(({ text }) => text.endsWith(`: ${planned}`))) {
      throw new Error(`the step "${planned}" was planned, and not announced:\n${log}`);
    }
  }
  const byWhat = new Map(announced.map(({ text, ms }) => [patternOf(text), { text, ms }]));
  return [...byWhat].flatMap(([what, { text, ms }]) =>
    (['before', 'during', 'after'] as const).map((when) => ({ kind: text.split(':')[0]!, what, when, ms })),
  );
}

/**
 * sampleOf returns one case for every kind of step, from the first story among the cases that has it; which moment
 * of it is decided by the seed.
 */
export function sampleOf<T extends { moment: Moment; name?: string }>(
  cases: readonly T[],
  seed: number,
): T[] {
  const kinds = [...new Set(cases.map(({ moment }) => moment.kind))];
  const picks = fc.sample(fc.nat(), { seed, numRuns: kinds.length });
  return kinds.map((kind, index) => {
    const ofKind = cases.filter(({ moment }) => moment.kind === kind);
    const ofStory = ofKind.filter(({ name }) => name === ofKind[0]!.name);
    return ofStory[picks[index]! % ofStory.length]!;
  });
}

/** describeMoment returns a moment for people. */
export function describeMoment({ what, when }: Moment): string {
  return `${when} "${what.replaceAll('\\', '')}"`;
}

/** Only moments that match are struck: SWITCHYARD_MOMENTS='forget-secrets' npm run … */
const CHOSEN = new RegExp(process.env.SWITCHYARD_MOMENTS ?? '');

/** isChosen tells whether a moment is struck: each is, unless somebody wants to see only some. */
export function isChosen({ moment }: { moment: Moment }): boolean {
  return CHOSEN.test(describeMoment(moment));
}

/** strike does something to a run, or to its servers, at a moment. */
export async function strike(run: RunningAction, moment: Moment, blow: () => unknown): Promise<void> {
  const word = moment.when === 'after' ? 'ends' : 'begins';
  await run.says(new RegExp(`^::debug::${word}: ${moment.what}`, 'm'));
  if (moment.when === 'during') await sleep(moment.ms / 2);
  await blow();
}

function patternOf(text: string): string {
  return text
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/release \d+/g, 'release \\d+')
    .replaceAll(/\b(base|secondary)\b/g, '(base|secondary)')
    .replaceAll(/(_production_[a-z]+?)(_secondary)?(?= )/g, '$1(_secondary)?');
}
