import { UserError } from '../model/errors.ts';

/**
 * parseStatusRanges returns the statuses of HTTP that a text names, as pairs from and to, both included: `200`,
 * `200-399`, `200,204`. It throws a UserError for anything else.
 */
export function parseStatusRanges(text: string): [from: number, to: number][] {
  return text.split(',').map((part) => {
    const [, from = '', to = from] = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part) ?? [];
    const range: [number, number] = [Number(from), Number(to)];
    if (from !== '' && range[0] >= 100 && range[1] <= 599 && range[0] <= range[1]) return range;
    throw new UserError(`${JSON.stringify(part.trim())} is no status of HTTP`, {
      hint: 'Write statuses from 100 to 599 or ranges of them: 200, 200-399 or "200-299,401".',
    });
  });
}
