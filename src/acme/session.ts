import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { AcmeAccountKey } from './account.ts';
import type { AcmeDirectory } from './directory.ts';
import { AcmeRefusal, CertificateError, explained } from './failure.ts';
import { AcmeHttp, parsed, replayNonce, retryAfterMs } from './http.ts';
import { publicJwk, signEs256, signHs256 } from './jws.ts';
import { askPatiently } from './patience.ts';

/** What the directory of an authority says (RFC 8555 §7.1.1, RFC 9773 §4). */
export interface Endpoints {
  newNonce: string;
  newAccount: string;
  newOrder: string;
  revokeCert: string;
  renewalInfo?: string;
  meta?: { externalAccountRequired?: boolean; profiles?: Record<string, string> };
}

/** One answer, parsed where it is JSON. */
export interface Resource<T> {
  body: T;
  text: string;
  /** Where the resource is, for one that was made. */
  url: string;
  /** For how long the authority asks to wait before the next look. */
  retryAfterMs: number | undefined;
}

/** AcmeSession is an account at an authority, and speaks for it. It waits by the clock. Close it. */
export class AcmeSession {
  readonly #http: AcmeHttp;
  readonly #directory: AcmeDirectory;
  readonly #account: AcmeAccountKey;
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  readonly #nonces: string[] = [];
  #accountUrl: string | undefined;
  /** What the authority offers. */
  readonly endpoints: Endpoints;

  private constructor(http: AcmeHttp, endpoints: Endpoints, options: SessionOptions) {
    this.#http = http;
    this.endpoints = endpoints;
    this.#directory = options.directory;
    this.#account = options.account;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** open reads the directory and finds the account of the key, or makes it. It throws a CertificateError. */
  static async open(options: SessionOptions): Promise<AcmeSession> {
    const http = new AcmeHttp(options.directory, options.clock);
    try {
      const session = new AcmeSession(
        http,
        await readDirectory(http, options.directory, options.clock),
        options,
      );
      await session.#register();
      return session;
    } catch (error) {
      await http.close();
      throw error;
    }
  }

  /** Host of the directory: what people know the authority by. */
  get host(): string {
    return this.#http.host;
  }

  /** post sends a request of the account and returns what it made. It throws an AcmeRefusal or a CertificateError. */
  async post<T>(url: string, payload: object): Promise<Resource<T>> {
    return await this.#asAccount(url, payload);
  }

  /** postBy sends a request that another key speaks for than that of the account. It throws as post does. */
  async postBy<T>(privateKey: string, url: string, payload: object): Promise<Resource<T>> {
    return await this.#signed(url, payload, { jwk: publicJwk(privateKey) }, privateKey);
  }

  /** get reads something of the account (POST-as-GET). It throws as post does. */
  async get<T>(url: string): Promise<Resource<T>> {
    return await this.#asAccount(url, undefined);
  }

  /** close ends the connections. */
  async close(): Promise<void> {
    await this.#http.close();
  }

  async #asAccount<T>(url: string, payload: object | undefined): Promise<Resource<T>> {
    try {
      return await this.#signed<T>(url, payload, { kid: this.#accountUrl });
    } catch (error) {
      if (!(error instanceof AcmeRefusal) || error.problem.type !== 'accountDoesNotExist') throw error;
      // Authorities for tests forget their accounts, and others may clean up.
      this.#log?.info(`${this.host} does not know the account any more: it is registered again`);
      await this.#register();
      return await this.#signed<T>(url, payload, { kid: this.#accountUrl });
    }
  }

