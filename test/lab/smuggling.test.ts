import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TlsSpec } from '../../src/model/spec.ts';
import { once as doneOnce } from '../e2e/once.ts';
import { makeCertificate } from './certificates.ts';
import { run } from './command.ts';
import { type RawFields, sendRawHttp2 } from './raw-http2.ts';
import { type SecureFront, startSecureFront } from './secure-front.ts';

const DOMAIN = 'app.example.com';
const TLS: TlsSpec = {
  mode: 'files',
  domains: {},
  policy: 'intermediate',
  redirect: false,
  hstsSeconds: 0,
  acme: { url: 'https://ca.example.com/directory' },
};
/** A request that nobody has sent as one. The number in a path tells what it was part of, see `numbered`. */
const HIDDEN = 'GET /hide/000 HTTP/1.1\r\nHost: app.example.com\r\nX-Hidden: 1\r\n\r\n';
const CHUNKED_HIDDEN = `0\r\n\r\n${HIDDEN}`;
const post = (fields: string, body: string) =>
  `POST /seen/000 HTTP/1.1\r\nHost: ${DOMAIN}\r\n${fields}\r\n\r\n${body}`;
const both = (coding: string, body = CHUNKED_HIDDEN) =>
  post(`Content-Length: ${body.length}\r\n${coding}`, body);

