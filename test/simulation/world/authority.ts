import { X509Certificate } from 'node:crypto';
import { readCertificate, selfSigned } from '../../../src/acme/certificate.ts';
import { CertificateError } from '../../../src/acme/failure.ts';
import type { NameLookup } from '../../../src/acme/name-lookup.ts';
import type { Authority, CertificateOrder, RevocationOrder } from '../../../src/deploy/steps/authority.ts';
import type { KeyPair } from '../../../src/nginx/certificates.ts';
import type { Machine } from './machine.ts';
import { Nginx } from './nginx.ts';

/** Where things are that this CA looks at. */
interface Surroundings {
  clock: { now(): number };
  machines: ReadonlyMap<string, Machine>;
}

/** How long what it issues lives. */
const LIFETIME_DAYS = 90;
const DAY_MS = 86_400_000;
const CHALLENGE = '/.well-known/acme-challenge/';

/** SimulatedAuthority is a CA: it asks every server, as the world would, whether a name is theirs. */
export class SimulatedAuthority implements Authority {
  /** What it has issued, in order: `shop.example.com`. */
  readonly issued: string[] = [];
  /** The accounts that it knows, by their keys. */
  readonly accounts = new Set<string>();
  /** Serials of those that it wants to be renewed at once. */
  readonly wantsAnew = new Set<string>();
  /** How many days ago what it issues was issued: simulated users would be asked for each second of them. */
  issuesDaysBefore = 0;
  /** Domains that it refuses. */
  readonly refused = new Set<string>();
  /** What it says to who asks for a domain. */
  readonly failures = new Map<string, Error>();
  /** What it has taken back, and who it believed. */
  readonly revoked: { serial: string; reason: string; by: string }[] = [];
  /** Which account has ordered a certificate, by its serial. */
  readonly #orderedBy = new Map<string, string>();
  /** What was asked for, whatever came of it. */
  readonly asked: string[] = [];
  /** Where names lead that lead elsewhere than to the servers. */
  readonly leads = new Map<string, NameLookup>();
  readonly #around: Surroundings;
  #count = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async newAccountKey(): Promise<string> {
    this.#count++;
    return `account-${this.#count}`;
  }

  thumbprintOf(account: string): string {
    return `thumbprint-of-${account}`;
  }

  async selfSigned(domain: string): Promise<KeyPair> {
    return await selfSigned([domain], { days: LIFETIME_DAYS, now: this.#around.clock.now() });
  }

  async lookUp(name: string): Promise<NameLookup> {
    return this.leads.get(name) ?? { seen: 'addresses', addresses: ['192.0.2.1', '192.0.2.2'] };
  }

  async issue({ domain, account, solver }: CertificateOrder): Promise<KeyPair> {
    this.accounts.add(account);
    this.asked.push(domain);
    const failure = this.failures.get(domain);
    if (failure !== undefined) throw failure;
    if (this.refused.has(domain)) throw refusal(`${domain} gets no certificate: the CA refuses it`);
    if ('http' in solver) {
      const challenge = { token: `token-${++this.#count}`, keyAuthorization: '' };
      challenge.keyAuthorization = `${challenge.token}.${this.thumbprintOf(account)}`;
      await solver.http.present([challenge]);
      const wrong = this.#edges().filter(
        ([, nginx]) =>
          nginx.answer({ port: 80, path: `${CHALLENGE}${challenge.token}`, host: domain, from: 'world' })
            .body !== challenge.keyAuthorization,
      );
      if (wrong.length > 0)
        throw refusal(`${domain}: ${wrong.map(([name]) => name).join(', ')} did not answer the CA`);
    }
    this.issued.push(domain);
    const now = this.#around.clock.now() - this.issuesDaysBefore * DAY_MS;
    const certificate = await selfSigned([domain], { days: LIFETIME_DAYS, now });
    this.#orderedBy.set(certificate.serial, account);
    return certificate;
  }

  async revoke({ account, certificate, reason, privateKey }: RevocationOrder): Promise<void> {
    const { names, serial } = readCertificate(certificate);
    const failure = this.failures.get(`revoke ${names[0]}`);
    if (failure !== undefined) throw failure;
    const by = this.#orderedBy.get(serial) === account ? 'account' : privateKey && 'key';
    if (!by) {
      throw new CertificateError('it is not yours', { because: 'refused', hint: 'Who has ordered it?' });
    }
    if (this.revoked.some((one) => one.serial === serial)) return;
    this.revoked.push({ serial, reason, by });
  }

  async renewalAt(_acme: unknown, pem: string): Promise<number | undefined> {
    return this.wantsAnew.has(new X509Certificate(pem).serialNumber) ? this.#around.clock.now() : undefined;
  }

  #edges(): [string, Nginx][] {
    return [...this.#around.machines].flatMap(([name, machine]): [string, Nginx][] => {
      const program = machine.find('switchyard_edge')?.program;
      return program instanceof Nginx ? [[name, program]] : [];
    });
  }
}

function refusal(message: string): CertificateError {
  return new CertificateError(message, { because: 'names', hint: 'Ask why.' });
}
