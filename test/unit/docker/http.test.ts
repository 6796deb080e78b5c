import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EngineClient } from '../../../src/docker/engine-client.ts';
import { EngineError, EngineHttp, isStatus } from '../../../src/docker/http.ts';

/** What the engine was asked, and what it shall answer: a real HTTP server on a Unix socket. */
interface Asked {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

const asked: Asked[] = [];
let answer: (request: Asked, response: ServerResponse) => void;
let folder: string;
let dials = 0;
let http: EngineHttp;
let engine: EngineClient;

const server = createServer((request, response) => {
  void text(request).then((body) => {
    const { method, url, headers } = request;
    const one = { method, url, headers, body };
    asked.push(one);
    answer(one, response);
  });
});

const dial = (): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    dials += 1;
    const socket = connect(join(folder, 'docker.sock'));
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

const json = (status: number, value: unknown) => (_asked: Asked, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-engine-'));
  await new Promise<void>((resolve) => server.listen(join(folder, 'docker.sock'), resolve));
  http = new EngineHttp(dial, 4);
  engine = new EngineClient(dial);
});
beforeEach(() => {
  asked.length = 0;
  answer = json(200, {});
});
afterAll(async () => {
  await Promise.all([http.destroy(), engine.close()]);
  server.close();
  await rm(folder, { recursive: true });
});

describe('requests', () => {
  test('paths are escaped part by part, objects in a query are JSON, undefined ones are left out', async () => {
    await http.json({
      method: 'GET',
      path: ['containers', 'a/b c', 'json'],
      query: { all: true, filters: { label: ['x=1'] }, since: undefined, t: 0 },
    });
    const url = new URL(asked[0]?.url ?? '', 'http://docker');
    expect(url.pathname).toBe('/containers/a%2Fb%20c/json');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      all: 'true',
      filters: '{"label":["x=1"]}',
      t: '0',
    });
  });

  test('an object is sent as JSON, bytes as a tar archive, nothing as nothing', async () => {
    await http.json({ method: 'POST', path: ['a'], body: { Image: 'ünï' } });
    await http.json({ method: 'PUT', path: ['b'], body: Buffer.from('tar') });
    await http.json({ method: 'DELETE', path: ['c'] });
    expect(asked.map(({ headers, body }) => [headers['content-type'], body])).toEqual([
      ['application/json', '{"Image":"ünï"}'],
      ['application/x-tar', 'tar'],
      [undefined, ''],
    ]);
  });

  test('an empty answer is undefined, bytes are bytes, and every request counts', async () => {
    const before = http.requests;
    answer = (_asked, response) => response.writeHead(204).end();
    expect(await http.json({ method: 'POST', path: ['start'] })).toBeUndefined();
    answer = (_asked, response) => response.end(Buffer.from([0, 255, 1]));
    expect(await http.bytes({ method: 'GET', path: ['archive'] })).toEqual(Buffer.from([0, 255, 1]));
    expect(http.requests - before).toBe(2);
  });

  test('a connection is used again', async () => {
    await http.json({ method: 'GET', path: ['one'] });
    const before = dials;
    await http.json({ method: 'GET', path: ['two'] });
    expect(dials).toBe(before);
  });

  test('a signal ends a request that hangs', async () => {
    const controller = new AbortController();
    answer = () => controller.abort(new Error('enough'));
    await expect(http.json({ method: 'GET', path: ['events'], signal: controller.signal })).rejects.toThrow(
      'enough',
    );
  });

  test('a socket that cannot be reached says why', async () => {
    const nowhere = new EngineHttp(async () => Promise.reject(new Error('no such socket')), 1);
    await expect(nowhere.json({ method: 'GET', path: ['version'] })).rejects.toThrow('no such socket');
    await nowhere.destroy();
  });
});