/** What has been used to have two servers read one text as different requests. */
const FORMS: Readonly<Record<string, string>> = {
  'CL.TE': both('Transfer-Encoding: chunked'),
  'TE.CL': post(
    'Transfer-Encoding: chunked\r\nContent-Length: 4',
    `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
  ),
  'TE with a blank before the colon': both('Transfer-Encoding : chunked'),
  'TE with a tab before the colon': both('Transfer-Encoding\t: chunked'),
  'TE after a tab': both('Transfer-Encoding:\tchunked'),
  'TE after a vertical tab': both('Transfer-Encoding:\x0bchunked'),
  'TE in a folded line': both('Transfer-Encoding:\r\n chunked'),
  'TE in a folded line of another field': both('X-A: b\r\n Transfer-Encoding: chunked'),
  'TE behind a bare CR': both('X-A: b\rTransfer-Encoding: chunked'),
  'TE behind a bare LF': both('X-A: b\nTransfer-Encoding: chunked'),
  'TE that is xchunked': both('Transfer-Encoding: xchunked'),
  'TE in capitals': both('TRANSFER-ENCODING: CHUNKED'),
  'TE in quotes': both('Transfer-Encoding: "chunked"'),
  'TE identity': both('Transfer-Encoding: identity'),
  'TE identity, chunked': both('Transfer-Encoding: identity, chunked'),
  'TE chunked, identity': both('Transfer-Encoding: chunked, identity'),
  'TE twice': both('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
  'TE twice, the first unknown': both('Transfer-Encoding: x\r\nTransfer-Encoding: chunked'),
  'TE with a NUL': both('Transfer-Encoding: chunked\0'),
  'TE with an underscore': both('Transfer_Encoding: chunked'),
  'TE with a blank first': both(' Transfer-Encoding: chunked'),
  'CL twice, alike': post(`Content-Length: 5\r\nContent-Length: 5`, `hello${HIDDEN}`),
  'CL twice, another': post(`Content-Length: 0\r\nContent-Length: ${HIDDEN.length}`, HIDDEN),
  'CL of a list': post('Content-Length: 5, 5', `hello${HIDDEN}`),
  'CL with a plus': post('Content-Length: +5', `hello${HIDDEN}`),
  'CL with a minus': post('Content-Length: -5', `hello${HIDDEN}`),
  'CL in hexadecimal': post('Content-Length: 0x5', `hello${HIDDEN}`),
  'CL with an underscore': post(`Content_Length: ${HIDDEN.length}`, HIDDEN),
  'CL with a blank before the colon': post(`Content-Length : ${HIDDEN.length}`, HIDDEN),
  'CL with a blank within': post('Content-Length: 1 0', `hello${HIDDEN}`),
  'CL that overflows': post('Content-Length: 18446744073709551621', `hello${HIDDEN}`),
  'CL with zeros first': post('Content-Length: 005', `hello${HIDDEN}`),
  'a chunk with an extension': post('Transfer-Encoding: chunked', `5;a=b\r\nhello\r\n${CHUNKED_HIDDEN}`),
  'an extension with a bare LF': post('Transfer-Encoding: chunked', `5;\nhello\r\n${CHUNKED_HIDDEN}`),
  'a chunk with a plus': post('Transfer-Encoding: chunked', `+5\r\nhello\r\n${CHUNKED_HIDDEN}`),
  'a chunk of 0x5': post('Transfer-Encoding: chunked', `0x5\r\nhello\r\n${CHUNKED_HIDDEN}`),
  'a chunk that overflows': post(
    'Transfer-Encoding: chunked',
    `10000000000000005\r\nhello\r\n${CHUNKED_HIDDEN}`,
  ),
  'chunks with bare LF': post('Transfer-Encoding: chunked', `5\nhello\n0\n\n${HIDDEN}`),
  'chunks that end too late': post('Transfer-Encoding: chunked', `5\r\nhelloXX\r\n${CHUNKED_HIDDEN}`),
  'a trailer with a length': post(
    'Transfer-Encoding: chunked',
    `5\r\nhello\r\n0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ),
  'bare LF all over': post(`Content-Length: 5`, `hello${HIDDEN}`).replaceAll('\r\n', '\n'),
  'HTTP/1.0 with chunks': both('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0'),
  'a body of GET': `GET /seen/000 HTTP/1.1\r\nHost: ${DOMAIN}\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  'a blank in the path': `GET /seen/000 HTTP/1.1\r\nX-A: b /x HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`,
  'an encoded line break in the path': `GET /seen/000%0d%0aX-Hidden:%201 HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`,
  'a bare CR in the path': `GET /seen/000\rX-Hidden:1 HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`,
  'two hosts': `GET /seen/000 HTTP/1.1\r\nHost: ${DOMAIN}\r\nHost: other.example.com\r\n\r\n`,
  'a whole address with another host': `GET http://${DOMAIN}/seen/000 HTTP/1.1\r\nHost: other.example.com\r\n\r\n`,
  'Upgrade to h2c': `GET /seen/000 HTTP/1.1\r\nHost: ${DOMAIN}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
  'Connection that names fields of the edge': `GET /seen/000 HTTP/1.1\r\nHost: ${DOMAIN}\r\nConnection: close, X-Real-IP, X-Forwarded-For\r\n\r\n`,
};

/** The same over HTTP/2, which has its own frames, and which the edge passes on as HTTP/1.1. */
const OVER_HTTP2: Readonly<
  Record<string, { fields: RawFields; body?: string; method?: string; path?: string }>
> = {
  'a length that is too short': { fields: [['content-length', '0']], body: HIDDEN },
  'a length that is too long': { fields: [['content-length', '500']], body: 'hello' },
  'Transfer-Encoding': { fields: [['transfer-encoding', 'chunked']], body: CHUNKED_HIDDEN },
  'Transfer-Encoding in capitals': { fields: [['Transfer-Encoding', 'chunked']], body: CHUNKED_HIDDEN },
  Connection: { fields: [['connection', 'transfer-encoding']], body: CHUNKED_HIDDEN },
  'a line break in a value': { fields: [['x-a', 'b\r\nTransfer-Encoding: chunked']], body: CHUNKED_HIDDEN },
  'a bare LF in a value': { fields: [['x-a', 'b\nTransfer-Encoding: chunked']], body: CHUNKED_HIDDEN },
  'a bare CR in a value': { fields: [['x-a', 'b\rx-hidden: 1']] },
  'a NUL in a value': { fields: [['x-a', 'b\0c']] },
  'a line break in a name': { fields: [['x-a: b\r\ntransfer-encoding', 'chunked']], body: CHUNKED_HIDDEN },
  'a colon in a name': { fields: [['x-a:b', 'c']] },
  'a blank in a name': { fields: [['transfer-encoding ', 'chunked']], body: CHUNKED_HIDDEN },
  'a blank in the path': { fields: [], path: '/seen/000 HTTP/1.1\r\nX-Hidden: 1' },
  'a plain blank in the path': { fields: [], path: '/seen/000 HTTP/1.1' },
  'a method of two lines': { fields: [], method: 'GET /hide/000 HTTP/1.1\r\nHost: a\r\n\r\nGET' },
  'a host beside the authority': { fields: [['host', 'other.example.com']] },
  'a field of HTTP/2 behind others': {
    fields: [
      ['x-a', 'b'],
      [':path', '/hide/000'],
    ],
  },
};

const FORM_NAMES = Object.keys(FORMS);
const HTTP2_NAMES = Object.keys(OVER_HTTP2);
/** So long the app may need for what nginx passes on, one request after the other, on a busy machine. */
const QUIET_MS = 1_500;
const LOOK_MS = 100;
/** A connection that is kept for a second request is ended by us: by then the first one has been answered. */
const PATIENCE_MS = 2_000;

/** numbered returns a text with another number in its paths, and of the same length. */
function numbered(text: string, number: number): string {
  return text.replaceAll('/000', `/${String(number).padStart(3, '0')}`);
}

/** ofNumber returns the texts that have a number in a path. */
function ofNumber(texts: readonly string[], number: number): string[] {
  return texts.filter((text) => new RegExp(numbered('/(?:seen|hide)/000(?!\\d)', number)).test(text));
}

async function sendOverHttp2(address: string, name: string, number: number): Promise<void> {
  const {
    fields,
    body,
    method = body === undefined ? 'GET' : 'POST',
    path = '/seen/000',
  } = OVER_HTTP2[name]!;
  const all: RawFields = [
    [':method', method],
    [':scheme', 'https'],
    [':path', path],
    [':authority', DOMAIN],
    ...fields,
  ];
  const own = all.map(([key, value]) => [numbered(key, number), numbered(value, number)] as const);
  await sendRawHttp2(address, DOMAIN, own, body && numbered(body, number));
}

describe('what one server could read as two requests', () => {
  let secure: SecureFront;
  let address: string;

  beforeAll(async () => {
    secure = await startSecureFront(TLS, [DOMAIN], { kind: 'raw' });
    ({ address } = secure.front);
    await secure.install(DOMAIN, await makeCertificate([DOMAIN]));
  }, 120_000);

  afterAll(async () => {
    await secure?.down();
  });

  /** What came to the app since it was asked last, a text a connection. */
  async function came(): Promise<string[]> {
    const sent = request({ host: secure.front.addressOf('app'), port: 3_001, agent: false });
    sent.end();
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const piece of response) text += String(piece);
    return JSON.parse(text) as string[];
  }

  /** All that comes to the app until nothing has come for a while. */
  async function allThatCame(): Promise<string[]> {
    const all: string[] = [];
    for (let quietMs = 0; quietMs < QUIET_MS; quietMs += LOOK_MS) {
      const some = await came();
      all.push(...some);
      if (some.length > 0) quietMs = 0;
      await sleep(LOOK_MS);
    }
    return all;
  }

  /** Sends everything side by side; what came of each is told apart by the numbers. */
  const sent = doneOnce(async () => {
    // It was asked whether it answers.
    await came();
    await Promise.all([
      ...FORM_NAMES.map((name, number) => exchange(address, numbered(FORMS[name]!, number))),
      ...HTTP2_NAMES.map((name, index) => sendOverHttp2(address, name, FORM_NAMES.length + index)),
    ]);
    return await allThatCame();
  });

  test.each(FORM_NAMES)('%s is refused, or passed on as one request', async (name) => {
    const own = ofNumber(await sent(), FORM_NAMES.indexOf(name));
    expect(own.map(ambiguityOf)).toEqual(own.map(() => undefined));
  });

  test.each(HTTP2_NAMES)('over HTTP/2: %s', async (name) => {
    const own = ofNumber(await sent(), FORM_NAMES.length + HTTP2_NAMES.indexOf(name));
    expect(own.map(ambiguityOf)).toEqual(own.map(() => undefined));
  });

  test('of all that came it is known what it was part of, and most forms are refused', async () => {
    const all = await sent();
    const numbers = [...FORM_NAMES, ...HTTP2_NAMES].map((_name, number) => number);
    expect(numbers.flatMap((number) => ofNumber(all, number)).toSorted()).toEqual(all.toSorted());
    const passedOn = numbers.filter((number) => ofNumber(all, number).length > 0);
    expect(passedOn.length).toBeGreaterThan(0);
    expect(passedOn.length).toBeLessThan(numbers.length / 2);
  });

  test('a plain request over HTTP/2 by the same client is answered, and what is ambiguous is seen', async () => {
    const fields: RawFields = [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':path', '/seen/000'],
      [':authority', DOMAIN],
    ];
    await sent();
    expect(await sendRawHttp2(address, DOMAIN, fields, 'hello')).toBe('answered');
    expect(await came()).toHaveLength(1);
    for (const name of ['CL.TE', 'TE with a blank before the colon', 'CL with a plus', 'CL twice, another'])
      expect(ambiguityOf(FORMS[name]!)).toBeDefined();
    expect(ambiguityOf(post('Content-Length: 5', 'hello'))).toBeUndefined();
  });
});

describe('slow clients', () => {
  let secure: SecureFront;
  let address: string;
  let sockets: Socket[] = [];

  beforeAll(async () => {
    secure = await startSecureFront(TLS, [DOMAIN, '*']);
    ({ address } = secure.front);
  }, 120_000);

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await secure?.down();
  });

  test('500 of them, with headers, bodies and answers, and others are served meanwhile', async () => {
    const head = `Host: ${DOMAIN}\r\n`;
    const begun = [
      { count: 200, first: `GET / HTTP/1.1\r\n${head}`, more: 'X-A: b\r\n' },
      { count: 150, first: `POST /echo HTTP/1.1\r\n${head}Content-Length: 100000\r\n\r\n`, more: 'x' },
      { count: 150, first: `GET /headers?bytes=30000 HTTP/1.1\r\n${head}\r\n`, more: '' },
    ];
    const opened = begun.flatMap(({ count, first, more }) =>
      Array.from({ length: count }, async () => ({ socket: await slow(address, first), more })),
    );
    const clients = await Promise.all(opened);
    sockets = clients.map(({ socket }) => socket);
    const ms: number[] = [];
    for (let turn = 0; turn < 40; turn++) {
      for (const [index, { socket, more }] of clients.entries()) if (index % 40 === turn) socket.write(more);
      const at = performance.now();
      expect((await secure.front.ask('/')).status).toBe(200);
      ms.push(performance.now() - at);
    }
    ms.sort((a, b) => a - b);
    console.log(`beside 500 slow clients: p50 ${ms[20]!.toFixed(1)} ms, longest ${ms.at(-1)!.toFixed(1)} ms`);
    expect(ms[20]).toBeLessThan(500);
    for (const socket of sockets) socket.destroy();
  });

  test.each([
    ['headers', ['-H', '-i', '1']],
    ['bodies', ['-B', '-i', '1', '-s', '8192', '-t', 'POST']],
    ['readers', ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32']],
  ])(
    'slowhttptest finds it available: %s',
    async (_what, args) => {
      const limits = ['-c', '500', '-r', '250', '-l', '4', '-p', '3'];
      const { stdout } = await run(['slowhttptest', ...args, ...limits, '-u', `http://${address}/`]);
      const said = stripVTControlCharacters(stdout);
      expect(said).toMatch(/service available:\s+YES/);
      expect(said).not.toMatch(/service available:\s+NO/);
    },
    60_000,
  );
});

