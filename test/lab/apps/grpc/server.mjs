// An app that speaks gRPC: every kind of call, and what it is told of them.
import { Server, ServerCredentials, status } from '@grpc/grpc-js';

const { COPY = 'none', HEALTH = 'yes', GRACE_MS = '8000' } = process.env;

const json = {
  requestSerialize: (value) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes) => JSON.parse(bytes.toString()),
  responseSerialize: (value) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes) => JSON.parse(bytes.toString()),
};
const method = (name, requestStream, responseStream) => ({
  path: `/lab.Calls/${name}`,
  requestStream,
  responseStream,
  ...json,
});
const calls = {
  Unary: method('Unary', false, false),
  Fail: method('Fail', false, false),
  Never: method('Never', false, false),
  Down: method('Down', false, true),
  Up: method('Up', true, false),
  Both: method('Both', true, true),
};

const server = new Server();
server.addService(calls, {
  Unary(call, done) {
    call.sendMetadata(call.metadata);
    done(null, { copy: COPY, host: call.getHost(), path: call.getPath(), said: call.request });
  },
  Fail(call, done) {
    const { metadata } = call;
    done({ code: call.request.code ?? status.FAILED_PRECONDITION, details: 'not ä today', metadata });
  },
  Never() {},
  async Down(call) {
    const { count, everyMs = 0 } = call.request;
    for (let sent = 0; sent < count && !call.cancelled; sent++) {
      call.write({ copy: COPY, number: sent });
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    call.end();
  },
  Up(call, done) {
    let bytes = 0;
    let messages = 0;
    call.on('data', ({ text }) => {
      bytes += text.length;
      messages += 1;
    });
    call.on('end', () => done(null, { copy: COPY, bytes, messages }));
  },
  Both(call) {
    call.on('data', (said) => call.write({ copy: COPY, said }));
    call.on('end', () => call.end());
  },
});

// The health protocol by hand: a field of text asks, a number answers.
const raw = (bytes) => bytes;
if (HEALTH === 'yes') {
  server.addService(
    {
      Check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      },
    },
    {
      Check(call, done) {
        const name = call.request.subarray(2).toString();
        if (!['', 'lab.Calls', 'lab.Away'].includes(name)) done({ code: status.NOT_FOUND, details: name });
        else done(null, Buffer.from([0x08, name === 'lab.Away' ? 2 : 1]));
      },
    },
  );
}

server.bindAsync('0.0.0.0:3000', ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
process.on('SIGTERM', () => {
  server.tryShutdown(() => process.exit(0));
  setTimeout(() => process.exit(1), Number(GRACE_MS)).unref();
});