describe('what the engine refuses', () => {
  test.each([
    [404, '{"message":"No such container: api"}', 'No such container: api'],
    [500, 'plain words\n', 'plain words'],
    [502, '', 'the engine gave no reason'],
  ])('%i is an error in its own words', async (status, body, message) => {
    answer = (_asked, response) => response.writeHead(status).end(body);
    const error = await http.json({ method: 'GET', path: ['x'] }).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ status, message });
    expect(isStatus(error, 404, 409)).toBe(status === 404);
  });

  test('other errors have no status', () => {
    expect(isStatus(new Error('404'), 404)).toBe(false);
  });
});

describe('calls that are fine with what is so already', () => {
  const refuse = (status: number, message: string) => json(status, { message });

  test('what is missing is not found, stopped or removed', async () => {
    answer = refuse(404, 'No such thing');
    expect(await engine.findContainer('api')).toBeUndefined();
    expect(await engine.findImage('api:1')).toBeUndefined();
    expect(await engine.findNetwork('shop')).toBeUndefined();
    await engine.stopContainer('api', 10);
    await engine.removeContainer('api');
    await engine.removeNetwork('shop');
    await engine.removeVolume('data');
    await engine.leaveNetwork('shop', 'edge');
    await expect(engine.inspectContainer('api')).rejects.toThrow('No such thing');
  });

  test('what is there already is not made again', async () => {
    answer = refuse(409, 'network with name shop already exists');
    await engine.createNetwork({ Name: 'shop' });
    await engine.removeContainer('api');
    answer = refuse(403, 'endpoint with name edge already exists in network shop');
    await engine.joinNetwork('shop', 'edge');
    answer = refuse(500, 'container edge is not connected to network shop');
    await engine.leaveNetwork('shop', 'edge');
  });

  test('of two networks that were made with one name the older one stays, and nobody goes on before', async () => {
    const other = { Id: 'other', Name: 'shop', Created: '2026-01-01T00:00:00.2Z' };
    const like = { Id: 'like', Name: 'shop-2', Created: '2026-01-01T00:00:00.0Z' };
    const makeOwn = (created: string) => {
      let standing = [like, { Id: 'own', Name: 'shop', Created: created }, other];
      asked.length = 0;
      answer = ({ method, url = '' }, response) => {
        const looks = asked.filter((one) => one.url?.startsWith('/networks?')).length;
        if (method === 'DELETE') standing = standing.filter(({ Id }) => !url.endsWith(Id));
        // Its maker gives up the other one after a while.
        if (looks > 2) standing = standing.filter(({ Id }) => Id !== 'other');
        json(200, method === 'POST' ? { Id: 'own' } : standing)(
          { method, url, headers: {}, body: '' },
          response,
        );
      };
      return engine.createNetwork({ Name: 'shop' });
    };
    const calls = () => asked.map(({ method, url = '' }) => `${method} ${url.split('?')[0]}`);
    await makeOwn('2026-01-01T00:00:00.3Z');
    expect(calls()).toEqual(['POST /networks/create', 'GET /networks', 'DELETE /networks/own']);
    await makeOwn('2026-01-01T00:00:00.1Z');
    expect(calls()).toEqual(['POST /networks/create', 'GET /networks', 'GET /networks', 'GET /networks']);
  });

  test('every other refusal is told', async () => {
    answer = refuse(500, 'disk full');
    for (const call of [
      engine.createNetwork({ Name: 'shop' }),
      engine.joinNetwork('shop', 'edge'),
      engine.leaveNetwork('shop', 'edge'),
      engine.removeContainer('api'),
      engine.stopContainer('api', 1),
      engine.findContainer('api'),
    ])
      await expect(call).rejects.toThrow('disk full');
  });

  test('a stop gives the grace period, a removal takes anonymous volumes along', async () => {
    await engine.stopContainer('api', 20);
    await engine.removeContainer('api');
    await engine.signalContainer('edge', 'HUP');
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /containers/api/stop?t=20',
      'DELETE /containers/api?force=true&v=true',
      'POST /containers/edge/kill?signal=HUP',
    ]);
  });
});

