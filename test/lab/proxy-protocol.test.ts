import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localProvider } from '../../src/fleet/local.ts';
import { systemClock } from '../../src/model/clock.ts';
import { installCertificate } from '../../src/nginx/certificates.ts';
import { NginxInstance } from '../../src/nginx/instance.ts';
import { makeCertificate } from './certificates.ts';
import { type Front, startFront } from './front.ts';

/** Where the lab's own connections come from. */
const LAB = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const CLIENT = '203.0.113.9';
const APPS = [{ name: 'plain' }, { name: 'office', route: { edge: { allow: [CLIENT] } } }];

const V1 = Buffer.from(`PROXY TCP4 ${CLIENT} 192.0.2.1 50000 80\r\n`);
/** Version 2 of the header, for TCP over IPv4. */
const V2 = Buffer.concat([
  Buffer.from('0d0a0d0a000d0a515549540a', 'hex'),
  Buffer.from([0x21, 0x11, 0, 12]),
  Buffer.from([203, 0, 113, 9, 192, 0, 2, 1, 0xc3, 0x50, 0, 80]),
]);

interface Sent {
  path?: string;
  host?: string;
  headers?: string;
  port?: number;
}

/** speak sends a header and a request on a connection of its own, and returns all that comes back. */
async function speak(front: Front, header: Buffer, sent: Sent = {}): Promise<string> {
  const { path = '/echo', host = 'plain.example.com', headers = '', port = 80 } = sent;
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`;
  const socket = connect({ host: front.address, port });
  socket.setEncoding('utf8');
  socket.write(header);
  socket.write(request);
  let text = '';
  try {
    for await (const piece of socket) text += piece;
  } catch {
    // The edge has ended it.
  }
  return text;
}

/** toldTo returns the headers that the app got, from what `/echo` answers. */
function toldTo(answer: string): Record<string, string> {
  const pairs = [...answer.matchAll(/"(x-[a-z-]+)"[:,]\s*"([^"]*)"/gi)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name.toLowerCase(), value]));
}

describe('an edge behind a balancer that speaks PROXY', () => {
  let front: Front;

  beforeAll(async () => {
    front = await startFront('edge', APPS, { trustedProxies: LAB, proxyProtocol: true });
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  test.each([
    ['1', V1],
    ['2', V2],
  ])('knows the client by version %s, and tells the app who it is', async (_version, header) => {
    const told = toldTo(await speak(front, header));
    expect(told['x-real-ip']).toBe(CLIENT);
    expect(told['x-forwarded-for']).toMatch(
      new RegExp(`^${CLIENT.replaceAll('.', '\\.')}, \\d+\\.\\d+\\.\\d+\\.\\d+$`),
    );
  });

  test('lets in by the address of the client', async () => {
    expect(await speak(front, V1, { host: 'office.example.com' })).toMatch(/^HTTP\/1\.1 200/);
    const other = Buffer.from('PROXY TCP4 198.51.100.1 192.0.2.1 50000 80\r\n');
    expect(await speak(front, other, { host: 'office.example.com' })).toMatch(/^HTTP\/1\.1 403/);
  });

  test('believes no header of a client, which such a balancer passes on as it is', async () => {
    const headers =
      'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n';
    const answer = await speak(front, V1, { headers });
    expect(answer).not.toContain('1.2.3.4');
    expect(toldTo(answer)).toMatchObject({ 'x-real-ip': CLIENT, 'x-forwarded-proto': 'http' });
  });

  test('refuses who does not say it', async () => {
    expect(await speak(front, Buffer.alloc(0))).toBe('');
  });

  test('takes a local connection of the balancer itself, which names no client', async () => {
    const told = toldTo(await speak(front, Buffer.from('PROXY UNKNOWN\r\n')));
    expect(told['x-real-ip']).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const local = Buffer.concat([V2.subarray(0, 12), Buffer.from([0x20, 0, 0, 0])]);
    expect(await speak(front, local, { path: '/.well-known/switchyard/health' })).toMatch(/^HTTP\/1\.1 200/);
  });

  test('is asked by a run without it, on a port that the server does not publish', async () => {
    expect((await front.ask('/', { app: 'plain' })).status).toBe(200);
    expect(toldTo((await front.ask('/echo', { app: 'plain' })).body)['x-forwarded-for']).toMatch(/^[\d.]+$/);
  });
});

describe('an edge that is spoken to by a stranger in PROXY', () => {
  let front: Front;

  beforeAll(async () => {
    front = await startFront('edge', APPS, { trustedProxies: ['192.0.2.77'], proxyProtocol: true });
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  test('reads the header and does not believe it', async () => {
    const told = toldTo(await speak(front, V1));
    expect(told['x-real-ip']).not.toBe(CLIENT);
    expect(told['x-forwarded-for']).toBe(told['x-real-ip']);
    expect(await speak(front, V1, { host: 'office.example.com' })).toMatch(/^HTTP\/1\.1 403/);
  });
});

describe('an edge with HTTPS behind a balancer that speaks PROXY', () => {
  let front: Front;

  beforeAll(async () => {
    const acme = { url: 'https://ca.example.com/directory' };
    const tls = {
      mode: 'files' as const,
      domains: {},
      policy: 'modern' as const,
      redirect: true,
      hstsSeconds: 60,
      acme,
    };
    front = await startFront('edge', APPS, { trustedProxies: LAB, proxyProtocol: true, tls });
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  test('gets its certificate from a run, and shows it behind the header', async () => {
    const spec = { name: 'here', host: 'localhost', port: 22, user: '', zone: 'default', hostKeys: [] };
    const server = await localProvider([spec]).connect(spec);
    try {
      const edge = new NginxInstance('edge', server, { id: front.id, name: 'edge', address: front.address });
      const facts = { scope: 'shop_production', domain: 'plain.example.com', origin: 'here' };
      await edge.look(facts.scope, systemClock);
      const pair = await makeCertificate(['plain.example.com']);
      await installCertificate(edge, facts, pair, systemClock);
    } finally {
      await server.close();
    }
    const socket = connect({ host: front.address, port: 443 });
    socket.write(V2);
    const secured = connectTls({ socket, servername: 'plain.example.com', rejectUnauthorized: false });
    secured.setEncoding('utf8');
    secured.write('GET /echo HTTP/1.1\r\nHost: plain.example.com\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const piece of secured) answer += piece;
    expect(toldTo(answer)).toMatchObject({ 'x-real-ip': CLIENT, 'x-forwarded-proto': 'https' });
    expect(await speak(front, V1, { path: '/a?b' })).toMatch(
      /location: https:\/\/plain\.example\.com\/a\?b/i,
    );
  });
});
