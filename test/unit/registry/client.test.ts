import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { RegistryClient } from '../../../src/registry/client.ts';
import { parseReference } from '../../../src/registry/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const LOGIN = { username: 'me', password: 'right' };

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

/** A registry that answers so; returns its address and what it was asked. */
async function registry(answer: (request: IncomingMessage, address: string) => Answer) {
  const asked: string[] = [];
  let address = '';
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { status, headers = {}, body = '' } = answer(request, address);
    request.resume().on('end', () => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, asked };
}

const client = (login?: typeof LOGIN) => new RegistryClient(async () => login, new AbortController().signal);
const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
const found: Answer = { status: 200, headers: { 'docker-content-digest': DIGEST } };

test.each([
  ['node:24', 'docker.io', 'https://registry-1.docker.io', 'library/node', '24'],
  ['acme/api', 'docker.io', 'https://registry-1.docker.io', 'acme/api', 'latest'],
  ['docker.io/acme/api:1', 'docker.io', 'https://registry-1.docker.io', 'acme/api', '1'],
  ['ghcr.io/acme/api:1', 'ghcr.io', 'https://ghcr.io', 'acme/api', '1'],
  ['r.example.com:5000/a/b/c', 'r.example.com:5000', 'https://r.example.com:5000', 'a/b/c', 'latest'],
  ['127.0.0.1:5000/api:x', '127.0.0.1:5000', 'http://127.0.0.1:5000', 'api', 'x'],
  ['localhost:5000/api', 'localhost:5000', 'http://localhost:5000', 'api', 'latest'],
  [`ghcr.io/acme/api:1@${DIGEST}`, 'ghcr.io', 'https://ghcr.io', 'acme/api', DIGEST],
])('%s is asked for at its registry', (image, host, origin, path, reference) => {
  expect(parseReference(image)).toEqual({ host, origin, path, reference });
});

describe('a registry', () => {
  test('that wants nothing says the digest', async () => {
    const { address } = await registry(() => found);
    expect(await client().digestOf(`${address}/acme/api:1`)).toBe(DIGEST);
  });

  describe('that has a list of an image and what is said of it', () => {
    const image = `sha256:${'b'.repeat(64)}`;
    const list: Answer = {
      ...found,
      body: JSON.stringify({
        manifests: [
          { digest: image, platform: { os: 'linux' } },
          { digest: `sha256:${'c'.repeat(64)}`, platform: { os: 'unknown' } },
        ],
      }),
    };
    const withImage = (answer: Answer) => registry(({ url }) => (url?.endsWith(image) ? answer : list));

    test('says the digest of the image, and of the list', async () => {
      const { address } = await withImage({ status: 200, headers: { 'docker-content-digest': image } });
      expect(await client().imageDigestOf(`${address}/acme/api:1`)).toBe(image);
      expect(await client().digestOf(`${address}/acme/api:1`)).toBe(DIGEST);
      expect(await client().listWith(`${address}/acme/api:1`, image)).toBe(DIGEST);
      expect(await client().listWith(`${address}/acme/api:1`, DIGEST)).toBeUndefined();
    });

    test('has no image where that has left it', async () => {
      const { address } = await withImage({ status: 404 });
      expect(await client().imageDigestOf(`${address}/acme/api:1`)).toBeUndefined();
    });
  });

  test('that has no such image says so', async () => {
    const { address } = await registry(() => ({ status: 404 }));
    expect(await client().digestOf(`${address}/acme/api:1`)).toBeUndefined();
  });

  test('that wants a name and a password gets them', async () => {
    const { address } = await registry(({ headers }) =>
      headers.authorization === basic('right')
        ? found
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    );
    expect(await client(LOGIN).digestOf(`${address}/acme/api:1`)).toBe(DIGEST);
    await expect(client().digestOf(`${address}/acme/api:1`)).rejects.toThrow(/wants a login/);
    const wrong = { ...LOGIN, password: 'wrong' };
    await expect(client(wrong).digestOf(`${address}/acme/api:1`)).rejects.toThrow(/does not take the login/);
  });

  test('that wants a token is shown one of where it says', async () => {
    const { address, asked } = await registry(({ url = '', headers }, at) => {
      if (url.startsWith('/token')) {
        return headers.authorization === basic('right')
          ? { status: 200, body: JSON.stringify({ token: 't' }) }
          : { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'go away' }] }) };
      }
      const challenge = `Bearer realm="http://${at}/token",service="s"`;
      return headers.authorization === 'Bearer t'
        ? found
        : { status: 401, headers: { 'www-authenticate': challenge } };
    });
    const asking = client(LOGIN);
    expect(await asking.digestOf(`${address}/acme/api:1`)).toBe(DIGEST);
    expect(await asking.digestOf(`${address}/acme/api:2`)).toBe(DIGEST);
    expect(asked.filter((one) => one.includes('/token'))).toEqual([
      'GET /token?service=s&scope=repository%3Aacme%2Fapi%3Apull',
    ]);
    const wrong = { ...LOGIN, password: 'wrong' };
    await expect(client(wrong).digestOf(`${address}/acme/api:1`)).rejects.toThrow('(DENIED: go away)');
  });

  test('gives an image a further tag with its manifest as it is', async () => {
    const { address, asked } = await registry(({ method }) =>
      method === 'PUT' ? { status: 201 } : { ...found, body: '{"a": 1}' },
    );
    await client().tag(`${address}/acme/api@${DIGEST}`, 'abc');
    expect(asked).toEqual([`GET /v2/acme/api/manifests/${DIGEST}`, 'PUT /v2/acme/api/manifests/abc']);
  });

  test('tells labels and size of an image of several platforms', async () => {
    const answers: Record<string, object> = {
      '/v2/acme/api/manifests/1': { manifests: [{ digest: DIGEST }, { digest: 'other' }] },
      [`/v2/acme/api/manifests/${DIGEST}`]: { config: { digest: 'c' }, layers: [{ size: 2 }, { size: 3 }] },
      '/v2/acme/api/blobs/c': { config: { Labels: { a: 'b' } } },
    };
    const { address } = await registry(({ url = '' }) =>
      answers[url] === undefined ? { status: 404 } : { status: 200, body: JSON.stringify(answers[url]) },
    );
    const image = `${address}/acme/api:1`;
    expect([await client().labelsOf(image), await client().sizeOf(image)]).toEqual([{ a: 'b' }, 5]);
    expect(await client().labelsOf(`${address}/acme/api:2`)).toBeUndefined();
  });

  test('that has had too many requests is told apart', async () => {
    const { address } = await registry(() => ({ status: 429 }));
    await expect(client().digestOf(`${address}/acme/api:1`)).rejects.toThrow(/too many requests/);
  });

  test('that does not answer is told of once', async () => {
    const asking = client();
    const errors = await Promise.all(
      ['a', 'b'].map((name) => asking.digestOf(`127.0.0.1:1/${name}:1`).catch((error: unknown) => error)),
    );
    expect(errors[0]).toBe(errors[1]);
    expect(errors[0]).toMatchObject({
      message: expect.stringMatching(/^the registry 127\.0\.0\.1:1 cannot be reached from the runner: /),
    });
  });
});
