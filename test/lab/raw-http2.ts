import { once } from 'node:events';
import { connect } from 'node:tls';

/** Fields of a request as they go over the line, in their order, whatever HTTP/2 says of them. */
export type RawFields = readonly (readonly [name: string, value: string])[];

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY] = [0, 1, 3, 4, 7];
const [END_STREAM, END_HEADERS] = [1, 4];
const PATIENCE_MS = 2_000;

/**
 * sendRawHttp2 sends one request with these fields, by a client that checks none of them, and resolves to what became of it:
 * `answered`, or how it was refused.
 */
export async function sendRawHttp2(
  host: string,
  servername: string,
  fields: RawFields,
  body = '',
): Promise<'answered' | 'refused'> {
  const socket = connect({ host, port: 443, servername, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const block = Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0, Buffer.alloc(0)),
      frame(HEADERS, END_HEADERS | (body === '' ? END_STREAM : 0), 1, block),
      ...(body === '' ? [] : [frame(DATA, END_STREAM, 1, Buffer.from(body))]),
    ]),
  );
  const { promise, resolve } = Promise.withResolvers<'answered' | 'refused'>();
  let got = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    got = Buffer.concat([got, piece]);
    while (got.length >= 9 && got.length >= 9 + got.readUIntBE(0, 3)) {
      const kind = got[3]!;
      if (kind === HEADERS) resolve('answered');
      if (kind === RST_STREAM || kind === GOAWAY) resolve('refused');
      got = got.subarray(9 + got.readUIntBE(0, 3));
    }
  });
  socket.once('close', () => resolve('refused'));
  const timer = setTimeout(() => resolve('refused'), PATIENCE_MS);
  const outcome = await promise;
  clearTimeout(timer);
  socket.destroy();
  return outcome;
}

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A text of HPACK without Huffman's code (RFC 7541 §5.2), of fewer than 127 bytes. */
function text(said: string): Buffer {
  const bytes = Buffer.from(said, 'latin1');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
