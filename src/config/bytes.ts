import { UserError } from '../model/errors.ts';

/** The powers of 1024. */
const UNITS = ['', 'k', 'm', 'g', 't', 'p'];

/**
 * parseBytes returns the bytes of a size as Compose writes it: a number, which may have a fraction, with one of the units
 * `b`, `k`, `m`, `g`, `t` and `p` in either case, each 1024 of the one before, also as `kb` or `KiB` and after a space;
 * without a unit, bytes. Of a byte nothing is left. It throws a UserError that names the position, counted from 1.
 */
export function parseBytes(value: string | number): number {
  const text = String(value);
  const number = /^\d+(?:\.\d+)?/.exec(text)?.[0] ?? '';
  const unit = /^ ?(?:([kmgtp])(?:i?b)?|b?)$/i.exec(text.slice(number.length));
  const isSize = unit !== null && number !== '';
  const power = UNITS.indexOf(unit?.[1]?.toLowerCase() ?? '');
  const bytes = isSize ? Math.floor(Number(number) * 1024 ** power) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    const problem =
      text === ''
        ? 'it is empty'
        : isSize
          ? 'it is too large'
          : `unsupported ${JSON.stringify(text.slice(number.length))} at position ${number.length + 1}`;
    throw new UserError(`${JSON.stringify(text)} is no size: ${problem}`, {
      hint: 'Write a number and one of the units b, k, m or g, for example 256m, 1.5g or 512MiB.',
    });
  }
  return bytes;
}
