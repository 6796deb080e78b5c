import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChannelCredentials,
  Client,
  type ClientOptions,
  type Deadline,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callGrpc, type GrpcAnswer } from '../../src/fleet/grpc.ts';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { systemClock } from '../../src/model/clock.ts';
import { GRPC_HEALTH_PATH, healthQuestion, healthStatus } from '../../src/model/grpc.ts';
import type { TlsSpec } from '../../src/model/spec.ts';
import { NginxInstance } from '../../src/nginx/instance.ts';
import { prove } from '../../src/nginx/prove.ts';
import type { NginxKind, RoutePort } from '../../src/nginx/routes.ts';
import { maintenanceFlag } from '../../src/nginx/standing-flags.ts';
import { size } from '../e2e/size.ts';
import { makeCertificate } from './certificates.ts';
import type { Front, FrontApp } from './front.ts';
import { startFront } from './front.ts';
import { startSecureFront } from './secure-front.ts';

const SHOP = { project: 'shop', environment: 'production' };
const HOST = 'calls.example.com';
/** So many toggles, under so many clients that call without a pause. */
const TOGGLES = size.isFull ? 20 : 4;
const CALLERS = size.isFull ? 32 : 12;

const CALLS: FrontApp = {
  name: 'calls',
  kind: 'grpc',
  hasBothSides: true,
  isAway: true,
  port: { protocol: 'grpc', provePath: GRPC_HEALTH_PATH },
};

const TLS: TlsSpec = {
  mode: 'files',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 0,
  acme: { url: 'https://ca.example.com/directory' },
};

/** What the app answers. */
interface Said {
  copy: string;
  [what: string]: unknown;
}

/** A client with a word for each kind of call; it never repeats one. */
class Caller {
  readonly #client: Client;

  constructor(address: string, channel = ChannelCredentials.createInsecure(), options: ClientOptions = {}) {
    this.#client = new Client(address, channel, {
      'grpc.default_authority': HOST,
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** Resolves when it is connected. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves to the answer and its metadata. */
  unary(
    said: object = {},
    { method = 'Unary', headers = {}, deadline }: CallSettings = {},
  ): Promise<{ answer: Said; metadata: Record<string, unknown> }> {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Caller['unary']>>>();
    let metadata: Record<string, unknown> = {};
    const call = this.#client.makeUnaryRequest(
      `/lab.Calls/${method}`,
      toJson,
      fromJson,
      said,
      metadataOf(headers),
      deadline === undefined ? {} : { deadline },
      (error, answer) => (error ? reject(error) : resolve({ answer: answer!, metadata })),
    );
    call.on('metadata', (found) => {
      metadata = found.getMap();
    });
    return promise;
  }

  down(said: object) {
    return this.#client.makeServerStreamRequest('/lab.Calls/Down', toJson, fromJson, said);
  }

  /** Sends these and resolves to what the app says at their end. */
  up(texts: readonly string[]): Promise<Said> {
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    const call = this.#client.makeClientStreamRequest('/lab.Calls/Up', toJson, fromJson, (error, answer) =>
      error ? reject(error) : resolve(answer!),
    );
    for (const text of texts) call.write({ text });
    call.end();
    return promise;
  }

  both() {
    return this.#client.makeBidiStreamRequest('/lab.Calls/Both', toJson, fromJson);
  }

  close(): void {
    this.#client.close();
  }
}

