import { UserError } from '../model/errors.ts';

/** Microseconds of each unit, so that sums stay exact. */
const UNITS = {
  ns: 0.001,
  us: 1,
  µs: 1,
  μs: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
} as const;

/** A timer of Node ends at once when it is set for longer than 2^31 - 1 ms; 24 days are the whole days below. */
const LONGEST_MS = 24 * 24 * 3_600_000;

/**
 * parseDuration returns the milliseconds of a duration as Compose writes it: numbers with the units `ns`,
 * `us` (`µs`), `ms`, `s`, `m`, `h`, `d` and `w`, joined without spaces (`1m30s`, `1.5s`), or `0`. Other bare numbers are refused,
 * as Compose does. It throws a UserError that names the position, counted from 1, and for more than 24 days.
 */
export function parseDuration(value: string | number): number {
  const text = String(value);
  if (text === '0') return 0;
  const refuse = (problem: string): UserError =>
    new UserError(`${JSON.stringify(text)} is no duration: ${problem}`, {
      hint: 'Write numbers with the units us, ms, s, m, h, d or w, for example 500ms, 10s or 1m30s.',
    });
  if (text === '') throw refuse('it is empty');
  const part = /(\d+(?:\.\d+)?)([nuµμm]s|[smhdw])?/y;
  let microseconds = 0;
  while (part.lastIndex < text.length) {
    const position = part.lastIndex;
    const [found, amount, unit] = part.exec(text) ?? [];
    if (found === undefined) throw refuse(unsupportedCharacter(text, position));
    const next = text[position + found.length];
    if (unit === undefined && next !== undefined) {
      throw refuse(unsupportedCharacter(text, position + found.length));
    }
    if (unit === undefined) throw refuse(`the number at position ${position + 1} has no unit`);
    microseconds += Number(amount) * UNITS[unit as keyof typeof UNITS];
    part.lastIndex = position + found.length;
  }
  const milliseconds = Math.round(microseconds) / 1000;
  if (milliseconds > LONGEST_MS) throw refuse('at most 576h (24 days) are possible');
  return milliseconds;
}

function unsupportedCharacter(text: string, position: number): string {
  return `unsupported character ${JSON.stringify(text[position])} at position ${position + 1}`;
}
