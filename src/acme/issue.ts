import { createPrivateKey, X509Certificate } from 'node:crypto';
import { REVOCATION_REASONS, type RenewalWindow, type RevocationReason } from '../model/certificate.ts';
import { type Clock, poll } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import { type AcmeAccountKey, newPrivateKey, thumbprintOf } from './account.ts';
import { derOf, type IssuedCertificate, issued, readCertificate, renewalId } from './certificate.ts';
import type { AcmeDirectory } from './directory.ts';
import { AcmeRefusal, CertificateError, explained, type NameFailure, namesRefused } from './failure.ts';
import { AcmeHttp, parsed } from './http.ts';
import {
  type Authorization,
  certifiedName,
  challengeOf,
  type Order,
  offeredChallenge,
  reasonOfFailure,
} from './order.ts';
import { readProblem } from './problem.ts';
import { AcmeSession, type Resource } from './session.ts';
import { signingRequest } from './signing-request.ts';
import type { Challenge, ChallengeSolver } from './solver.ts';

export type { IssuedCertificate } from './certificate.ts';

/** What is asked of an authority. */
export interface CertificateOrder {
  directory: AcmeDirectory;
  account: AcmeAccountKey;
  /** DNS names, wildcards among them where the solver is DNS-01. */
  names: readonly string[];
  solver: ChallengeSolver;
  /** Nothing waits for longer than this clock goes. */
  clock: Clock;
  log?: Log;
  /** PEM of the certificate that this one takes the place of, so that the authority counts it as its renewal. */
  replaces?: string;
}

/** So long an authority may take to look at a challenge, and so long to sign. */
const PATIENCE_MS = 120_000;
/** The longest pause between two looks, also where an authority asks for more. */
const LONGEST_PAUSE_MS = 15_000;

/**
 * issueCertificate orders one certificate for all names, shows the challenges by the solver, and returns it with its
 * private key, which is made here. Whatever happens, the solver is told to clean up. It throws a CertificateError that
 * names the domains and what the authority saw; nothing that was there before is touched.
 */
export async function issueCertificate(order: CertificateOrder): Promise<IssuedCertificate> {
  const session = await AcmeSession.open(order);
  try {
    const placed = await placeOrder(session, order);
    await authorize(session, order, placed.body.authorizations);
    const privateKey = await newPrivateKey();
    const chain = await finalize(session, order, placed.url, privateKey);
    return checked(chain, privateKey, order, session.host);
  } catch (error) {
    throw explained(error, session.host, order.names);
  } finally {
    await session.close();
  }
}

/**
 * renewalWindow asks when the authority wants a certificate to be replaced (RFC 9773). undefined when it does not say, does
 * not know the certificate, or does not answer: then a share of the lifetime decides.
 */
export async function renewalWindow(
  directory: AcmeDirectory,
  certificatePem: string,
  clock: Clock,
): Promise<RenewalWindow | undefined> {
  const id = renewalId(certificatePem);
  if (id === undefined) return undefined;
  const http = new AcmeHttp(directory, clock);
  try {
    const { renewalInfo } = parsed((await http.send('GET', directory.url)).body) as { renewalInfo?: string };
    if (renewalInfo === undefined) return undefined;
    return windowIn(parsed((await http.send('GET', `${renewalInfo}/${id}`)).body));
  } catch {
    return undefined;
  } finally {
    await http.close();
  }
}

/** What is asked of an authority that shall take a certificate back. */
export interface Revocation {
  directory: AcmeDirectory;
  account: AcmeAccountKey;
  /** PEM, the certificate itself first. */
  certificate: string;
  reason: RevocationReason;
  /** The key of the certificate in PEM, where it is had: it may say so too, whoever ordered it. */
  privateKey?: string;
  clock: Clock;
}

/**
 * revokeCertificate takes a certificate back, as the account that ordered it, or else by its own key; one that is revoked
 * already is fine. A key that others have is shown first: then an authority refuses that key for ever, and not the
 * certificate alone. It throws a CertificateError.
 */