async function slow(address: string, first: string): Promise<Socket> {
  const socket = connect(80, address);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(first);
  return socket;
}

/** exchange sends a text, and waits until the server has ended it, or said all that it has to say. */
async function exchange(address: string, text: string): Promise<void> {
  const socket = connect(80, address);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(Buffer.from(text, 'latin1'));
  socket.resume();
  await Promise.race([once(socket, 'close'), sleep(PATIENCE_MS)]);
  socket.destroy();
}

/**
 * ambiguityOf returns why what an app was sent could be read in two ways; undefined where its one request ends at one place
 * for every reader: a length of digits, or chunks, or no body, and nothing behind it.
 */
function ambiguityOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return `no end of the headers: ${JSON.stringify(text)}`;
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  const body = text.slice(end + 4);
  if (!/^[A-Z]+ \/[\x21-\x7e]* HTTP\/1\.[01]$/.test(line)) return `a request line: ${JSON.stringify(line)}`;
  const odd = fields.find((field) => !/^[\w.!#$%&'*+^`|~-]+: ?[\t\x20-\x7e\x80-\xff]*$/.test(field));
  if (odd !== undefined) return `a field: ${JSON.stringify(odd)}`;
  // What the edge itself has read as a second request is one, for everybody.
  const isHidden = line.startsWith('GET /hide/');
  if (!isHidden && /^x-hidden/im.test(fields.join('\n'))) return 'a field that nobody has sent as one';
  const valuesOf = (name: string) =>
    fields
      .map((field) => /^([^:]+): ?(.*)$/.exec(field)!)
      .filter(([, own = '']) => own.toLowerCase().replaceAll('_', '-') === name)
      .map(([, , value = '']) => value);
  const [lengths, codings] = [valuesOf('content-length'), valuesOf('transfer-encoding')];
  if (lengths.length + codings.length > 1) return `several lengths: ${[...lengths, ...codings].join(', ')}`;
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') return `a coding: ${codings[0]}`;
    return /^(?:[0-9a-f]+\r\n[\s\S]*?\r\n)*?0\r\n\r\n$/i.test(body) ? undefined : 'chunks that go on';
  }
  const [length = '0'] = lengths;
  if (!/^\d{1,15}$/.test(length)) return `a length: ${length}`;
  return body.length <= Number(length) ? undefined : `something behind its end: ${JSON.stringify(body)}`;
}
