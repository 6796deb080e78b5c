import { X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Agent } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import acmeClient from 'acme-client';
import { type AcmeAccountKey, newAccountKey, newPrivateKey, thumbprintOf } from '../../src/acme/account.ts';
import { type IssuedCertificate, readCertificate } from '../../src/acme/certificate.ts';
import { cloudflareSolver } from '../../src/acme/cloudflare.ts';
import type { CertificateError } from '../../src/acme/failure.ts';
import {
  type CertificateOrder,
  issueCertificate,
  type Revocation,
  renewalWindow,
  revokeCertificate,
} from '../../src/acme/issue.ts';
import { lookUpName } from '../../src/acme/name-lookup.ts';
import { signingRequest } from '../../src/acme/signing-request.ts';
import type { Challenge, ChallengeSolver } from '../../src/acme/solver.ts';
import { renewalAt } from '../../src/model/certificate.ts';
import { systemClock } from '../../src/model/clock.ts';
import { type Authority, type AuthorityOptions, boundAccount, startAuthority } from './ca.ts';
import { type FakeCloudflare, startCloudflare } from './cloudflare.ts';
import { mustRun } from './command.ts';

const NAMES = ['shop.example.test', 'www.shop.example.test', 'api.shop.example.test'];

/** What HTTP-01 needs of a server: one answer for all tokens, which a configuration can hold. */
async function answerStatelessly(port: number, account: AcmeAccountKey): Promise<Server> {
  const server = createServer((request, response) => {
    const [, token] = /^\/\.well-known\/acme-challenge\/([-_a-zA-Z0-9]+)$/.exec(request.url ?? '') ?? [];
    if (token === undefined) response.writeHead(404).end();
    else response.end(`${token}.${thumbprintOf(account)}`);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const stateless: ChallengeSolver = { type: 'http-01', present: async () => {}, cleanUp: async () => {} };

/** Shows challenges by the name server of an authority, and remembers what was asked of it. */
function byNameServer({ dns }: Authority): ChallengeSolver & { shown: Challenge[] } {
  const shown: Challenge[] = [];
  return {
    type: 'dns-01',
    shown,
    present: async (challenges) => {
      for (const { name, dnsValue } of challenges) await dns.text(`_acme-challenge.${name}`, dnsValue);
      shown.push(...challenges);
    },
    cleanUp: async (challenges) => {
      for (const { name } of challenges) await dns.clearText(`_acme-challenge.${name}`);
    },
  };
}

/** An authority, an account, and a server that answers for it. */
interface World {
  authority: Authority;
  account: AcmeAccountKey;
  order(names: readonly string[], other?: Partial<CertificateOrder>): Promise<IssuedCertificate>;
}

const open: (() => Promise<unknown>)[] = [];
async function world(options: AuthorityOptions = {}): Promise<World> {
  const authority = await startAuthority(options);
  const account = await newAccountKey();
  const server = await answerStatelessly(authority.httpPort, account);
  open.push(authority.stop, async () => {
    server.closeAllConnections();
    server.close();
  });
  const order: World['order'] = (names, other) =>
    issueCertificate({
      directory: authority.directory,
      account,
      names,
      solver: stateless,
      clock: systemClock,
      ...other,
    });
  return { authority, account, order };
}

async function close(): Promise<void> {
  for (const end of open.splice(0)) await end();
}

/** The certificates of a chain, leaf first, and then the root. */
function chainOf({ chain }: IssuedCertificate, { root }: Authority): X509Certificate[] {
  const pems = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return [...pems, root].map((pem) => new X509Certificate(pem));
}

/** Has an authority take a certificate back, as the account of its world unless something else is said. */
async function revoke({ authority, account }: World, certificate: string, other?: Partial<Revocation>) {
  const { directory } = authority;
  const reason = 'superseded';
  await revokeCertificate({ directory, account, certificate, reason, clock: systemClock, ...other });
}

async function failureOf(work: Promise<unknown>): Promise<CertificateError> {
  return await work.then(
    () => {
      throw new Error('nothing failed');
    },
    (error) => error as CertificateError,
  );
}

describe('a real authority', () => {
  let it: World;
  beforeAll(async () => {
    it = await world();
  });
  afterAll(close);

  test('HTTP-01 for three names, by one stateless answer: the chain leads to the root', async () => {
    const begun = performance.now();
    const certificate = await it.order(NAMES);
    console.log(`three names in ${Math.round(performance.now() - begun)} ms`);
    expect(certificate.names.toSorted()).toEqual(NAMES.toSorted());
    const chain = chainOf(certificate, it.authority);
    expect(chain.length).toBeGreaterThan(2);
    for (const [at, { publicKey }] of chain.slice(1).entries())
      expect(chain[at]?.verify(publicKey)).toBe(true);
    expect(chain[0]?.checkHost('api.shop.example.test')).toBeTruthy();
    expect(readCertificate(certificate.chain)).toMatchObject({
      serial: certificate.serial,
      isSelfSigned: false,
    });
  });

  test('DNS-01 for a domain and its wildcard: two records at one name, gone afterwards', async () => {
    const solver = byNameServer(it.authority);
    const certificate = await it.order(['wild.example.test', '*.wild.example.test'], { solver });
    expect(certificate.names.toSorted()).toEqual(['*.wild.example.test', 'wild.example.test']);
    expect(solver.shown.map(({ isWildcard }) => isWildcard).toSorted()).toEqual([false, true]);
    expect(new Set(solver.shown.map(({ name }) => name))).toEqual(new Set(['wild.example.test']));
  });

  test('a wildcard is not proven over HTTP, and the error says how it is', async () => {
    const { message, hint } = await failureOf(it.order(['*.wild2.example.test']));
    expect(message).toMatch(/does not take http-01 for \*\.wild2\.example\.test: it offers dns-01$/);
    expect(hint).toBe('Wildcards are proven by DNS-01 alone.');
  });

  test('one bad name of five: it is named with what was seen, and the others go by themselves', async () => {
    await it.authority.dns.address('blog.example.test', '127.0.0.9');
    const names = [...NAMES, 'blog.example.test', 'docs.example.test'];
    const failure = await failureOf(it.order(names));
    expect(failure).toMatchObject({ because: 'names', failures: [{ name: 'blog.example.test' }] });
    expect(failure.message).toMatch(/blog\.example\.test: .*127\.0\.0\.9:\d+: .*refused.*Port 80/);
    expect(failure.goodNames).toEqual([...NAMES, 'docs.example.test']);
    expect((await it.order(failure.goodNames)).names).toHaveLength(4);
  });

  test('a name that does not resolve, and one at which another server answers', async () => {
    await it.authority.dns.fail('gone.example.test');
    const gone = await failureOf(it.order(['gone.example.test']));
    expect(gone.message).toMatch(/gone\.example\.test: .*could not resolve/);
    const stranger = await failureOf(it.order(['other.example.test'], { account: await newAccountKey() }));
    expect(stranger.message).toMatch(/other\.example\.test: .*unauthorized.*Something else/);
  });

  test('where a name leads is found out by the name server of the authority', async () => {
    const { dns, nameServer } = it.authority;
    const dnsAt = () => {
      const resolver = new Resolver({ timeout: 2_000, tries: 1 });
      resolver.setServers([nameServer]);
      return resolver;
    };
    const lookUp = (name: string) => lookUpName(name, { clock: systemClock, dnsAt });
    await dns.address('led.example.test', '127.0.0.8', '127.0.0.9');
    await dns.fail('broken.example.test');
    const led = await lookUp('led.example.test');
    expect(led.seen === 'addresses' && led.addresses.toSorted()).toEqual(['127.0.0.8', '127.0.0.9']);
    expect(await lookUp('broken.example.test')).toEqual({ seen: 'unknown', why: 'ESERVFAIL' });
  });

  test('a renewal has another serial and key; what there was stays valid until it is revoked, which may be said twice', async () => {
    const first = await it.order(NAMES);
    const second = await it.order(NAMES, { replaces: first.chain });
    expect([second.serial, second.privateKey]).not.toEqual([first.serial, first.privateKey]);
    await revoke(it, first.chain);
    await revoke(it, first.chain);
    const stranger = await newAccountKey();
    const refused = await failureOf(revoke(it, second.chain, { account: stranger }));
    expect(refused.message).toMatch(/does not revoke the certificate for .*shop\.example\.test/);
  });

  test.each(['superseded', 'key-compromise'] as const)(
    'a certificate whose account is lost is revoked by its own key: %s',
    async (reason) => {
      const { chain, privateKey } = await it.order(['lost.example.test']);
      const account = await newAccountKey();
      await revoke(it, chain, { account, privateKey, reason });
      expect(await it.authority.statusOf(readCertificate(chain).serial)).toBe('Revoked');
    },
  );

  test('without word of the authority a third of the lifetime decides', async () => {
    const certificate = await it.order(['life.example.test']);
    const window = await renewalWindow(it.authority.directory, certificate.chain, systemClock);
    const at = renewalAt(certificate, window);
    expect(at).toBeGreaterThan(systemClock.now());
    expect(at).toBeGreaterThan(certificate.notBefore);
    expect(at).toBeLessThan(certificate.notAfter);
  });

  describe('as another client sees it', () => {
    const other = () =>
      new acmeClient.Client({
        directoryUrl: it.authority.directory.url,
        accountKey: it.account.privateKey,
      });
    beforeAll(() => {
      acmeClient.axios.defaults.httpsAgent = new Agent({ ca: it.authority.directory.ca });
    });

    test('an account that we made is found, and a certificate that we ordered is revoked by it', async () => {
      const certificate = await it.order(['ours.example.test']);
      const client = other();
      await client.createAccount({ onlyReturnExisting: true } as never);
      await client.revokeCertificate(certificate.chain);
      await revoke(it, certificate.chain);
    });

    test('a certificate that it ordered with our request is revoked by us', async () => {
      const client = other();
      const csr = signingRequest(['theirs.example.test'], await newPrivateKey());
      const chain = await client.auto({
        csr: pem('CERTIFICATE REQUEST', csr),
        email: 'ops@example.test',
        challengePriority: ['http-01'],
        challengeCreateFn: async () => {},
        challengeRemoveFn: async () => {},
        skipChallengeVerification: true,
        termsOfServiceAgreed: true,
      });
      expect(readCertificate(chain).names).toEqual(['theirs.example.test']);
      await revoke(it, chain);
      await expect(client.revokeCertificate(chain)).rejects.toThrow(/revoked/);
    });

    test('openssl reads our requests, and finds their signatures good', async () => {
      const csr = pem(
        'CERTIFICATE REQUEST',
        signingRequest(['a.example.test', '*.b.example.test'], await newPrivateKey()),
      );
      const said = await mustRun(['openssl', 'req', '-noout', '-text', '-verify'], { input: csr });
      expect(said).toContain('DNS:a.example.test, DNS:*.b.example.test');
    });
  });
});

describe('DNS-01 by records at Cloudflare', () => {
  let it: World;
  let cloudflare: FakeCloudflare;
  let solver: ChallengeSolver;
  beforeAll(async () => {
    it = await world();
    const { dns, nameServer } = it.authority;
    cloudflare = await startCloudflare({
      zones: ['example.test', 'sub.example.test'],
      publish: async (name, values) => {
        await dns.clearText(name);
        for (const value of values) await dns.text(name, value);
      },
    });
    open.push(cloudflare.stop);
    solver = cloudflareSolver({
      ...cloudflare,
      owner: 'shop/production',
      clock: systemClock,
      nameServers: [nameServer],
    });
  });
  afterAll(close);

  /** Records that are none of this owner's business, and one that a killed run of it has left. */
  const leave = async (comment: string) => {
    const [zone = ''] = cloudflare.asked.flatMap((line) => /zones\/(\w+)\//.exec(line)?.[1] ?? []);
    await fetch(`${cloudflare.apiUrl}/zones/${zone}/dns_records`, {
      method: 'POST',
      headers: { authorization: `Bearer ${cloudflare.apiToken}` },
      body: JSON.stringify({
        type: 'TXT',
        name: '_acme-challenge.left.sub.example.test',
        content: `"${comment}"`,
        comment,
        ttl: 60,
      }),
    });
  };

  test('a domain and its wildcard in the zone that is nearest: two records that say whose they are, and none afterwards', async () => {
    const seen: string[] = [];
    const watched: ChallengeSolver = {
      ...solver,
      present: async (challenges) => {
        await solver.present(challenges);
        seen.push(...cloudflare.records.map(({ name, comment }) => `${name}: ${comment}`));
      },
    };
    const certificate = await it.order(['a.sub.example.test', '*.a.sub.example.test'], { solver: watched });
    expect(certificate.names).toHaveLength(2);
    const record = '_acme-challenge.a.sub.example.test: ACME challenge of shop/production (Switchyard)';
    expect(seen).toEqual([record, record]);
    expect(cloudflare.records).toEqual([]);
  });

  test('what a killed run has left goes with the next, what others have there stays', async () => {
    await leave('ACME challenge of shop/production (Switchyard)');
    await leave('ACME challenge of blog/production (Switchyard)');
    await leave('by hand');
    expect(cloudflare.records).toHaveLength(3);
    await it.order(['left.sub.example.test'], { solver });
    expect(cloudflare.records.map(({ comment }) => comment)).toEqual([
      'ACME challenge of blog/production (Switchyard)',
      'by hand',
    ]);
  });

  test('"later" is waited for, a zone that is not there and a token that may not are told', async () => {
    cloudflare.next.push({ status: 429, headers: { 'retry-after': '1' }, errors: [] });
    expect((await it.order(['busy.example.test'], { solver })).names).toEqual(['busy.example.test']);
    const elsewhere = await failureOf(it.order(['shop.elsewhere.test'], { solver }));
    expect(elsewhere.message).toMatch(/no zone for shop\.elsewhere\.test/);
    const token = 'wrong-token';
    const wrong = cloudflareSolver({ ...cloudflare, apiToken: token, owner: 'x', clock: systemClock });
    const refused = await failureOf(it.order(['a.example.test'], { solver: wrong }));
    expect(refused.message).toMatch(/Authentication error \(10000\)/);
    expect(`${refused.hint} ${refused.stack}`).not.toContain(token);
  });
});

describe('an authority that is difficult', () => {
  afterEach(close);

  test('half of all nonces refused: nobody notices', async () => {
    const { order } = await world({ refusedNonces: 50 });
    expect((await order(NAMES)).names).toHaveLength(3);
  });

  test('what was proven before is not proven again', async () => {
    const { order } = await world({ reusedAuthorizations: 100 });
    await order(NAMES);
    const solver = { ...stateless, present: () => Promise.reject(new Error('asked again')) };
    expect((await order(NAMES, { solver })).names).toHaveLength(3);
  });

  test('customers only: without an external account it is said, with a wrong key too, with the right one it works', async () => {
    const { authority, order } = await world({ needsBinding: true });
    expect((await failureOf(order(NAMES))).message).toMatch(/gives certificates only to its customers/);
    const wrong = { ...boundAccount, hmacKey: Buffer.from('not the key').toString('base64url') };
    const refused = await failureOf(order(NAMES, { directory: { ...authority.directory, eab: wrong } }));
    expect(refused.because).toBe('account');
    expect(`${refused.message} ${refused.hint} ${refused.stack}`).not.toContain(wrong.hmacKey);
    const bound = await order(NAMES, { directory: { ...authority.directory, eab: boundAccount } });
    expect(bound.names).toHaveLength(3);
  });

  test('an authority that has forgotten everybody: the next order registers the account again', async () => {
    const first = await world();
    await first.order(['again.example.test']);
    const empty = await startAuthority({ httpPort: first.authority.httpPort });
    open.push(empty.stop);
    const certificate = await first.order(['again.example.test'], { directory: empty.directory });
    expect(certificate.names).toEqual(['again.example.test']);
  });

  test('a directory that nobody vouches for is not trusted, and nobody there is said', async () => {
    const { authority, order } = await world();
    const { ca: _, ...unknown } = authority.directory;
    const distrusted = await failureOf(order(NAMES, { directory: unknown }));
    expect(distrusted.message).toMatch(/cannot be reached: .*self.signed/);
    expect(distrusted.hint).toMatch(/name its root.*clock/);
  });
});

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
