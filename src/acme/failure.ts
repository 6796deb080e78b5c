import { UserError } from '../model/errors.ts';
import type { Problem } from './problem.ts';

/** Why there is no certificate: what a caller decides by. */
export type Because =
  /** Some names could not be proven, or are not allowed: `failures` says which. */
  | 'names'
  /** Too much was asked for: `retryAt` says when it may be asked again, where the authority said it. */
  | 'rate limit'
  /** The account is deactivated, or an external account is needed. */
  | 'account'
  /** The authority did not answer, or answered that it cannot now. */
  | 'unreachable'
  /** It refused for another reason. */
  | 'refused';

/** A name that the authority objects to, and what it says of it. */
export interface NameFailure {
  name: string;
  /** A sentence: what was asked where, and what was seen. */
  reason: string;
}

/** CertificateError says why there is no certificate, in a way that can be decided by. */
export class CertificateError extends UserError {
  readonly because: Because;
  /** Names that the authority objects to. */
  readonly failures: readonly NameFailure[];
  /** Names that nothing was said against: an order for them alone can succeed. */
  readonly goodNames: readonly string[];
  /** Milliseconds since 1970. */
  readonly retryAt: number | undefined;

  constructor(
    message: string,
    options: {
      because: Because;
      hint?: string;
      failures?: readonly NameFailure[];
      goodNames?: readonly string[];
      retryAt?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, options);
    this.name = 'CertificateError';
    this.because = options.because;
    this.failures = options.failures ?? [];
    this.goodNames = options.goodNames ?? [];
    this.retryAt = options.retryAt;
  }
}

/** AcmeRefusal is a request that the authority refused, with what it says of it. It stays in this folder. */
export class AcmeRefusal extends Error {
  readonly problem: Problem;
  /** Milliseconds since 1970: from when on it may be asked again, where the authority said it. */
  readonly retryAt: number | undefined;

  /** For the next request, also after one that was refused. */
  readonly nonce: string | undefined;

  constructor(problem: Problem, retryAt?: number, nonce?: string) {
    super(problem.detail);
    this.name = 'AcmeRefusal';
    this.problem = problem;
    this.retryAt = retryAt;
    this.nonce = nonce;
  }
}

/** explained returns what a refusal means as an error for people; every other error is returned as it is. */
export function explained(error: unknown, host: string, names: readonly string[]): unknown {
  if (!(error instanceof AcmeRefusal)) return error;
  const { problem, retryAt } = error;
  if (problem.type === 'rateLimited' || problem.status === 429) {
    const when = retryAt === undefined ? '' : `; it may be asked again at ${new Date(retryAt).toISOString()}`;
    return new CertificateError(
      `the certificate authority ${host} has given too many certificates, or was asked too often: ${problem.detail}${when}`,
      {
        because: 'rate limit',
        hint: 'Come back then: trying before only makes it later. While you try things out, use its staging directory.',
        retryAt,
        cause: error,
      },
    );
  }
  if (problem.status >= 500) {
    return new CertificateError(
      `the certificate authority ${host} has trouble of its own: ${problem.detail} (${problem.status})`,
      { because: 'unreachable', hint: 'Nothing has changed. Run again later.', retryAt, cause: error },
    );
  }
  if (problem.ofNames.length > 0) {
    const failures = problem.ofNames.map(({ name, detail }) => ({ name, reason: detail }));
    return namesRefused(host, names, failures, error);
  }
  return new CertificateError(
    `the certificate authority ${host} gives no certificate for ${names.join(', ')}: ${problem.detail} (${problem.type})`,
    { because: 'refused', hint: adviceFor(problem.type), cause: error },
  );
}

/** namesRefused says which of the names of an order the authority objects to, and why. */
export function namesRefused(
  host: string,
  names: readonly string[],
  failures: readonly NameFailure[],
  cause?: unknown,
): CertificateError {
  const goodNames = names.filter((name) => failures.every((failure) => failure.name !== name));
  const reasons = failures.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  const good = goodNames.length === 0 ? '' : ` Nothing was said against ${goodNames.join(', ')}.`;
  return new CertificateError(`the certificate authority ${host} does not accept ${reasons}`, {
    because: 'names',
    hint: `Mend what it saw, or take the name out, and run again.${good}`,
    failures,
    goodNames,
    cause,
  });
}

/** What to do about a type of problem (RFC 8555 §6.7). */
function adviceFor(type: string): string {
  switch (type) {
    case 'caa':
      return 'A CAA record of the domain forbids this authority: add it there.';
    case 'invalidContact':
    case 'unsupportedContact':
      return 'Is the e-mail address right? Its domain has to exist and to take mail.';
    case 'unauthorized':
      return 'The account may not do this: is it the one that the certificate was ordered with?';
    default:
      return 'What the authority says is in the message. Mend that, and run again.';
  }
}
