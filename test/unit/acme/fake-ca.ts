import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { newPrivateKey } from '../../../src/acme/account.ts';
import { contextTag, der, derInteger, derObjectId, derTime, readDer, TAG } from '../../../src/acme/der.ts';
import type { Jws } from '../../../src/acme/jws.ts';
import {
  commonName,
  signatureAlgorithm,
  signed,
  subjectAlternativeNames,
} from '../../../src/acme/signing-request.ts';

/** What a request is answered instead of what it should be. */
export interface Instead {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** The connection stays open, and nothing comes. */
  isSilent?: boolean;
}

/** FakeCa is an authority that issues everything at once, and misbehaves on request: for what the real one cannot do. */
export class FakeCa {
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #key = '';
  #nonces = 0;
  #chain = '';
  #names: string[] = [];
  /** Path and payload of every request that was signed. */
  readonly asked: { path: string; payload: Record<string, unknown> }[] = [];
  /** By path, what its next requests are answered instead; the last one of a path for ever, with `always`. */
  readonly instead = new Map<string, Instead[]>();
  /** Beside what every directory has. */
  directory: Record<string, unknown> = {};
  /** Names that fail, with the challenge that says why. */
  readonly bad = new Map<string, Record<string, unknown>>();
  /** Of what is issued, in ms since 1970. */
  validity = { from: Date.now() - 3_600_000, until: Date.now() + 90 * 86_400_000 };

  async start(): Promise<this> {
    this.#key = await newPrivateKey();
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** url returns the address of a path; without one, that of the directory. */
  url(path = '/directory'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** count returns how often a path was asked for with a signature. */
  count(path: string): number {
    return this.asked.filter((request) => request.path === path).length;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const payload = request.method === 'POST' ? payloadOf((await json(request)) as Jws) : {};
    if (request.method === 'POST') this.asked.push({ path, payload });
    const queue = this.instead.get(path) ?? [];
    const instead = queue.shift();
    if (instead?.isSilent) return;
    const { status, body, headers } = instead ?? this.#answer(path, payload);
    const isText = typeof body === 'string';
    response
      .writeHead(status, {
        'content-type': isText ? 'application/pem-certificate-chain' : 'application/json',
        'replay-nonce': `nonce-${++this.#nonces}`,
        ...headers,
      })
      .end(isText ? body : JSON.stringify(body ?? {}));
  }

  #answer(path: string, payload: Record<string, unknown>): Instead {
    const [, what = '', name = ''] = path.split('/').map(decodeURIComponent);
    switch (what) {
      case 'directory': {
        const paths = ['newNonce', 'newAccount', 'newOrder', 'revokeCert'];
        const urls = Object.fromEntries(paths.map((key) => [key, this.url(`/${key}`)]));
        return { status: 200, body: { ...urls, ...this.directory } };
      }
      case 'newAccount':
        return { status: 201, body: { status: 'valid' }, headers: { location: this.url('/account/1') } };
      case 'newOrder':
        this.#names = (payload.identifiers as { value: string }[]).map(({ value }) => value);
        return { status: 201, body: this.#order('pending'), headers: { location: this.url('/order') } };
      case 'authz':
        return { status: 200, body: this.#authorization(name) };
      case 'order':
        return { status: 200, body: this.#order(this.#chain === '' ? 'ready' : 'valid') };
      case 'finalize':
        this.#chain = this.#issue(Buffer.from(String(payload.csr), 'base64url'));
        return { status: 200, body: this.#order('processing') };
      case 'certificate':
        return { status: 200, body: this.#chain };
      default:
        return { status: 200 };
    }
  }

  #order(status: string): object {
    const authorizations = this.#names.map((name) => this.url(`/authz/${encodeURIComponent(name)}`));
    return { status, authorizations, finalize: this.url('/finalize'), certificate: this.url('/certificate') };
  }

  #authorization(name: string): object {
    const wasTried = this.count(`/challenge/${encodeURIComponent(name)}`) > 0;
    const failed = this.bad.get(name);
    const done = failed ? 'invalid' : 'valid';
    return {
      status: wasTried ? done : 'pending',
      identifier: { type: 'dns', value: name },
      challenges: [
        {
          ...{ type: 'http-01', token: `token-${name}`, status: 'pending' },
          url: this.url(`/challenge/${encodeURIComponent(name)}`),
          ...(wasTried && failed),
        },
      ],
    };
  }

  /** Signs what a request asks for, with an extension that names the key, as authorities do. */
  #issue(csr: Buffer): string {
    const info = readDer(readDer(csr)[0]!.content)[0]!;
    const publicKey = readDer(info.content)[2]!.whole;
    const issuer = commonName('Fake CA');
    const keyId = der(TAG.sequence, der(contextTag(0, false), Buffer.from('the key of it')));
    const authorityKey = der(TAG.sequence, derObjectId('2.5.29.35'), der(TAG.octetString, keyId));
    const certificate = der(
      TAG.sequence,
      der(contextTag(0, true), derInteger(Buffer.from([2]))),
      derInteger(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      signatureAlgorithm(),
      issuer,
      der(TAG.sequence, derTime(this.validity.from), derTime(this.validity.until)),
      commonName('leaf'),
      publicKey,
      der(contextTag(3, true), der(TAG.sequence, subjectAlternativeNames(this.#names), authorityKey)),
    );
    const base64 =
      signed(certificate, this.#key)
        .toString('base64')
        .match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...base64, '-----END CERTIFICATE-----', ''].join('\n');
  }
}

function payloadOf({ payload }: Jws): Record<string, unknown> {
  return payload === '' ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString());
}
