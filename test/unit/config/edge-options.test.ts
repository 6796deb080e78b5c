import { describe, expect, test } from '@jest/globals';
import { requireUserLists } from '../../../src/config/user-lists.ts';
import type { RepositoryFiles } from '../../../src/model/repository-files.ts';
import { indented, localFile, messagesOf, resolveOne, resolveText } from './files.ts';

const APR1 = '$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1';
/** As it has to be written in the file. */
const APR1_WRITTEN = APR1.replaceAll('$', '$$$$');
const BCRYPT = `$2y$05$${'a'.repeat(53)}`;

const optionsOf = (keys: string) =>
  resolveOne(`domain: api.example.com\nedge:\n${indented(keys, 2)}`).route.edge;
const complaintsAbout = (keys: string) => messagesOf(() => optionsOf(keys));

/** resolves with files of a repository, by their paths. */
function optionsWith(keys: string, files: Record<string, string>, isSecret = false) {
  const repository: RepositoryFiles = {
    find: (path) => {
      const text = files[path];
      if (text === undefined) return undefined;
      return { kind: 'file', file: { bytes: Buffer.from(text), isExecutable: false, isSecret } };
    },
  };
  const text = localFile(`api:\n  image: acme/api\n  port: 3000\n  edge:\n${indented(keys, 4)}`);
  return resolveText(text, 'local', {}, { repository }).services[0]?.route.edge;
}

describe('the edge options of a service', () => {
  test('is none where nothing is said, and nothing of it is in the container or the policy', () => {
    expect(resolveOne('domain: a.example.com').route).not.toHaveProperty('edge');
    expect(optionsOf('gzip: false\nsatisfy: all\nheaders: {}\nerror_pages: {}')).toBeUndefined();
    const plain = resolveOne('domain: api.example.com');
    const locked = resolveOne('domain: api.example.com\nedge: { deny: 10.0.0.1 }');
    expect([locked.container, locked.policy]).toEqual([plain.container, plain.policy]);
  });

  test('says all of it in short forms', () => {
    expect(
      optionsOf(`headers: { X-Frame-Options: DENY, Referrer-Policy: false, X-Robots-Tag: noindex }
gzip: true
basic_auth: { anna: "${APR1_WRITTEN}" }
allow: [10.0.0.0/8, 2001:DB8::/32, 10.0.0.0/8]
deny: 10.1.0.0/16
satisfy: any
rate_limit: 20/s
connection_limit: 50
cors: https://app.example.com`),
    ).toEqual({
      headers: { 'X-Frame-Options': 'DENY', 'Referrer-Policy': null, 'X-Robots-Tag': 'noindex' },
      gzip: { types: expect.arrayContaining(['application/json']), level: 4, minBytes: 1024 },
      basicAuth: { anna: APR1 },
      allow: ['10.0.0.0/8', '2001:db8::/32'],
      deny: ['10.1.0.0/16'],
      satisfy: 'any',
      rateLimit: { requests: 20, per: 'second', burst: 20 },
      connectionLimit: 50,
      cors: {
        origins: ['https://app.example.com'],
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        headers: ['Authorization', 'Content-Type', 'X-Requested-With'],
        expose: [],
        credentials: false,
        maxAgeSeconds: 600,
      },
    });
  });

  test('says it in long forms', () => {
    const long = optionsOf(`gzip: { types: [text/html, image/svg+xml], level: 9, min_size: 2k }
basic_auth: ["anna:${APR1_WRITTEN}", "berta:${BCRYPT.replaceAll('$', '$$$$')}"]
rate_limit: { rate: 100/m }
cors: { origins: ["https://*.example.org"], methods: [GET], expose: [X-Total], credentials: true, max_age: 1h }`);
    expect(long).toMatchObject({
      gzip: { types: ['image/svg+xml'], level: 9, minBytes: 2048 },
      basicAuth: { anna: APR1, berta: BCRYPT },
      rateLimit: { requests: 100, per: 'minute', burst: 17 },
      cors: { origins: ['https://*.example.org'], credentials: true, maxAgeSeconds: 3600 },
    });
  });

  test('of an environment is laid over that of the file, key by key', () => {
    const text = `project: shop
environments:
  local:
    provider: local
    services: { api: { edge: { headers: { X-Robots-Tag: noindex } } } }
services:
  api: { image: acme/api, port: 3000, edge: { headers: { X-Frame-Options: DENY }, gzip: true } }
`;
    expect(resolveText(text).services[0]?.route.edge).toMatchObject({
      headers: { 'X-Frame-Options': 'DENY', 'X-Robots-Tag': 'noindex' },
      gzip: { level: 4 },
    });
  });

  test('has users and pages in files of the repository', () => {
    const files = { './users': `# staging\n\nanna:${APR1}\r\n`, './502.html': '<p>Soon.' };
    expect(optionsWith('basic_auth: ./users\nerror_pages: { 502: ./502.html }', files)).toEqual({
      basicAuth: { anna: APR1 },
      errorPages: { 502: '<p>Soon.' },
    });
  });

  test('compresses by more than gzip, each at levels of its own', () => {
    expect(optionsOf('brotli: true\nzstd: { level: 9, types: [text/html] }')).toMatchObject({
      brotli: { level: 4, minBytes: 1024, types: expect.arrayContaining(['application/json']) },
      zstd: { level: 9, types: [] },
    });
    expect(complaintsAbout('brotli: { level: 11 }')).toEqual([expect.stringContaining('edge.brotli.level')]);
  });

  test('has users of a secret, of which it knows the name alone', () => {
    expect(optionsOf('basic_auth: { secret: ADMIN_USERS }')).toEqual({ basicAuthSecret: 'ADMIN_USERS' });
    expect(optionsOf(`basic_auth: { secret: "${APR1_WRITTEN}" }`)).toEqual({ basicAuth: { secret: APR1 } });
    expect(complaintsAbout('basic_auth: { secret: A, anna: B }')).toHaveLength(2);
  });

  test.each([
    [`# ours\nanna:${APR1}\n`, `anna:${APR1}\n`],
    ['anna', 'secret USERS is no list of users: line 1 has no colon'],
    ['anna:hunter2', 'secret USERS is no list of users: has no hash of a password that nginx can check'],
    ['an na:hunter2', 'secret USERS is no list of users: has a name that no user can have'],
  ])('the value of a secret is lines of htpasswd: %j', (value, expected) => {
    const wanted = resolveText(
      localFile('api: { image: a, port: 3000, edge: { basic_auth: { secret: USERS } } }'),
    );
    const sources = { given: { USERS: value }, variables: {}, files: new Map() };
    const lists = () => requireUserLists({ wanted, definitions: {} }, sources);
    if (expected.startsWith('anna')) expect(lists()).toEqual({ USERS: expected });
    else expect(messagesOf(lists)).toEqual([expected]);
  });

  test.each([
    ['basic_auth: ./none', {}, 'edge.basic_auth: there is no ./none in the repository'],
    ['basic_auth: ./users', { './users': 'anna' }, 'edge.basic_auth: ./users: line 1 has no colon'],
    ['basic_auth: ./users', { './users': '# nobody\n' }, 'edge.basic_auth: ./users: has no users'],
    [
      'error_pages: { 502: ./a }',
      { './a': 'x'.repeat(70_000) },
      'edge.error_pages.502: ./a has more than 64 KB',
    ],
    ['error_pages: { 502: ./a }', { './a': '\0' }, 'edge.error_pages.502: ./a is no text'],
  ])('%s is refused with its file', (keys, files, message) => {
    expect(messagesOf(() => optionsWith(keys, files as Record<string, string>))).toEqual([
      expect.stringContaining(message.replace(/^edge/, 'edge')),
    ]);
  });

  test('takes no file that may be a secret: it would stand in the record', () => {
    const text = { './users': `anna:${APR1}` };
    expect(messagesOf(() => optionsWith('basic_auth: ./users', text, true))).toEqual([
      expect.stringContaining('git does not have ./users as it is'),
    ]);
  });

  test('needs a port', () => {
    const worker = `project: shop\nenvironments: { local: { provider: local } }\nservices: { api: { image: a, edge: { gzip: true } } }\n`;
    expect(messagesOf(() => resolveText(worker))).toEqual([expect.stringContaining('needs a port')]);
  });
});