interface CallSettings {
  method?: string;
  headers?: Record<string, string>;
  deadline?: Deadline;
}

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function fromJson(bytes: Buffer): Said {
  return JSON.parse(bytes.toString());
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** failureOf resolves to the status that a call ends with. */
async function failureOf(call: Promise<unknown>): Promise<Pick<ServiceError, 'code' | 'details'>> {
  const { code, details } = await call.then(
    () => ({ code: status.OK, details: '' }),
    (error: ServiceError) => error,
  );
  return { code, details };
}

describe.each(['edge', 'sidecar'] as const)('behind a real %s, without TLS', (kind) => {
  let front: Front;
  let caller: Caller;

  beforeAll(async () => {
    front = await startFront(kind, [CALLS, { name: 'plain' }]);
    caller = callerOf(front);
    await caller.ready();
    await answering(caller);
  }, 120_000);

  afterAll(async () => {
    caller?.close();
    await front?.down();
  });

  test('a call is answered, with its metadata', async () => {
    const { answer, metadata } = await caller.unary(
      { text: 'ä' },
      { headers: { 'x-own': 'mine', api_key: 'k' } },
    );
    expect(answer).toEqual({ copy: 'calls', host: HOST, path: '/lab.Calls/Unary', said: { text: 'ä' } });
    expect(metadata).toMatchObject({ 'x-own': 'mine', api_key: 'k' });
  });

  test('a status comes as the app says it, with details and trailers', async () => {
    expect(await failureOf(caller.unary({ code: status.ABORTED }, { method: 'Fail' }))).toEqual({
      code: status.ABORTED,
      details: 'not ä today',
    });
    expect((await failureOf(caller.unary({}, { method: 'Unheard' }))).code).toBe(status.UNIMPLEMENTED);
  });

  test('a deadline ends a call, and the next one is answered', async () => {
    const late = caller.unary({}, { method: 'Never', deadline: Date.now() + 300 });
    expect((await failureOf(late)).code).toBe(status.DEADLINE_EXCEEDED);
    expect((await caller.unary()).answer.copy).toBe('calls');
  });

  test('a stream of the app arrives whole', async () => {
    const numbers: unknown[] = [];
    for await (const { number } of caller.down({ count: 2_000 })) numbers.push(number);
    expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  });

  test('a stream of the client arrives whole, and longer than nginx would keep', async () => {
    const texts = Array.from({ length: 64 }, () => 'x'.repeat(64 * 1024));
    expect(await caller.up(texts)).toEqual({ copy: 'calls', messages: 64, bytes: 64 * 64 * 1024 });
  });

  test('two talk in turns over one call', async () => {
    const call = caller.both();
    const heard: Said[] = [];
    call.on('data', (said: Said) => heard.push(said));
    const ended = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
    for (const word of ['one', 'two', 'three']) {
      call.write({ word });
      while (
        heard.at(-1)?.said === undefined ||
        JSON.stringify(heard.at(-1)!.said) !== JSON.stringify({ word })
      )
        await sleep(5);
    }
    call.end();
    expect(await ended).toBe(status.OK);
  });

  test('what a service beside it serves it serves as before, and over HTTP/1.1 alone', async () => {
    expect((await front.ask('/', { app: 'plain' })).status).toBe(200);
  });

  test(`${TOGGLES} toggles by the flag lose no call, and streams stay where they are`, async () => {
    const flag = await flagOf(front, kind);
    const callers = Array.from({ length: CALLERS }, () => callerOf(front));
    await Promise.all(callers.map((one) => one.ready()));
    const load = callers.map((one) => startCalling(one));
    const stream = caller.both();
    const copies = new Set<string>();
    stream.on('data', ({ copy }: Said) => copies.add(copy));
    const streamEnded = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
    stream.write({});
    while (copies.size === 0) await sleep(5);

    for (let toggle = 0; toggle < TOGGLES; toggle++) {
      await front.exec(...(toggle % 2 === 0 ? ['touch', flag] : ['rm', flag]));
      await sleep(300);
      const side = toggle % 2 === 0 ? 'calls_secondary' : 'calls';
      expect((await caller.unary()).answer.copy).toBe(side);
      stream.write({});
    }
    stream.end();

    const results = await Promise.all(load.map((one) => one.end()));
    expect(await streamEnded).toBe(status.OK);
    expect([...copies]).toEqual(['calls']);
    expect(results.flatMap(({ lost }) => lost)).toEqual([]);
    console.log(
      `${kind}: ${TOGGLES} toggles, 0 of ${results.reduce((sum, { sent }) => sum + sent, 0)} calls lost`,
    );
    for (const one of callers) one.close();
  }, 120_000);

  test('is proven by a question that every server of gRPC answers, through each upstream', async () => {
    const server = await here();
    const instance = new NginxInstance(kind, server, { id: front.id, name: kind, address: front.address });
    const { generation } = await instance.look('shop_production', systemClock);
    const own = [`${front.addressOf('calls')}:3000`];
    const port = { ...CALLS.port, internalPort: 5_100, domains: [HOST] } as RoutePort;
    await prove(instance, SHOP, generation!, { service: 'calls', port, own, all: own }, systemClock);
    await server.close();
  });

  test('a copy that is away is unavailable to the caller', async () => {
    await front.kill('calls');
    await front.kill('calls_secondary');
    expect((await failureOf(caller.unary())).code).toBe(status.UNAVAILABLE);
  });
});

describe('behind a real edge with TLS', () => {
  let secure: Awaited<ReturnType<typeof startSecureFront>>;
  let caller: Caller;

  beforeAll(async () => {
    secure = await startSecureFront(TLS, [HOST], CALLS);
    const pair = await makeCertificate([HOST]);
    await secure.install(HOST, pair);
    const channel = ChannelCredentials.createSsl(Buffer.from(pair.chain));
    caller = new Caller(`${secure.front.address}:443`, channel, { 'grpc.ssl_target_name_override': HOST });
    await caller.ready();
    await answering(caller);
  }, 120_000);

  afterAll(async () => {
    caller?.close();
    await secure?.down();
  });

  test('calls and streams are answered as without', async () => {
    expect((await caller.unary({ text: 'hi' })).answer).toMatchObject({ copy: 'calls', host: HOST });
    expect(await caller.up(['a', 'bc'])).toMatchObject({ messages: 2, bytes: 3 });
    expect((await failureOf(caller.unary({}, { method: 'Fail' }))).code).toBe(status.FAILED_PRECONDITION);
  });

  test('a toggle loses no call', async () => {
    const flag = await flagOf(secure.front, 'edge');
    const load = startCalling(caller, CALLERS);
    for (const command of ['touch', 'rm', 'touch', 'rm']) {
      await secure.front.exec(command, flag);
      await sleep(250);
    }
    const { sent, lost } = await load.end();
    expect(lost).toEqual([]);
    expect(sent).toBeGreaterThan(50);
  });

  test('maintenance is unavailable to the caller, until it is over', async () => {
    const flag = `/etc/switchyard/flags/${maintenanceFlag(SHOP, 'calls')}`;
    await secure.front.exec('touch', flag);
    expect((await failureOf(caller.unary())).code).toBe(status.UNAVAILABLE);
    await secure.front.exec('rm', flag);
    expect((await caller.unary()).answer.copy).toBe('calls');
  });
});

describe('the health protocol', () => {
  let front: Front;
  let server: Server;
  const ask = async (app: string, service?: string): Promise<GrpcAnswer> => {
    const question = { path: GRPC_HEALTH_PATH, host: HOST, message: healthQuestion(service) };
    return await callGrpc(await server.dial(front.addressOf(app), 3000), question, 5_000);
  };

  beforeAll(async () => {
    front = await startFront('edge', [
      CALLS,
      { ...CALLS, name: 'unhealthy', hasBothSides: undefined, environment: { HEALTH: 'no' } },
      { name: 'plain' },
    ] as FrontApp[]);
    server = await here();
    const caller = callerOf(front);
    await answering(caller);
    caller.close();
  }, 120_000);

  afterAll(async () => {
    await server?.close();
    await front?.down();
  });

  test.each([
    [undefined, 0, 'SERVING'],
    ['lab.Calls', 0, 'SERVING'],
    ['lab.Away', 0, 'NOT_SERVING'],
    ['lab.Unheard', 5, undefined],
  ])('asked for %s a server answers', async (service, code, health) => {
    const answer = await ask('calls', service);
    expect([answer.status, healthStatus(answer.message)]).toEqual([code, health]);
  });

  test('a server without it says so', async () => {
    expect(await ask('unhealthy')).toMatchObject({ httpStatus: 200, status: status.UNIMPLEMENTED });
  });

  test('what speaks no HTTP/2 gives no answer', async () => {
    await expect(ask('plain')).rejects.toThrow();
  });
});

function callerOf(front: Front): Caller {
  const { host, port } = front.optionsFor('calls');
  return new Caller(`${host}:${port}`);
}

/** nginx asks for a name that could not be resolved at first once a second. */
async function answering(caller: Caller): Promise<void> {
  for (let tries = 0; (await failureOf(caller.unary())).code !== status.OK; tries++) {
    if (tries === 100) throw new Error('no call is answered');
    await sleep(100);
  }
}

/** Calls without a pause, `together` at a time on one connection, until `end`. */
function startCalling(caller: Caller, together = 1): { end(): Promise<{ sent: number; lost: unknown[] }> } {
  let isOver = false;
  let sent = 0;
  const lost: unknown[] = [];
  const callOn = async () => {
    while (!isOver) {
      sent += 1;
      const { code, details } = await failureOf(caller.unary({ number: sent }));
      if (code !== status.OK) lost.push(`${code}: ${details}`);
    }
  };
  const running = Promise.all(Array.from({ length: together }, callOn));
  return {
    end: async () => {
      isOver = true;
      await running;
      return { sent, lost };
    },
  };
}

async function flagOf(front: Front, kind: NginxKind): Promise<string> {
  const text = await front.exec(
    'sh',
    '-c',
    'mkdir -p /etc/switchyard/flags; cat /etc/switchyard/*/http/*/calls.conf',
  );
  const [path] = text.match(/\/etc\/switchyard\/flags\/shop_production\.calls\.[0-9a-f]{16}/) ?? [];
  if (path === undefined) throw new Error(`the ${kind} has no flag`);
  return path;
}

async function here(): Promise<Server> {
  const spec = { name: 'here', host: 'localhost', port: 22, user: '', zone: 'default', hostKeys: [] };
  return await localProvider([spec]).connect(spec);
}
