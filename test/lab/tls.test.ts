import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/model/clock.ts';
import type { TlsSpec } from '../../src/model/spec.ts';
import {
  type KeyPair,
  proveChallengeAnswer,
  putChallengeAnswer,
  removeCertificate,
} from '../../src/nginx/certificates.ts';
import { readTree } from '../../src/nginx/instance.ts';
import { forgetRevocation, noteRevocation, readRevocations } from '../../src/nginx/revocations.ts';
import { CHALLENGE_PATH } from '../../src/nginx/tls.ts';
import { fullSizeTest } from '../e2e/full-size-test.ts';
import { makeCertificate } from './certificates.ts';
import { run } from './command.ts';
import type { Front } from './front.ts';
import { SCOPE, type SecureFront, startSecureFront } from './secure-front.ts';

const clock = systemClock;

/** What browsers get by themselves. */
const TLS: TlsSpec = {
  mode: 'files',
  domains: { 'plain.example.com': { mode: 'off' }, 'proven.example.com': { mode: 'http-01' } },
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 86_400,
  acme: { url: 'https://ca.example.com/directory' },
};

/** handshake opens a connection over TLS, to see what the edge offers. */
function handshake(address: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(
    { host: address, port: 443, servername: 'app.example.com', rejectUnauthorized: false, ...options },
    () => resolve(socket),
  );
  socket.once('error', reject);
  return promise;
}

