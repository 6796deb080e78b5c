/** A place in a text file, both numbers counted from 1. */
export interface Location {
  file: string;
  line: number;
  column: number;
}

/**
 * UserError is a mistake the user can mend: shown as a sentence and a hint, annotated on the line it came
 * from, and never with a stack. Every other error is ours and keeps its stack.
 */
export class UserError extends Error {
  /** What to do next, as one sentence or a command; shown under the message. */
  readonly hint: string | undefined;
  /** Where in the configuration the mistake is. */
  readonly location: Location | undefined;

  constructor(message: string, options: { hint?: string; location?: Location; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'UserError';
    this.hint = options.hint;
    this.location = options.location;
  }
}

/**
 * UserErrors collects all mistakes that were found together, so that a person mends a file once and not
 * line by line, and so that one dead server never hides what the others said.
 */
export class UserErrors extends UserError {
  readonly errors: readonly UserError[];

  constructor(errors: readonly UserError[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.name = 'UserErrors';
    this.errors = errors;
  }
}

/**
 * failTogether throws what `errors` holds: nothing when it is empty, the one error itself, or all as one.
 */
export function failTogether(errors: readonly UserError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  throw errors.length === 1 ? first : new UserErrors(errors);
}

/**
 * withAdvice returns a mistake of the user with more to say below it, in the hint; of several the last one says it. Every
 * other error is returned as it is.
 */
export function withAdvice(error: unknown, sentences: readonly string[]): unknown {
  if (!(error instanceof UserError) || sentences.length === 0) return error;
  if (error instanceof UserErrors) {
    const last = error.errors.at(-1);
    return new UserErrors([...error.errors.slice(0, -1), withAdvice(last, sentences) as UserError]);
  }
  const { message, hint, location, cause } = error;
  const said = [...(hint === undefined ? [] : [hint]), ...sentences].join(' ');
  return new UserError(message, { hint: said, ...(location && { location }), cause });
}

/** reasonOf returns why something was aborted where `error` says only that it was; every other error is returned as it is. */
export function reasonOf(error: unknown): unknown {
  const { name, cause } = (error ?? {}) as Partial<Error>;
  return name === 'AbortError' && cause instanceof UserError ? cause : error;
}

/** messageOf returns the text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** isTunnelBroken tells whether the connection under a stream broke: nobody knows what the other end did. */
export function isTunnelBroken(error: unknown): boolean {
  return (error as { isTunnelBroken?: boolean }).isTunnelBroken === true;
}
