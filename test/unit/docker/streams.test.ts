import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Duplex, PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { EngineClient } from '../../../src/docker/engine-client.ts';
import { EngineError } from '../../../src/docker/http.ts';
import type { RunningCommand } from '../../../src/docker/running-command.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { isTunnelBroken } from '../../../src/model/errors.ts';
import { type CommandStreams, FakeEngine, frame } from './fake-engine.ts';

const MB = 1024 * 1024;
const fake = new FakeEngine();
let engine: EngineClient;

beforeAll(() => fake.listen());
afterAll(() => fake.close());
beforeEach(() => {
  fake.asked.length = 0;
  fake.started.length = 0;
  fake.stillRunning = 0;
  engine = new EngineClient(() => fake.dial());
});
afterEach(() => engine.close());

const run = (input?: Readable, signal?: AbortSignal) =>
  engine.execStream('db', ['dump'], { ...(input && { input }), ...(signal && { signal }) });
/** Bytes in pieces, as a file or a network gives them. */
const pieces = (bytes: Buffer, size: number) =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    ),
    { objectMode: false },
  );
/** failureOf returns what output and end of a command fail with, which is the same. */
async function failureOf({ stdout, ended }: RunningCommand): Promise<Error> {
  const [ofOutput, ofEnd] = await Promise.all([
    buffer(stdout).then(
      () => undefined,
      (error: Error) => error,
    ),
    ended.then(
      () => undefined,
      (error: Error) => error,
    ),
  ]);
  expect(ofOutput).toBe(ofEnd);
  return ofEnd!;
}

