import { X509Certificate } from 'node:crypto';
import { type CertificateFacts, certificateFacts } from '../model/certificate.ts';
import { type Clock, poll } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { specHash } from '../model/spec.ts';
import type { NginxInstance } from './instance.ts';
import { DIRECT_HTTP_PORT, DIRECT_TLS_PORT } from './listening.ts';
import {
  CERTIFICATE_FOLDER,
  CHALLENGE_FOLDER,
  CHALLENGE_PATH,
  certificateFile,
  challengeAnswer,
} from './tls.ts';

/** A certificate as an edge has it. */
export interface InstalledCertificate extends CertificateFacts {
  /** Where it comes from. */
  origin: string;
  chain: string;
  /** Of the chain as it was given. */
  hash: string;
}

/** A certificate and what only its holder has. */
export interface KeyPair {
  /** The certificate and those that sign it, in PEM. */
  chain: string;
  /** In PEM. */
  privateKey: string;
}

/** How long nginx may take to show what was put: it looks with each handshake. */
const SHOWN_MS = 10_000;
const HANDSHAKE_MS = 5_000;
const POLL_MS = 50;

/**
 * installCertificate gives a certificate to an edge: from its next handshake on nginx shows it, and nothing is reloaded.
 * The edge tells others last that it has one, so that nobody is sent to HTTPS before. It throws a UserError where the edge
 * does not take it.
 */
export async function installCertificate(
  edge: NginxInstance,
  { scope, domain, origin }: { scope: string; domain: string; origin: string },
  { chain, privateKey }: KeyPair,
  clock: Clock,
): Promise<void> {
  const file = certificateFile(scope, domain);
  await edge.store(`/keys/${file}.pem`, `${ended(privateKey)}${ended(chain)}`, clock);
  await proveCertificate(edge, { domain, port: DIRECT_TLS_PORT }, chain, clock);
  await edge.store(`/${CERTIFICATE_FOLDER}/${file}.crt`, installedText(origin, chain), clock);
}

/** What stands before the chain of an installed certificate: a text around it is no part of it (RFC 7468 §2). */
const ORIGIN = '# from ';

/** installedText returns what an edge has of a certificate, without its key. Pure. */
export function installedText(origin: string, chain: string): string {
  return `${ORIGIN}${origin}\n${ended(chain)}`;
}

/** readInstalled reads what an edge has of a certificate; undefined where that is none. Pure. */
export function readInstalled(text: string): InstalledCertificate | undefined {
  const [, origin = '', chain = ''] = /^# from (.*)\n([\s\S]*)$/.exec(text) ?? [];
  try {
    return { ...certificateFacts(new X509Certificate(chain)), origin, chain, hash: specHash(chain.trim()) };
  } catch {
    return undefined;
  }
}

/** putChallengeAnswer has an edge answer whatever a CA asks for, for the account with this thumbprint. */
export async function putChallengeAnswer(
  edge: NginxInstance,
  scope: string,
  thumbprint: string,
  clock: Clock,
): Promise<void> {
  await edge.store(`/${CHALLENGE_FOLDER}/${scope}`, challengeAnswer(thumbprint), clock);
}

/**
 * proveChallengeAnswer waits until an edge answers what a CA will ask for, as it will ask. It throws a UserError where it
 * does not: then no CA needs to be asked, which counts such failures.
 */
export async function proveChallengeAnswer(
  { server, address, title }: NginxInstance,
  { domain }: { domain: string },
  { token, keyAuthorization }: { token: string; keyAuthorization: string },
  clock: Clock,
): Promise<void> {
  // It becomes part of a path (RFC 8555 §8.3: base64url).
  if (!/^[\w-]{1,200}$/.test(token)) throw new Error('the CA has sent a token that cannot be one');
  const target = { address, port: DIRECT_HTTP_PORT, path: `${CHALLENGE_PATH}${token}`, host: domain };
  let seen = 'no answer';
  const isAnswered = await poll(clock, { everyMs: POLL_MS, timeoutMs: SHOWN_MS }, async () => {
    try {
      const { status, body } = await server.http.get(target, HANDSHAKE_MS);
      seen = `its answer is ${status}`;
      return (status === 200 && body === keyAuthorization) || undefined;
    } catch (error) {
      seen = messageOf(error);
      return undefined;
    }
  });
  if (isAnswered) return;
  throw new UserError(`${title} does not answer a CA that asks for ${domain}: ${seen}`, {
    hint: 'No CA was asked, and what was served before is served on. "docker logs switchyard_edge" on the server says why; its image needs nginx with the modules that it has by itself (ssi).',
  });
}

/** removeCertificate takes a certificate away from an edge that has no route for its domain any more. */
export async function removeCertificate(edge: NginxInstance, file: string, clock: Clock): Promise<void> {
  await edge.store(`/${CERTIFICATE_FOLDER}/${file}.crt`, undefined, clock);
  await edge.store(`/keys/${file}.pem`, undefined, clock);
}

/** proveCertificate waits until an edge shows a certificate to whoever asks for its domain. It throws a UserError where it does not. */
async function proveCertificate(
  { server, address, title }: NginxInstance,
  { domain, port }: { domain: string; port: number },
  chain: string,
  clock: Clock,
): Promise<void> {
  const wanted = new X509Certificate(chain).fingerprint256;
  const name = domain === '*' ? undefined : domain.replace('*', 'probe');
  let seen = 'no answer';
  const isShown = await poll(clock, { everyMs: POLL_MS, timeoutMs: SHOWN_MS }, async () => {
    try {
      const shown = await server.handshake({ address, port, name }, HANDSHAKE_MS);
      seen = `it shows the one of ${shown.issuer.replaceAll('\n', ', ')} with the serial ${shown.serialNumber}`;
      return shown.fingerprint256 === wanted || undefined;
    } catch (error) {
      seen = messageOf(error);
      return undefined;
    }
  });
  if (isShown) return;
  throw new UserError(`${title} does not show the new certificate of ${domain}: ${seen}`, {
    hint: 'What it served before it serves on. "docker logs switchyard_edge" on the server says why nginx refuses it.',
  });
}

function ended(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