  /** Finds the account of the key, or makes it: both are the same request (RFC 8555 §7.3). */
  async #register(): Promise<void> {
    const { eab, email } = this.#directory;
    const { newAccount, meta } = this.endpoints;
    const jwk = publicJwk(this.#account.privateKey);
    if (meta?.externalAccountRequired && eab === undefined) {
      throw new CertificateError(
        `the certificate authority ${this.host} gives certificates only to its customers: it wants an external account`,
        { because: 'account', hint: 'Get a key id and an HMAC key from it, and configure both.' },
      );
    }
    const account = await this.#signed<{ status?: string }>(
      newAccount,
      {
        termsOfServiceAgreed: true,
        ...(email !== undefined && { contact: [`mailto:${email}`] }),
        ...(eab && {
          externalAccountBinding: signHs256(eab.hmacKey, { kid: eab.keyId, url: newAccount }, jwk),
        }),
      },
      { jwk },
    ).catch((error: unknown) => {
      throw error instanceof AcmeRefusal ? this.#accountRefused(error) : error;
    });
    if (account.body.status !== undefined && account.body.status !== 'valid') {
      throw this.#accountRefused(undefined, `it is ${account.body.status}`);
    }
    this.#accountUrl = account.url;
  }

  #accountRefused(error: AcmeRefusal | undefined, reason = error?.problem.detail ?? ''): unknown {
    if (error !== undefined && (error.problem.status === 429 || error.problem.status >= 500)) {
      return explained(error, this.host, []);
    }
    return new CertificateError(
      `the certificate authority ${this.host} does not accept the account: ${reason}`,
      {
        because: 'account',
        hint: 'An account that was deactivated never comes back: remove its key, accounts/<project>_<environment>.pem in the volume switchyard_edge_keys, from all servers, and the next run makes another one. An external account has to be the one that the authority gave.',
        cause: error,
      },
    );
  }

  async #signed<T>(
    url: string,
    payload: object | undefined,
    by: object,
    privateKey = this.#account.privateKey,
  ): Promise<Resource<T>> {
    // A request that is repeated is signed again, with another nonce: the first one may have been taken.
    return await askPatiently(this.#clock, async () => {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce());
      const jws = signEs256(privateKey, { ...by, nonce, url }, payload);
      const answer = await this.#http.send('POST', url, jws).catch((error: unknown) => {
        if (error instanceof AcmeRefusal) this.#keep(error.nonce);
        throw error;
      });
      this.#keep(replayNonce(answer));
      return {
        body: parsed(answer.body) as T,
        text: answer.body,
        url: String(answer.headers.location ?? url),
        retryAfterMs: retryAfterMs(answer, this.#clock.now()),
      };
    });
  }

  #keep(nonce: string | undefined): void {
    if (nonce !== undefined) this.#nonces.push(nonce);
  }

  async #newNonce(): Promise<string> {
    const nonce = replayNonce(await this.#http.send('HEAD', this.endpoints.newNonce));
    if (nonce !== undefined) return nonce;
    throw new CertificateError(
      `the certificate authority ${this.host} gave no nonce, without which nothing can be asked`,
      {
        because: 'refused',
        hint: 'Is the address really that of an ACME directory (RFC 8555)?',
      },
    );
  }
}

/** With what a session is opened. */
export interface SessionOptions {
  directory: AcmeDirectory;
  account: AcmeAccountKey;
  clock: Clock;
  log?: Log | undefined;
}

/**
 * readDirectory asks what an authority offers. It throws a CertificateError when nobody answers, or what is there is no
 * directory.
 */
async function readDirectory(http: AcmeHttp, directory: AcmeDirectory, clock: Clock): Promise<Endpoints> {
  const { url, profile } = directory;
  const answer = await askPatiently(clock, async () => await http.send('GET', url)).catch(
    (error: unknown) => {
      throw error instanceof AcmeRefusal && error.problem.status < 429
        ? noDirectory(url, error)
        : explained(error, http.host, []);
    },
  );
  const said = (parsed(answer.body) ?? {}) as Partial<Endpoints>;
  const needed = [said.newNonce, said.newAccount, said.newOrder, said.revokeCert];
  if (!needed.every((address) => typeof address === 'string')) throw noDirectory(url);
  const offered = Object.keys(said.meta?.profiles ?? {});
  if (profile !== undefined && !offered.includes(profile)) {
    throw new CertificateError(`the certificate authority ${http.host} has no profile ${profile}`, {
      because: 'refused',
      hint: offered.length === 0 ? 'It has none at all: leave it out.' : `It has ${offered.join(', ')}.`,
    });
  }
  return said as Endpoints;
}

function noDirectory(url: string, cause?: unknown): CertificateError {
  return new CertificateError(`there is no directory of a certificate authority at ${url}`, {
    because: 'refused',
    hint: 'Is the address right? That of Let’s Encrypt is https://acme-v02.api.letsencrypt.org/directory.',
    cause,
  });
}