describe('images', () => {
  test('get a further name, in which a port is no tag', async () => {
    await engine.tagImage('127.0.0.1:5000/api@sha256:0', 'registry.example.com:5000/acme/api:1.2');
    const { method, url } = asked[0]!;
    expect([method, decodeURIComponent(url!)]).toEqual([
      'POST',
      '/images/127.0.0.1:5000/api@sha256:0/tag?repo=registry.example.com:5000/acme/api&tag=1.2',
    ]);
  });

  test('are taken in from an archive, and what the engine complains of is a failure', async () => {
    await engine.loadImages(Readable.from([Buffer.from('a tar')]));
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/images/load?quiet=true', body: 'a tar' });
    answer = (_asked, response) => response.end('{"error":"invalid tar header"}\n');
    await expect(engine.loadImages(Readable.from([Buffer.from('x')]))).rejects.toThrow('invalid tar header');
  });
});

describe('pulls', () => {
  test('credentials go in a header, progress comes line by line', async () => {
    answer = (_asked, response) =>
      response.end('{"status":"Pulling from acme/api","id":"1"}\n\n{"status":"Pull complete","id":"abc"}\n');
    const seen: unknown[] = [];
    const auth = { username: 'ann', password: 'secret', serveraddress: 'ghcr.io' };
    await engine.pullImage('ghcr.io/acme/api:1', { auth, onProgress: (line) => seen.push(line.status) });
    expect(seen).toEqual(['Pulling from acme/api', 'Pull complete']);
    expect(asked[0]?.url).toBe('/images/create?fromImage=ghcr.io%2Facme%2Fapi%3A1');
    const header = String(asked[0]?.headers['x-registry-auth']);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual(auth);
  });

  // An engine that meets an end without padding pulls as nobody, and says nothing of it.
  test.each(['s', 'se', 'sec', '?>~ÿ'])('credentials of any length are whole: %s', async (password) => {
    answer = (_asked, response) => response.end();
    const auth = { username: 'ann', password, serveraddress: 'ghcr.io' };
    await engine.pullImage('ghcr.io/acme/api:1', { auth, onProgress: () => undefined });
    const header = String(asked[0]?.headers['x-registry-auth']);
    expect(header).toMatch(/^(?:[\w-]{4})*(?:[\w-]{2}==|[\w-]{3}=)?$/);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual(auth);
  });

  test('a pull that fails in the middle is a failure, though the status was 200', async () => {
    answer = (_asked, response) => response.end('{"status":"Downloading"}\n{"error":"manifest unknown"}\n');
    await expect(engine.pullImage('api:1', { onProgress: () => undefined })).rejects.toThrow(
      'manifest unknown',
    );
    expect(asked[0]?.headers).not.toHaveProperty('x-registry-auth');
  });
});

