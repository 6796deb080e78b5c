import { UserError } from '../model/errors.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
};

/**
 * parseBytes returns the bytes of a size as Compose writes it: a whole number with one of the units `b`,
 * `k`, `kb`, `m`, `mb`, `g`, `gb` in either case, each 1024 of the one before; without a unit, bytes.
 * It throws a UserError that names the position, counted from 1.
 */
export function parseBytes(value: string | number): number {
  const text = String(value);
  const digits = /^\d*/.exec(text)?.[0] ?? '';
  const unit = UNITS[text.slice(digits.length).toLowerCase()];
  const bytes = unit === undefined || digits === '' ? Number.NaN : Number(digits) * unit;
  if (!Number.isSafeInteger(bytes)) {
    const problem =
      text === ''
        ? 'it is empty'
        : unit !== undefined && digits !== ''
          ? 'it is too large'
          : `unsupported ${JSON.stringify(text.slice(digits.length))} at position ${digits.length + 1}`;
    throw new UserError(`${JSON.stringify(text)} is no size: ${problem}`, {
      hint: 'Write a whole number and one of the units b, k, m or g, for example 256m or 1g.',
    });
  }
  return bytes;
}
