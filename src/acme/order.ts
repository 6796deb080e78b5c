import { createHash } from 'node:crypto';
import { CertificateError } from './failure.ts';
import { oneLine, readProblem } from './problem.ts';
import type { Challenge, ChallengeSolver } from './solver.ts';

/** An order as the authority shows it (RFC 8555 §7.1.3). */
export interface Order {
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: unknown;
}

/** Whether a name is ours, as the authority shows it (RFC 8555 §7.1.4). */
export interface Authorization {
  status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  identifier: { type: string; value: string };
  wildcard?: boolean;
  challenges: OfferedChallenge[];
}

/** A way to prove a name, and what came of it. */
export interface OfferedChallenge {
  type: string;
  url: string;
  token: string;
  status: string;
  error?: unknown;
  /** Where the authority looked: not in the standard, but Let's Encrypt and all that is built like it tell. */
  validationRecord?: { url?: string; addressUsed?: string; addressesResolved?: string[] | null }[];
}

/** certifiedName returns the name that an authorization is about, as it stands in the certificate. */
export function certifiedName({ identifier, wildcard }: Authorization): string {
  return wildcard ? `*.${identifier.value}` : identifier.value;
}

/** offeredChallenge returns the challenge of a type. It throws a CertificateError when the authority does not offer it. */
export function offeredChallenge(
  authorization: Authorization,
  type: ChallengeSolver['type'],
  host: string,
): OfferedChallenge {
  const found = authorization.challenges.find((challenge) => challenge.type === type);
  if (found !== undefined) return found;
  const name = certifiedName(authorization);
  const offered = authorization.challenges.map((challenge) => challenge.type).join(', ');
  throw new CertificateError(
    `the certificate authority ${host} does not take ${type} for ${name}: it offers ${offered || 'nothing'}`,
    {
      because: 'names',
      hint: authorization.wildcard
        ? 'Wildcards are proven by DNS-01 alone.'
        : 'Choose one of those, or another authority.',
      failures: [{ name, reason: `it is not proven by ${type} there` }],
    },
  );
}

/** challengeOf returns what a solver has to show for an offered challenge (RFC 8555 §8.1, §8.4). */
export function challengeOf(
  { identifier, wildcard = false }: Authorization,
  { token }: OfferedChallenge,
  thumbprint: string,
): Challenge {
  const keyAuthorization = `${token}.${thumbprint}`;
  return {
    name: identifier.value,
    isWildcard: wildcard,
    token,
    keyAuthorization,
    dnsValue: createHash('sha256').update(keyAuthorization).digest('base64url'),
  };
}

/** reasonOfFailure says in a sentence why a name is not proven: where the authority looked, and what it saw. */
export function reasonOfFailure(
  { status, challenges }: Authorization,
  type: ChallengeSolver['type'],
  patienceMs: number,
): string {
  const tried = challenges.find((challenge) => challenge.error !== undefined);
  if (tried === undefined) {
    return status === 'pending'
      ? `the authority has not finished its look within ${patienceMs / 1000} s`
      : `the authority says no more than "${status}"`;
  }
  const { detail, type: problem } = readProblem(tried.error, 400);
  return `${askedAt(tried)}${detail} (${problem}). ${adviceFor(problem, type)}`;
}

/** Where the authority asked at last, as far as it tells. */
function askedAt({ validationRecord = [] }: OfferedChallenge): string {
  const last = validationRecord.at(-1);
  const url = oneLine(last?.url);
  if (last === undefined || url === undefined) return '';
  const others = (last.addressesResolved ?? []).filter((address) => address !== last.addressUsed);
  const used = last.addressUsed ? ` at ${oneLine(last.addressUsed)}` : '';
  return `it asked for ${url}${used}${others.length > 0 ? ` (the name also leads to ${others.join(', ')})` : ''}: `;
}

function adviceFor(problem: string, type: ChallengeSolver['type']): string {
  if (problem === 'caa') return 'A CAA record of the domain forbids this authority.';
  if (type === 'dns-01')
    return 'Does the zone of the name really lead to the name servers that the record is at?';
  switch (problem) {
    case 'dns':
      return 'The name has to lead to the servers by an A or AAAA record.';
    case 'connection':
      return 'Port 80 of that address has to be reachable for the whole world; is it that of the server?';
    default:
      return 'Something else than this server answers there: does the name lead to it?';
  }
}