export async function revokeCertificate(revocation: Revocation): Promise<void> {
  const { certificate: pem, privateKey, reason } = revocation;
  const session = await AcmeSession.open(revocation);
  const { revokeCert } = session.endpoints;
  const payload = { certificate: derOf(pem).toString('base64url'), reason: REVOCATION_REASONS[reason] };
  const asAccount = async () => void (await session.post(revokeCert, payload));
  const byKey = privateKey && (async () => void (await session.postBy(privateKey, revokeCert, payload)));
  const ways = reason === 'key-compromise' ? [byKey, asAccount] : [asAccount, byKey];
  try {
    await firstAccepted(ways.filter((way) => way !== undefined && way !== ''));
  } catch (error) {
    if (error instanceof AcmeRefusal && error.problem.type === 'alreadyRevoked') return;
    const { names } = readCertificate(pem);
    if (!(error instanceof AcmeRefusal) || error.problem.status >= 429)
      throw explained(error, session.host, names);
    throw new CertificateError(
      `the certificate authority ${session.host} does not revoke the certificate for ${names.join(', ')}: ${error.problem.detail}`,
      {
        because: 'refused',
        hint: 'Only the account that ordered it may, and who has its key: is it from this authority, and by this account?',
        cause: error,
      },
    );
  } finally {
    await session.close();
  }
}

/** Tries ways until an authority takes one; it throws what it says of the last. */
async function firstAccepted([way, ...others]: readonly (() => Promise<void>)[]): Promise<void> {
  try {
    await way?.();
  } catch (error) {
    const isAboutWho = error instanceof AcmeRefusal && [401, 403].includes(error.problem.status);
    if (!isAboutWho || others.length === 0) throw error;
    await firstAccepted(others);
  }
}

async function placeOrder(session: AcmeSession, order: CertificateOrder): Promise<Resource<Order>> {
  const { names, directory, replaces, log } = order;
  const wanted = {
    identifiers: names.map((value) => ({ type: 'dns', value })),
    ...(directory.profile !== undefined && { profile: directory.profile }),
  };
  const replaced = replaces === undefined ? undefined : renewalId(replaces);
  log?.debug(`${session.host} is asked for a certificate for ${names.join(', ')}`);
  const { newOrder, renewalInfo } = session.endpoints;
  if (replaced === undefined || renewalInfo === undefined) return await session.post(newOrder, wanted);
  try {
    return await session.post(newOrder, { ...wanted, replaces: replaced });
  } catch (error) {
    // That it is a renewal only makes it cheaper: another authority's certificate, or one replaced before, is no reason to fail.
    const isAboutThat = error instanceof AcmeRefusal && [400, 404, 409].includes(error.problem.status);
    if (!isAboutThat || error.problem.ofNames.length > 0) throw error;
    log?.debug(`${session.host} does not take it as a renewal: ${error.problem.detail}`);
    return await session.post(newOrder, wanted);
  }
}

/** Proves all names of an order side by side, and throws what the authority objects to in all of them together. */
async function authorize(
  session: AcmeSession,
  order: CertificateOrder,
  urls: readonly string[],
): Promise<void> {
  const { solver, account, clock, log } = order;
  const all = await Promise.all(
    urls.map(async (url) => ({ url, authorization: (await session.get<Authorization>(url)).body })),
  );
  // Authorities use again what was proven a short while ago.
  const open = all.filter(({ authorization }) => authorization.status !== 'valid');
  const thumbprint = thumbprintOf(account);
  const shown = open.map(({ url, authorization }) => {
    const offered = offeredChallenge(authorization, solver.type, session.host);
    return { url, offered, challenge: challengeOf(authorization, offered, thumbprint) };
  });
  if (shown.length === 0) return;
  const challenges = shown.map(({ challenge }) => challenge);
  try {
    await solver.present(challenges);
    const failures = await Promise.all(
      shown.map(async ({ url, offered }) => await proven(session, clock, url, offered.url, solver.type)),
    );
    const refused = failures.filter((failure) => failure !== undefined);
    if (refused.length > 0) throw namesRefused(session.host, order.names, refused);
  } finally {
    await cleanUp(solver, challenges, log);
  }
}

async function cleanUp(
  solver: ChallengeSolver,
  challenges: readonly Challenge[],
  log: Log | undefined,
): Promise<void> {
  await solver.cleanUp(challenges).catch((error: unknown) => {
    const names = challenges.map(({ name }) => name).join(', ');
    log?.warning(`What proved ${names} to the certificate authority is still there: ${messageOf(error)}`);
  });
}