describe('an edge with HTTPS', () => {
  let secure: SecureFront;
  let address: string;

  beforeAll(async () => {
    secure = await startSecureFront(TLS, [
      'app.example.com',
      '*.wild.example.com',
      'plain.example.com',
      'proven.example.com',
    ]);
    address = secure.front.address;
  }, 120_000);

  afterAll(async () => {
    await secure?.down();
  });

  test('serves HTTP until its certificate is there, and sends to HTTPS from then on', async () => {
    const { front, install } = secure;
    expect((await front.ask('/path?a=b')).status).toBe(200);
    await expect(handshake(address)).rejects.toThrow();

    await install('app.example.com', await makeCertificate(['app.example.com']));

    const sent = await front.ask('/path?a=b');
    expect([sent.status, sent.headers.location]).toEqual([308, 'https://app.example.com/path?a=b']);
  });

  test('says to browsers that they shall come over HTTPS, over HTTPS only', async () => {
    const { front } = secure;
    const overTls = await front.ask('/', { ...overHttps(front), method: 'GET' });
    expect([overTls.status, overTls.headers['strict-transport-security']]).toEqual([200, 'max-age=86400']);
    expect((await front.ask('/')).headers).not.toHaveProperty('strict-transport-security');
  });

  test('tells the app that the client came over HTTPS', async () => {
    const { body } = await secure.front.ask('/echo', overHttps(secure.front));
    const headers = Object.fromEntries((JSON.parse(body) as { headers: [string, string][] }).headers);
    expect(headers).toMatchObject({ 'X-Forwarded-Proto': 'https' });
  });

  test('answers where balancers and CAs ask over HTTP', async () => {
    expect((await secure.front.ask('/.well-known/switchyard/health')).status).toBe(200);
    expect((await secure.front.ask('/.well-known/acme-challenge/x')).status).not.toBe(308);
  });

  test('answers a CA whatever it asks, by one file for the account, and nothing is reloaded', async () => {
    const { front, edge } = secure;
    const before = await workersOf(front);
    const asked = { headers: { host: 'proven.example.com' } };
    expect((await front.ask(`${CHALLENGE_PATH}token-1`, asked)).status).toBe(404);

    await putChallengeAnswer(edge, SCOPE, 'thumb_print-1', clock);

    const challenge = { token: 'token-1', keyAuthorization: 'token-1.thumb_print-1' };
    await proveChallengeAnswer(edge, { domain: 'proven.example.com' }, challenge, clock);
    const { status, body, headers } = await front.ask(`${CHALLENGE_PATH}another_One`, asked);
    expect([status, body, headers['content-type']]).toEqual([200, 'another_One.thumb_print-1', 'text/plain']);
    for (const path of ['', 'a/b', 'a%3C!--%23', 'a%0Ab'])
      expect((await front.ask(`${CHALLENGE_PATH}${path}`, asked)).status).toBe(404);
    const elsewhere = await front.ask(`${CHALLENGE_PATH}token-1`, { headers: { host: 'plain.example.com' } });
    expect(elsewhere.body).not.toContain('thumb_print');
    expect(await workersOf(front)).toEqual(before);
  });

  test('leaves a domain without HTTPS as it is', async () => {
    const { status } = await secure.front.ask('/', { headers: { host: 'plain.example.com' } });
    expect(status).toBe(200);
    await expect(handshake(address, { servername: 'plain.example.com' })).rejects.toThrow();
  });

  test.each([
    ['no name', ''],
    ['a name that nobody has', 'other.example.net'],
  ])('refuses a client that asks for %s', async (_what, servername) => {
    await expect(handshake(address, { servername })).rejects.toThrow(/unrecognized name/);
  });

  test('speaks HTTP/2', async () => {
    const session = connectHttp2('https://app.example.com', {
      createConnection: () =>
        connect({
          host: address,
          port: 443,
          servername: 'app.example.com',
          ALPNProtocols: ['h2'],
          rejectUnauthorized: false,
        }),
    });
    const stream = session.request({ ':path': '/echo' });
    const status = await new Promise((resolve, reject) => {
      stream.once('response', (headers) => resolve(headers[':status']));
      stream.once('error', reject);
    });
    session.destroy();
    expect(status).toBe(200);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s, and takes up its sessions', async (version) => {
    const options = { minVersion: version, maxVersion: version };
    const first = await handshake(address, options);
    const before = [first.getProtocol(), first.isSessionReused()];
    // TLS 1.3 tells of sessions after the handshake.
    const told = once(first, 'session').then(([session]) => session as Buffer);
    first.write('GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n');
    const session = version === 'TLSv1.2' ? first.getSession()! : await told;
    first.destroy();
    const second = await handshake(address, { ...options, session });
    expect([...before, second.isSessionReused()]).toEqual([version, false, true]);
    second.destroy();
  });

  test('keeps a certificate for each domain, and one with a star for all below', async () => {
    await secure.install('*.wild.example.com', await makeCertificate(['*.wild.example.com']));
    const socket = await handshake(address, { servername: 'a.wild.example.com' });
    expect(socket.getPeerCertificate().subjectaltname).toBe('DNS:*.wild.example.com');
    socket.destroy();
    const sent = await secure.front.ask('/x', { headers: { host: 'a.wild.example.com' } });
    expect(sent.headers.location).toBe('https://a.wild.example.com/x');
  });

  test('shows a new certificate to whoever comes next, with no handshake lost and no reload', async () => {
    const { front, install } = secure;
    const before = await workersOf(front);
    const pairs: KeyPair[] = [];
    for (let n = 0; n < 5; n++) {
      const fresh = await makeCertificate(['app.example.com']);
      pairs.push({ ...fresh });
    }
    const load = hammer(address);
    for (const pair of pairs) {
      await install('app.example.com', pair);
      await sleep(100);
    }
    const { done, failed } = await load.stop();
    const shown = await handshake(address);
    expect(shown.getPeerX509Certificate()?.serialNumber).toBe(
      new X509Certificate(pairs.at(-1)!.chain).serialNumber,
    );
    shown.destroy();
    expect({ failed, isBusy: done > 100 }).toEqual({ failed: [], isBusy: true });
    expect(await workersOf(front)).toEqual(before);
  });

  test('is found to be in order by sslscan', async () => {
    const { stdout } = await run(['sslscan', '--no-colour', '--sni-name=app.example.com', address]);
    const enabled = [...stdout.matchAll(/^(SSLv\d|TLSv[\d.]+)\s+enabled/gm)].map(([, version]) => version);
    expect(enabled.sort()).toEqual(['TLSv1.2', 'TLSv1.3']);
    expect(stdout).toMatch(/not vulnerable to heartbleed/);
    expect(stdout).not.toMatch(/Accepted .*(?:CBC|RC4|3DES|NULL|EXP|anon)/i);
  });

  test('keeps a note of what shall be revoked, without its key, until it is told to forget it', async () => {
    const { edge, server } = secure;
    const { chain } = await makeCertificate(['app.example.com']);
    const serial = new X509Certificate(chain).serialNumber;
    const place = { scope: SCOPE, domain: 'app.example.com' };
    const noted = async () =>
      readRevocations((await readTree(server, edge.id)).revocations, SCOPE, 'app.example.com');
    await noteRevocation(edge, place, { serial, reason: 'key-compromise', chain }, clock);
    expect(await noted()).toEqual([{ serial, reason: 'key-compromise', chain }]);
    await forgetRevocation(edge, place, serial, clock);
    expect(await noted()).toEqual([]);
  });

  fullSizeTest(
    'is found to be without a weakness by testssl.sh',
    async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'switchyard-testssl-')), 'found.json');
      const asked = [
        '--protocols',
        '--std',
        '--server-defaults',
        '--server-preference',
        '--fs',
        '--vulnerable',
      ];
      const how = ['--quiet', '--warnings', 'off', '--color', '0', '--jsonfile', file, '--ip', address];
      await run(['testssl', ...asked, ...how, 'app.example.com:443']);
      const found = JSON.parse(readFileSync(file, 'utf8')) as {
        id: string;
        severity: string;
        finding: string;
      }[];
      expect(found.length).toBeGreaterThan(30);
      // The lab signs its certificate itself. Mozilla's lists leave the order to the client, which knows what it does fast;
      // and two things this machine's OpenSSL cannot ask.
      const ofTheLab = /^(?:cert_|DNS_CAA|cipher_order$|engine_problem$|secure_renego$)/;
      const weak = found.filter(
        ({ id, severity }) => !['OK', 'INFO'].includes(severity) && !ofTheLab.test(id),
      );
      expect(weak.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`)).toEqual([]);
    },
    600_000,
  );

  test('hands nobody a key, whoever asks', async () => {
    const file = `/keys/${SCOPE}.app.example.com.pem`;
    const ask = (method: string, token: string) =>
      secure.front.ask(file, { port: 8099, method, headers: { 'switchyard-token': token } });
    expect((await ask('GET', 'open')).status).toBe(405);
    expect((await ask('PUT', 'guessed')).status).toBe(403);
    expect(await secure.front.exec('ls', '-l', '/etc/switchyard_keys/served')).toMatch(/-rw-------/);
    expect(await secure.front.exec('ls', '-ld', '/etc/switchyard_keys/served')).toMatch(/^drwx------/);
  });

  test('serves HTTP again when its certificate is taken away', async () => {
    await removeCertificate(secure.edge, `${SCOPE}._.wild.example.com`, clock);
    const { status } = await secure.front.ask('/', { headers: { host: 'a.wild.example.com' } });
    expect(status).toBe(200);
  });
});

describe('an edge that asks clients for certificates, and speaks modern TLS only', () => {
  let secure: SecureFront;
  let authority: KeyPair;

  beforeAll(async () => {
    authority = await makeCertificate(['ca.example.com']);
    const inner = { mode: 'files' as const, clientCa: authority.chain };
    const tls: TlsSpec = { ...TLS, policy: 'modern', domains: { 'inner.example.com': inner } };
    secure = await startSecureFront(tls, ['app.example.com', 'inner.example.com']);
    for (const domain of ['app.example.com', 'inner.example.com'])
      await secure.install(domain, await makeCertificate([domain]));
  }, 120_000);

  afterAll(async () => {
    await secure?.down();
  });

  test('lets those in who have one', async () => {
    const { chain, privateKey } = await makeCertificate(['client'], { signer: authority });
    const { front } = secure;
    const inner = overHttps(front, 'inner.example.com');
    expect((await front.ask('/', inner)).status).toBe(400);
    expect((await front.ask('/', { ...inner, cert: chain, key: privateKey })).status).toBe(200);
    const stranger = await makeCertificate(['client']);
    const asStranger = { ...inner, cert: stranger.chain, key: stranger.privateKey };
    expect((await front.ask('/', asStranger)).status).toBe(400);
  });

  test('does not let them in under another name of the same server', async () => {
    const { front } = secure;
    const asked = overHttps(front, 'app.example.com');
    const { status } = await front.ask('/', { ...asked, headers: { host: 'inner.example.com' } });
    expect([400, 421]).toContain(status);
  });

  test('asks nobody at its other domains', async () => {
    expect((await secure.front.ask('/', overHttps(secure.front))).status).toBe(200);
  });

  test('refuses TLS 1.2', async () => {
    await expect(handshake(secure.front.address, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });
});

/** How a request goes over HTTPS. */
function overHttps(front: Front, name = 'app.example.com') {
  return { protocol: 'https:', host: front.address, port: 443, servername: name, headers: { host: name } };
}

/** The processes of nginx: a reload makes new ones. */
async function workersOf(front: Front): Promise<string[]> {
  const listed = await front.exec('sh', '-c', 'for f in /proc/[0-9]*; do echo "$f $(cat $f/comm)"; done');
  return listed
    .split('\n')
    .filter((line) => line.endsWith('nginx'))
    .sort();
}

/** Clients that open one connection after the other, and never repeat one. */
function hammer(address: string): { stop(): Promise<{ done: number; failed: string[] }> } {
  let isOver = false;
  const failed: string[] = [];
  let done = 0;
  const client = async () => {
    while (!isOver) {
      try {
        (await handshake(address)).destroy();
        done++;
      } catch (error) {
        failed.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: 8 }, client);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      return { done, failed };
    },
  };
}
