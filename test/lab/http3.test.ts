import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/model/clock.ts';
import type { TlsSpec } from '../../src/model/spec.ts';
import { readTree } from '../../src/nginx/instance.ts';
import { makeCertificate } from './certificates.ts';
import { run } from './command.ts';
import { SCOPE, type SecureFront, startSecureFront } from './secure-front.ts';

const TLS: TlsSpec = {
  mode: 'files',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 86_400,
  http3: true,
  acme: { url: 'https://ca.example.com/directory' },
};
/** The name that ngtcp2's client asks for, whatever it is told, where it is given an address to connect to. */
const NAME = 'localhost';
const BODY_BYTES = 3_000;

/** What one connection over HTTP/3 saw. */
interface Seen {
  statuses: string[];
  text: string;
}

/** A client in C that nobody here has written: many requests on one connection, none of which it repeats. */
async function askOverHttp3(
  address: string,
  path: string,
  requests: number,
  more: readonly string[] = [],
): Promise<Seen> {
  const options = ['--no-quic-dump', '--no-http-dump', '--exit-on-all-streams-close', '--timeout=10s'];
  const uri = `https://${NAME}${path}`;
  const asked = ['gtlsclient', ...options, `--nstreams=${requests}`, ...more, address, '443', uri];
  const { stdout, stderr } = await run(asked, { timeoutMs: 100_000 });
  const text = `${stdout}${stderr}`;
  return { statuses: [...text.matchAll(/\[:status: (\d+)\]/g)].map(([, status]) => status!), text };
}

describe('an edge with HTTP/3', () => {
  let secure: SecureFront;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-http3-'));
    writeFileSync(join(folder, 'body'), 'x'.repeat(BODY_BYTES));
    const environment = { WHO: 'it reads what it is sent' };
    const successor = { name: 'successor', secondaryOf: 'app', environment };
    secure = await startSecureFront(TLS, [NAME], { environment }, [successor]);
    await secure.install(NAME, await makeCertificate([NAME]));
  }, 120_000);

  afterAll(async () => {
    await secure?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const posting = () => ['--http-method=POST', `--data=${join(folder, 'body')}`];

  test('tells browsers of it over HTTPS, and over HTTP of nothing', async () => {
    const { front } = secure;
    const overHttps = { protocol: 'https:', port: 443, servername: NAME };
    const { headers } = await front.ask('/', overHttps);
    expect(headers['alt-svc']).toBe('h3=":443"; ma=3600');
    expect((await front.ask('/')).headers).not.toHaveProperty('alt-svc');
  });

  test('answers GET and POST, to those who have shown that they get answers', async () => {
    const { address } = secure.front;
    const got = await askOverHttp3(address, '/', 1);
    expect(got.statuses).toEqual(['200']);
    expect(got.text).toMatch(/type=Retry/);
    expect((await askOverHttp3(address, '/', 1, posting())).statuses).toEqual(['200']);
  }, 30_000);

  test('no request and no connection is lost across switches', async () => {
    const { front, server, edge } = secure;
    const { live, folders } = await readTree(server, front.id);
    const flag = folders[live].manifest!.scopes[SCOPE]!.routes.app!.flagged!.flag;
    let switches = 0;
    const requests = 150;
    const ask = () =>
      Promise.all([
        askOverHttp3(front.address, '/switched', requests),
        askOverHttp3(front.address, '/switched', requests),
        askOverHttp3(front.address, '/switched', requests, posting()),
      ]);
    const seen: Seen[] = [];
    // A quick machine answers them all before it has switched often.
    const load = (async () => {
      while (switches <= 5) seen.push(...(await ask()));
    })();
    let isOver = false;
    void load.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await sleep(100);
      switches++;
      const flags = [{ service: 'app', name: flag, isSet: switches % 2 === 1 }];
      await edge.setFlags(flags, systemClock);
    }
    await load;
    expect(seen.map(({ statuses }) => statuses.filter((status) => status === '200').length)).toEqual(
      seen.map(() => requests),
    );
    // What was asked is logged with who has answered, within a second.
    await sleep(1_500);
    const lines = (await front.log()).split('\n').filter((line) => line.includes('"path":"/switched"'));
    const answeredBy = (copy: string) =>
      lines.filter((line) => line.includes(`"upstream":"${front.addressOf(copy)}:`)).length;
    expect(answeredBy('app') + answeredBy('successor')).toBe(seen.length * requests);
    expect(Math.min(answeredBy('app'), answeredBy('successor'))).toBeGreaterThan(requests / 5);
  }, 120_000);
});

test('who asks for a name that is not served gets no certificate', async () => {
  const secure = await startSecureFront(TLS, ['app.example.com']);
  try {
    await secure.install('app.example.com', await makeCertificate(['app.example.com']));
    const { statuses, text } = await askOverHttp3(secure.front.address, '/', 1);
    expect(statuses).toEqual([]);
    // An alert of TLS: unrecognized_name.
    expect(text).toMatch(/CRYPTO_ERROR\(0x170\)/);
  } finally {
    await secure.down();
  }
}, 120_000);
