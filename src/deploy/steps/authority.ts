import type { NameLookup } from '../../acme/name-lookup.ts';
import type { RevocationReason } from '../../model/certificate.ts';
import type { AcmeSpec } from '../../model/spec.ts';
import type { KeyPair } from '../../nginx/certificates.ts';

/** What a CA asks for, to see that a name is ours. */
export interface HttpChallenge {
  token: string;
  keyAuthorization: string;
}

/** How it is shown to a CA over HTTP that a name is ours: what has to be answered is answered already. */
export interface HttpSolver {
  present(challenges: readonly HttpChallenge[]): Promise<void>;
}

/** What is asked for. */
export interface CertificateOrder {
  domain: string;
  acme: AcmeSpec;
  /** Whose it is: the environment, by which what a killed run has left is known. */
  owner: string;
  /** The key of the account that the CA gives, where one needs one. */
  eabKey?: string;
  /** The key of the account, in PEM. */
  account: string;
  /** Over HTTP, or by records in DNS that a token may change. */
  solver: { http: HttpSolver } | { cloudflareToken: string };
  /** The certificate that it is to replace, in PEM. */
  replaces?: string;
}

/** What is asked of a CA that shall take a certificate back. */
export interface RevocationOrder extends Pick<CertificateOrder, 'acme' | 'eabKey' | 'account'> {
  /** In PEM. */
  certificate: string;
  reason: RevocationReason;
  /** The key of the certificate, in PEM, where the run has it still. */
  privateKey?: string;
}

/** Authority gives certificates. Each of its methods throws a UserError for what people can do something about. */
export interface Authority {
  /** newAccountKey makes a key of an account, in PEM. */
  newAccountKey(): Promise<string>;
  /** thumbprintOf returns by what answers to a CA show the account that has this key, in base64url. */
  thumbprintOf(account: string): string;
  /** selfSigned makes a certificate that is signed by itself. */
  selfSigned(domain: string): Promise<KeyPair>;
  /** lookUp says where DNS has a name lead. It never throws. */
  lookUp(name: string): Promise<NameLookup>;
  /** issue asks a CA for a certificate. */
  issue(order: CertificateOrder): Promise<KeyPair>;
  /** revoke asks a CA to take a certificate back. */
  revoke(order: RevocationOrder): Promise<void>;
  /** renewalAt returns when a CA wants a certificate to be renewed, in milliseconds since 1970; undefined where it does not say. It never throws. */
  renewalAt(acme: AcmeSpec, pem: string): Promise<number | undefined>;
}