describe('a command', () => {
  test('gets its input byte for byte, with its end, and what it prints comes back so', async () => {
    fake.command = async ({ stdin, stdout }) => {
      for await (const chunk of stdin) await stdout(chunk);
      await stdout('and that was all');
      return 0;
    };
    const bytes = randomBytes(5 * MB);
    const { stdout, ended } = await run(pieces(bytes, 60_000));
    const printed = await buffer(stdout);
    expect(sha256(printed.subarray(0, bytes.length))).toBe(sha256(bytes));
    expect(printed.subarray(bytes.length).toString()).toBe('and that was all');
    expect(await ended).toEqual({ exitCode: 0, stderr: '' });
    expect(fake.started).toEqual([
      { Cmd: ['dump'], AttachStdin: true, AttachStdout: true, AttachStderr: true },
      { Detach: false, Tty: false },
    ]);
  });

  test('needs no input', async () => {
    fake.command = async ({ stdout }) => {
      await stdout('a dump');
      return 0;
    };
    const { stdout } = await run();
    expect(await text(stdout)).toBe('a dump');
    expect(fake.started[0]).toMatchObject({ AttachStdin: false });
  });

  test('is read while it runs', async () => {
    const go = new PassThrough();
    fake.command = async ({ stdout }) => {
      await stdout('first');
      await once(go, 'data');
      await stdout('second');
      return 0;
    };
    const { stdout } = await run();
    const chunks = stdout[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('first');
    go.write('on');
    expect(String((await chunks.next()).value)).toBe('second');
    expect(await chunks.next()).toMatchObject({ done: true });
  });

  test('has its two outputs told apart, however the stream is cut', async () => {
    fake.command = async ({ connection }) => {
      const frames = Buffer.concat([
        frame(1, 'one '),
        frame(2, 'oh '),
        frame(1, ''),
        frame(1, 'two'),
        frame(2, 'no'),
      ]);
      for (const byte of frames) {
        connection.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      return 0;
    };
    const { stdout, ended } = await run();
    expect(await text(stdout)).toBe('one two');
    expect(await ended).toMatchObject({ stderr: 'oh no' });
  });

  test('that fails says how, and of a long complaint the end is kept', async () => {
    fake.command = async ({ stdout, stderr }) => {
      await stdout('half a dump');
      for (let line = 0; line < 1000; line++) await stderr(`${'x'.repeat(100)} ${line}\n`);
      await stderr('disk full');
      return 3;
    };
    const { stdout, ended } = await run();
    expect(await text(stdout)).toBe('half a dump');
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(3);
    expect(stderr).toHaveLength(64 * 1024);
    expect(stderr).toMatch(/x 999\ndisk full$/);
  });

  test('may end before it has read its input', async () => {
    fake.command = async ({ stdout, stderr }) => {
      await stdout('enough');
      await stderr('syntax error');
      return 1;
    };
    const input = pieces(randomBytes(20 * MB), MB);
    const { stdout, ended } = await run(input);
    expect(await text(stdout)).toBe('enough');
    expect(await ended).toEqual({ exitCode: 1, stderr: 'syntax error' });
    expect(input.destroyed).toBe(true);
  });

  test('may end its output a moment before the engine knows of its end', async () => {
    fake.stillRunning = 3;
    fake.command = async () => 7;
    const { stdout, ended } = await run();
    stdout.resume();
    expect(await ended).toMatchObject({ exitCode: 7 });
    expect(fake.asked.filter((line) => line === 'GET /exec/e1/json')).toHaveLength(4);
  });

  test('waits for who reads it', async () => {
    let printed = 0;
    fake.command = async ({ stdout }) => {
      for (; printed < 64; printed++) await stdout(Buffer.alloc(MB));
      return 0;
    };
    const { stdout } = await run();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(printed).toBeLessThan(32);
    expect(await buffer(stdout)).toHaveLength(64 * MB);
  });
});

describe('a bad end', () => {
  test('the container was killed: what came is there, and the exit code tells', async () => {
    fake.command = async ({ stdout }) => {
      await stdout('half a dump');
      return 137;
    };
    const { stdout, ended } = await run();
    expect(await text(stdout)).toBe('half a dump');
    expect(await ended).toMatchObject({ exitCode: 137 });
  });

  test('the container is gone, and nobody knows how the command ended', async () => {
    fake.command = async ({ stdout }) => {
      await stdout('half a dump');
      return undefined;
    };
    const failure = await failureOf(await run());
    expect(failure).toBeInstanceOf(EngineError);
    expect(failure.message).toBe('No such exec instance: e1');
  });

  test.each([
    ['in the middle of a frame', (bytes: Buffer) => bytes.subarray(0, 12)],
    ['in the middle of the head of a frame', (bytes: Buffer) => bytes.subarray(0, 3)],
  ])('the stream ends %s', async (_where, cut) => {
    fake.command = async ({ connection }) => {
      connection.write(cut(frame(1, 'a whole sentence')));
      return undefined;
    };
    const failure = await failureOf(await run());
    expect(failure.message).toBe('the output of a command was cut off');
    expect(isTunnelBroken(failure)).toBe(true);
  });

  test('the connection breaks: it is explained like every call that was cut off', async () => {
    engine.explainWith((error) =>
      Object.assign(new Error('web-1: cut off'), { cause: error, isTunnelBroken: isTunnelBroken(error) }),
    );
    fake.command = async ({ stdout, connection }) => {
      await stdout('half a dump');
      connection.resetAndDestroy();
      return undefined;
    };
    const failure = await failureOf(await run(new PassThrough()));
    expect(failure.message).toBe('web-1: cut off');
    expect(isTunnelBroken(failure)).toBe(true);
  });

  test('the tunnel under the connection breaks', async () => {
    let tunnel: Duplex = new PassThrough();
    const through = new EngineClient(async () => {
      tunnel = await fake.dial();
      return tunnel;
    });
    fake.command = async ({ stdin, stdout }) => {
      await stdout('half a dump');
      for await (const _ of stdin);
      return 0;
    };
    const command = await through.execStream('db', ['dump'], { input: new PassThrough() });
    await once(command.stdout, 'readable');
    tunnel.destroy(Object.assign(new Error('the SSH connection broke'), { isTunnelBroken: true }));
    const failure = await failureOf(command);
    expect(failure.message).toBe('the SSH connection broke');
    expect(isTunnelBroken(failure)).toBe(true);
    await through.close();
  });

  test('the input fails: the command sees the end of its connection, and the failure is that of the input', async () => {
    const seen = Promise.withResolvers<void>();
    fake.command = async ({ stdin }) => {
      for await (const _ of stdin);
      seen.resolve();
      return undefined;
    };
    const input = new PassThrough();
    const command = await run(input);
    input.write('half a dump');
    input.destroy(new Error('the file cannot be read'));
    const failure = await failureOf(command);
    expect(failure.message).toBe('the file cannot be read');
    expect(isTunnelBroken(failure)).toBe(false);
    await seen.promise;
  });

  test('it is called off: output and end have the reason, and the input is let go', async () => {
    const controller = new AbortController();
    fake.command = async ({ stdin }) => {
      for await (const _ of stdin);
      return 0;
    };
    const input = new PassThrough();
    const failure = failureOf(await run(input, controller.signal));
    const letGo = once(input, 'close');
    setTimeout(() => controller.abort(new Error('the run was cancelled')), 20);
    expect((await failure).message).toBe('the run was cancelled');
    await letGo;
  });

  test('it was called off before it began', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(run(undefined, signal)).rejects.toThrow('too late');
  });

  test.each([
    ['goes on', async ({ stdout }: CommandStreams) => void (await stdout(Buffer.alloc(MB)))],
    ['says nothing more', async () => once(new PassThrough(), 'nothing')],
  ])('nobody wants the output of one that %s', async (_what, goOn) => {
    const gone = Promise.withResolvers<void>();
    fake.command = async (streams) => {
      streams.connection.once('close', gone.resolve).once('end', gone.resolve).resume();
      await streams.stdout('first');
      for (;;) await goOn(streams);
    };
    const { stdout, ended } = await run();
    await once(stdout, 'readable');
    stdout.destroy();
    await expect(ended).rejects.toThrow('the output of a command was given up');
    await gone.promise;
  });

  test('all connections are closed', async () => {
    fake.command = async ({ stdin }) => {
      for await (const _ of stdin);
      return 0;
    };
    const command = await run(new PassThrough());
    await engine.close();
    expect(await failureOf(command)).toBeInstanceOf(Error);
  });

  test('it never ends, though its output did', async () => {
    fake.stillRunning = Number.POSITIVE_INFINITY;
    let now = 0;
    const clock: Clock = {
      now: () => now,
      sleep: async (ms) => {
        now += Math.max(ms, 1000);
      },
      endingWith: () => clock,
    };
    const impatient = new EngineClient(() => fake.dial(), { clock });
    fake.command = async () => 0;
    const failure = await failureOf(await impatient.execStream('db', ['dump']));
    expect(failure.message).toBe('a command in a container ended its output and does not end');
    await impatient.close();
  });
});

describe('what the engine or we refuse', () => {
  test('is told in its own words, before there is any stream', async () => {
    const refused = engine.execStream('nowhere', ['dump']);
    await expect(refused).rejects.toThrow(EngineError);
    await expect(refused).rejects.toMatchObject({ status: 404, message: 'page not found' });
  });

  test('also when the command was there and is not started', async () => {
    fake.answer = (_request, response) => response.writeHead(201).end('{"Id":"e2"}');
    const refused = engine.execStream('other', ['dump'], { input: new PassThrough() });
    await expect(refused).rejects.toMatchObject({ status: 404, message: 'No such exec instance' });
  });

  test('is not sent: a command may change something, so the guard is asked', async () => {
    engine.guardWith(() => {
      throw new Error('not any more');
    });
    await expect(run()).rejects.toThrow('not any more');
    await expect(engine.writeArchive('db', '/', Readable.from(['tar']))).rejects.toThrow('not any more');
    expect(fake.asked).toEqual([]);
    expect(engine.requests).toBe(0);
  });

  test('and each request counts', async () => {
    fake.command = async () => 0;
    const { stdout, ended } = await run();
    stdout.resume();
    await ended;
    expect(engine.requests).toBe(3);
  });
});

describe('archives', () => {
  test('are written as they come, and read as they come', async () => {
    const written = Promise.withResolvers<Buffer>();
    fake.answer = (request, response) => {
      if (request.method === 'PUT') {
        buffer(request).then(written.resolve, written.reject);
        request.once('end', () => response.end());
      } else response.end(Buffer.alloc(9 * MB, 'x'));
    };
    const tar = pack();
    tar.entry({ name: 'dump.sql' }, 'insert into orders');
    tar.finalize();
    await engine.writeArchive('db', '/var/lib', Readable.from(tar));
    expect((await written.promise).includes('insert into orders')).toBe(true);
    expect(await buffer(await engine.readArchive('db', '/var/lib/data'))).toHaveLength(9 * MB);
    expect(fake.asked).toEqual([
      'PUT /containers/db/archive?path=%2Fvar%2Flib',
      'GET /containers/db/archive?path=%2Fvar%2Flib%2Fdata',
    ]);
  });

  test('that are cut off are no whole ones', async () => {
    engine.explainWith((error) => new Error('web-1: cut off', { cause: error }));
    fake.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 2 * MB }).write(Buffer.alloc(MB), () => response.destroy());
    };
    await expect(buffer(await engine.readArchive('db', '/data'))).rejects.toThrow('web-1: cut off');
  });

  test('nobody wants any more are not read on', async () => {
    const gone = Promise.withResolvers<void>();
    fake.answer = (_request, response) => {
      response.once('close', gone.resolve);
      response.writeHead(200).write(Buffer.alloc(MB));
    };
    const archive = await engine.readArchive('db', '/data');
    await once(archive, 'readable');
    archive.destroy();
    await gone.promise;
  });

  test('that cannot be made are not written: the failure is theirs', async () => {
    engine.explainWith((error) => new Error('web-1: cut off', { cause: error }));
    const cut = Promise.withResolvers<boolean>();
    const tar = new PassThrough();
    fake.answer = (request) => {
      request.once('data', () => tar.destroy(new Error('the dump failed')));
      request.once('close', () => cut.resolve(request.complete));
    };
    tar.write('half an archive');
    const writing = engine.writeArchive('db', '/', tar);
    await expect(writing).rejects.toThrow('the dump failed');
    expect(await cut.promise).toBe(false);
  });

  test('are let go where the engine does not take them', async () => {
    engine.explainWith((error) => new Error('web-1: cut off', { cause: error }));
    fake.answer = (request) => request.socket.destroy();
    const tar = new PassThrough();
    const letGo = once(tar, 'close');
    tar.write('half an archive');
    await expect(engine.writeArchive('db', '/', tar)).rejects.toThrow('web-1: cut off');
    await letGo;
  });

  test('that the engine refuses are refused in its words, also while they are sent', async () => {
    fake.answer = (_request, response) => response.writeHead(403).end('{"message":"volume is read-only"}');
    const refused = engine.writeArchive('db', '/', pieces(randomBytes(20 * MB), MB));
    await expect(refused).rejects.toMatchObject({ status: 403, message: 'volume is read-only' });
  });

  test('end with a signal, either way', async () => {
    const controller = new AbortController();
    fake.answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(200).write('half');
    };
    const archive = buffer(await engine.readArchive('db', '/', controller.signal));
    const writing = engine.writeArchive('db', '/', new PassThrough(), controller.signal);
    setTimeout(() => controller.abort(new Error('the run was cancelled')), 50);
    await expect(archive).rejects.toThrow('the run was cancelled');
    await expect(writing).rejects.toThrow('the run was cancelled');
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
