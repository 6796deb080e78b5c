import { UserError } from '../model/errors.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** A field of cron: its name, and the numbers that it may have. */
interface Field {
  name: string;
  min: number;
  max: number;
  /** Words for the numbers from `min` on. */
  words?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of the week', min: 0, max: 6, words: DAYS },
];

/** parseCron returns a schedule as GitHub takes it, five fields with one blank between. It throws a UserError for others. */
export function parseCron(said: string): string {
  const fields = said.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    throw refused(said, `it has ${fields.length} fields, not ${FIELDS.length}`);
  }
  for (const [index, field] of FIELDS.entries()) {
    const text = fields[index] ?? '';
    if (!text.split(',').every((part) => isPart(part, field))) {
      throw refused(said, `${JSON.stringify(text)} is no ${field.name}`);
    }
  }
  return fields.join(' ');
}

function isPart(part: string, field: Field): boolean {
  const [, range = '', step] = /^([^/]*)(?:\/(\d+))?$/.exec(part) ?? [];
  if (step !== undefined && Number(step) < 1) return false;
  if (range === '*') return true;
  const bounds = range.split('-').map((bound) => numberOf(bound, field));
  const [from = Number.NaN, to = from] = bounds;
  return bounds.length <= 2 && from >= field.min && to <= field.max && from <= to;
}

function numberOf(text: string, { min, words = [] }: Field): number {
  const index = words.indexOf(text.toLowerCase());
  if (index !== -1) return index + min;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function refused(said: string, why: string): UserError {
  return new UserError(`${JSON.stringify(said)} is no schedule: ${why}`, {
    hint: 'Write minute, hour, day of the month, month and day of the week as GitHub takes them: "17 3 * * *" is every night at 3:17 UTC.',
  });
}