describe('commands and files', () => {
  test('a command comes back with its exit code and both outputs', async () => {
    const frame = (kind: number, words: string) =>
      Buffer.concat([Buffer.from([kind, 0, 0, 0, 0, 0, 0, words.length]), Buffer.from(words)]);
    answer = ({ url }, response) => {
      if (url?.endsWith('/exec')) json(201, { Id: 'e1' })(asked[0]!, response);
      else if (url?.endsWith('/start')) response.end(Buffer.concat([frame(1, 'out'), frame(2, 'err')]));
      else json(200, { ExitCode: 3 })(asked[0]!, response);
    };
    expect(await engine.exec('api', ['cat', '/x'])).toEqual({ exitCode: 3, stdout: 'out', stderr: 'err' });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ Cmd: ['cat', '/x'] });
  });

  test('files that are written are read back', async () => {
    let archive = Buffer.alloc(0);
    server.prependOnceListener('request', (request: IncomingMessage) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        archive = Buffer.concat(chunks);
      });
    });
    await engine.writeFiles('edge', '/etc/switchyard', new Map([['a/main.conf', 'events {}']]));
    answer = (_asked, response) => response.end(archive);
    expect(await engine.readFiles('edge', '/etc/switchyard')).toEqual(
      new Map([['a/main.conf', 'events {}']]),
    );
    expect(asked.map(({ method }) => method)).toEqual(['PUT', 'GET']);
  });

  test('containers, logs, networks, volumes and images are asked for as the API has them', async () => {
    answer = json(200, [{ Id: 'c1' }]);
    expect(await engine.listContainers({ label: ['switchyard.role'] })).toEqual([{ Id: 'c1' }]);
    answer = json(201, { Id: 'c2' });
    expect(await engine.createContainer('shop_production_api', { Image: 'api:1' })).toBe('c2');
    await engine.startContainer('c2');
    await engine.createVolume('data', { a: 'b' });
    await engine.info();
    answer = (_asked, response) => response.end();
    expect(await engine.logs('c2', { tail: 50 })).toEqual({ stdout: '', stderr: '' });
    expect(asked.map(({ method, url }) => `${method} ${decodeURIComponent(url ?? '')}`)).toEqual([
      'GET /containers/json?all=true&filters={"label":["switchyard.role"]}',
      'POST /containers/create?name=shop_production_api',
      'POST /containers/c2/start',
      'POST /volumes/create',
      'GET /info',
      'GET /containers/c2/logs?stdout=true&stderr=true&tail=50',
    ]);
  });

  test('the log of a container with a terminal has no frames, and is read as it is', async () => {
    answer = (_asked, response) => response.end('\u001b[32mready\r\n');
    expect(await engine.logs('c2', {})).toEqual({ stdout: '\u001b[32mready\r\n', stderr: '' });
  });

  test('a platform is asked for where an image is pulled and where a container is made', async () => {
    answer = json(201, { Id: 'c2' });
    await engine.createContainer('api', { Image: 'api:1' }, 'linux/arm64');
    answer = (_asked, response) => response.end();
    await engine.pullImage('api:1', { platform: 'linux/arm64', onProgress: () => undefined });
    expect(asked.map(({ url }) => decodeURIComponent(url ?? ''))).toEqual([
      '/containers/create?name=api&platform=linux/arm64',
      '/images/create?fromImage=api:1&platform=linux/arm64',
    ]);
  });
});

test('what may change something asks the guard first, and is not sent when that throws; reading goes on', async () => {
  const guarded = new EngineHttp(dial, 1);
  guarded.guard = () => {
    throw new Error('not any more');
  };
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    await expect(guarded.json({ method, path: ['containers'] })).rejects.toThrow('not any more');
  }
  expect(asked).toEqual([]);
  await guarded.json({ method: 'GET', path: ['containers'] });
  expect(asked).toHaveLength(1);
  await guarded.destroy();
});

describe('a request that is cut off', () => {
  let told: EngineHttp;

  beforeAll(() => {
    told = new EngineHttp(dial, 1);
    told.explain = (error) => new Error(`cut off: ${(error as Error).message}`);
  });
  afterAll(() => told.destroy());

  test.each([
    ['before the answer', (response: ServerResponse) => response.socket?.destroy()],
    [
      'in the middle of the answer',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '9' }).write('{"a"', () => response.socket?.destroy());
      },
    ],
  ])('%s is explained', async (_when, cut) => {
    answer = (_asked, response) => cut(response);
    await expect(told.json({ method: 'POST', path: ['x'] })).rejects.toThrow('cut off: ');
  });

  test('is none when the engine refused it, or when it was called off', async () => {
    answer = json(500, { message: 'disk full' });
    await expect(told.json({ method: 'POST', path: ['x'] })).rejects.toThrow(EngineError);
    const controller = new AbortController();
    answer = () => controller.abort(new Error('enough'));
    const asking = told.json({ method: 'GET', path: ['x'], signal: controller.signal });
    await expect(asking).rejects.toThrow(/^enough$/);
  });
});