/** Has the authority look at a challenge; returns what it objects to, or undefined when the name is proven. */
async function proven(
  session: AcmeSession,
  clock: Clock,
  authorizationUrl: string,
  challengeUrl: string,
  type: ChallengeSolver['type'],
): Promise<NameFailure | undefined> {
  await session.post(challengeUrl, {});
  const last = await settled<Authorization>(
    session,
    clock,
    authorizationUrl,
    ({ status }) => status !== 'pending',
  );
  if (last.status === 'valid') return undefined;
  return { name: certifiedName(last), reason: reasonOfFailure(last, type, PATIENCE_MS) };
}

/** Sends the request for the certificate, waits until it is signed, and returns the chain in PEM. */
async function finalize(
  session: AcmeSession,
  { names, clock }: CertificateOrder,
  orderUrl: string,
  privateKey: string,
): Promise<string> {
  const csr = signingRequest(names, privateKey).toString('base64url');
  const ready = await settled<Order>(session, clock, orderUrl, ({ status }) => status !== 'pending');
  await session.post(ready.finalize, { csr }).catch((error: unknown) => {
    // The answer to the first try was lost, and the authority is at it already.
    if (!(error instanceof AcmeRefusal) || error.problem.type !== 'orderNotReady') throw error;
  });
  const last = await settled<Order>(
    session,
    clock,
    orderUrl,
    ({ status }) => status !== 'processing' && status !== 'ready',
  );
  if (last.status === 'valid' && last.certificate !== undefined) {
    return (await session.get(last.certificate)).text;
  }
  if (last.error !== undefined) throw new AcmeRefusal(readProblem(last.error, 400));
  throw new CertificateError(
    `the certificate authority ${session.host} has not signed the certificate for ${names.join(', ')}: after ${PATIENCE_MS / 1000} s the order is ${last.status}`,
    { because: 'unreachable', hint: 'Nothing has changed. Run again later.' },
  );
}

/** Looks until something of the authority is over, and returns it; what it is at the end of the time otherwise. */
async function settled<T>(
  session: AcmeSession,
  clock: Clock,
  url: string,
  isOver: (value: T) => boolean,
): Promise<T> {
  let last: Resource<T> | undefined;
  const everyMs = (looks: number) => Math.min(last?.retryAfterMs ?? 25 * 2 ** looks, LONGEST_PAUSE_MS);
  await poll(clock, { everyMs, timeoutMs: PATIENCE_MS }, async () => {
    last = await session.get<T>(url);
    return isOver(last.body) ? true : undefined;
  });
  return last!.body;
}

/** Returns what was issued, when it is what was asked for. */
function checked(
  chain: string,
  privateKey: string,
  { names, clock, log }: CertificateOrder,
  host: string,
): IssuedCertificate {
  const certificate = issued(chain, privateKey);
  const isForAll = names.every((name) => certificate.names.includes(name));
  if (!isForAll || !new X509Certificate(chain).checkPrivateKey(createPrivateKey(privateKey))) {
    throw new CertificateError(
      `the certificate authority ${host} has issued another certificate than the one for ${names.join(', ')}`,
      { because: 'refused', hint: 'What it issued is not used. Ask whoever runs the authority.' },
    );
  }
  const now = clock.now();
  if (now < certificate.notBefore || now >= certificate.notAfter) {
    const [from, until, here] = [certificate.notBefore, certificate.notAfter, now].map((ms) =>
      new Date(ms).toISOString(),
    );
    log?.warning(
      `The certificate for ${names.join(', ')} is valid from ${from} to ${until}, and the clock of this machine says ${here}: one of the two clocks is wrong. Browsers go by their own.`,
    );
  }
  return certificate;
}

function windowIn(value: unknown): RenewalWindow | undefined {
  const { suggestedWindow } = (value ?? {}) as { suggestedWindow?: { start?: string; end?: string } };
  const from = Date.parse(suggestedWindow?.start ?? '');
  const until = Date.parse(suggestedWindow?.end ?? '');
  return from < until ? { from, until } : undefined;
}