describe('what could mean something else to nginx', () => {
  test.each([
    'headers: { "X-A b": x }',
    'headers: { "X-A;": x }',
    'headers: { "": x }',
    'headers: { X_A: x }',
    String.raw`headers: { X-A: "a\r\nSet-Cookie: b" }`,
    String.raw`headers: { X-A: "a\nb" }`,
    'headers: { X-A: "$$host" }',
    String.raw`headers: { X-A: "a\\" }`,
    'headers: { X-A: "é" }',
    'headers: { X-A: "" }',
    'headers: { X-Frame-Options: ALLOWALL }',
    'headers: { X-Frame-Options: off }',
    'headers: { Strict-Transport-Security: max-age=1 }',
    'headers: { Set-Cookie: a=b }',
    'headers: { content-length: 5 }',
    'gzip: { types: ["text/plain; }"] }',
    'gzip: { types: ["*"] }',
    'gzip: { level: 10 }',
    `basic_auth: { "a:b": "${APR1_WRITTEN}" }`,
    `basic_auth: { "a b": "${APR1_WRITTEN}" }`,
    `basic_auth: { "#a": "${APR1_WRITTEN}" }`,
    'basic_auth: { anna: open-sesame }',
    'basic_auth: { anna: "{PLAIN}open-sesame" }',
    String.raw`basic_auth: { anna: "$$apr1$$Zu7hzkqN$$sa40jxNUo5CdAdBecGcQQ1\nberta:x" }`,
    'basic_auth: {}',
    'allow: 10.0.0.0/8;',
    'allow: "10.0.0.1 1; default 0"',
    'deny: example.com',
    'rate_limit: 20',
    'rate_limit: 0/s',
    'rate_limit: 1/h',
    'rate_limit: "1/s; }"',
    'rate_limit: { burst: 3 }',
    'connection_limit: 0',
    'cors: https://app.example.com/path',
    'cors: https://a"b',
    'cors: "https://*.*.example.com"',
    'cors: "null"',
    'cors: { origins: ["*"], credentials: true }',
    'cors: { methods: [GET] }',
    'cors: { origins: https://a.example.com, methods: ["GET\\""] }',
    'cors: { origins: https://a.example.com, headers: ["X; A"] }',
    'error_pages: { 200: ./a.html }',
    'error_pages: { 502: /etc/passwd }',
    'error_pages: { 502: "<p>" }',
    'allow: 10.0.0.1\ndeny: 10.0.0.1',
    'satisfy: any',
    'satisfy: any\nallow: 10.0.0.1',
  ])('%s is refused', (keys) => {
    expect(complaintsAbout(keys)).toHaveLength(1);
  });

  test('a hash that would keep the workers of the edge busy is refused, and never repeated', () => {
    const [message] = complaintsAbout(
      `basic_auth: { anna: "${BCRYPT.replace('05', '12').replaceAll('$', '$$$$')}" }`,
    );
    expect(message).toMatch(/has a hash of cost 12, and 6 is the most/);
    expect(complaintsAbout('basic_auth: { anna: open-sesame }').join()).not.toContain('open-sesame');
  });
});
