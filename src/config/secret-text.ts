import { type Location, UserError } from '../model/errors.ts';
import { InterpolationError, interpolateWith, type Lookup } from './interpolate.ts';

/**
 * SecretText is a text of the file that is made from secrets, or from something that is not known while the file is
 * read. It stands in the file's value in place of a string, so that it gets nowhere but where a secret is expected:
 * every other key refuses it by its type. It holds references and no values, but for one that is made of a value.
 */
export class SecretText {
  /** A map without keys would be taken for one that says nothing. */
  readonly isSecret = true;
  /** The names in it that are secrets. */
  readonly names: readonly string[];
  /** What is wrong with it where its value is needed at once; undefined where it is a secret. */
  readonly missing: UserError | undefined;
  readonly #text: string;
  readonly #locate: ((reference: string) => Location) | undefined;

  constructor(
    text: string,
    fields: {
      names?: readonly string[];
      missing?: UserError | undefined;
      /** Returns the place of a reference in it. */
      locate?: ((reference: string) => Location) | undefined;
    } = {},
  ) {
    this.#text = text;
    this.#locate = fields.locate;
    this.names = fields.names ?? [];
    this.missing = fields.missing;
  }

  /** of makes one of a value that is a secret as it is, wherever it comes from. */
  static of(value: string): SecretText {
    return new SecretText(value.replaceAll('$', '$$$$'));
  }

  /** resolve returns its value. It throws a UserError, with its place, for a reference to nothing. */
  resolve(lookup: Lookup): string {
    try {
      return interpolateWith(this.#text, lookup);
    } catch (error) {
      if (!(error instanceof InterpolationError)) throw error;
      throw placed(error, this.#locate?.(error.reference));
    }
  }

  /** split takes the name off a text of the form `NAME=…`; undefined where there is none, or it is a reference itself. */
  split(): { name: string; value: SecretText } | undefined {
    const [, name, rest = ''] = /^([^=$]*)=([\s\S]*)$/.exec(this.#text) ?? [];
    if (name === undefined) return undefined;
    const { names, missing } = this;
    return { name, value: new SecretText(rest, { names, missing, locate: this.#locate }) };
  }

  /** toString returns no value, whoever prints it. */
  toString(): string {
    return this.split()?.name ?? '***';
  }
}

/** placed returns a mistake in a reference with its place in the file. */
export function placed(error: InterpolationError, location: Location | undefined): UserError {
  return new UserError(error.message, {
    ...(location && { location }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** isMap tells whether a value of the file is a map: what is made from a secret is none. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof SecretText)
  );
}
