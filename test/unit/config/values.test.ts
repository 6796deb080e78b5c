import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseHost, parsePrivateIp, parseUser } from '../../../src/config/address.ts';
import { parseBytes } from '../../../src/config/bytes.ts';
import { parseDomain } from '../../../src/config/domain.ts';
import { parseDuration } from '../../../src/config/duration.ts';
import { parseHostKey } from '../../../src/config/host-key.ts';
import { parseImage, recogniseImage } from '../../../src/config/image.ts';
import { parseShortMount } from '../../../src/config/mount.ts';
import { didYouMean, listed, nearest } from '../../../src/config/nearest.ts';
import { parseRestart } from '../../../src/config/restart.ts';
import { splitWords } from '../../../src/config/shell-words.ts';
import { checkVariableName } from '../../../src/config/variable-name.ts';
import { UserError } from '../../../src/model/errors.ts';
import { HOST_KEYS } from './host-keys.ts';

describe('parseDuration', () => {
  test.each([
    ['0', 0],
    [0, 0],
    ['0s', 0],
    ['500us', 0.5],
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['0.1s', 100],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
    ['1h2m3s4ms5us', 3_723_004.005],
    ['1d2h', 93_600_000],
    ['1w', 604_800_000],
    ['3µs', 0.003],
    ['5000ns', 0.005],
    ['576h', 2_073_600_000],
  ])('%j is %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.each([
    ['', 'it is empty'],
    ['10', 'the number at position 1 has no unit'],
    [10, 'the number at position 1 has no unit'],
    ['1m30', 'the number at position 3 has no unit'],
    ['-1s', 'unsupported character "-" at position 1'],
    ['1x', 'unsupported character "x" at position 2'],
    ['1s ', 'unsupported character " " at position 3'],
    ['1 s', 'unsupported character " " at position 2'],
    ['1.s', 'unsupported character "." at position 2'],
    ['1y', 'unsupported character "y" at position 2'],
    ['10s!', 'unsupported character "!" at position 4'],
    ['577h', 'at most 576h (24 days) are possible'],
  ])('%j is refused: %s', (text, problem) => {
    expect(() => parseDuration(text)).toThrow(`${JSON.stringify(String(text))} is no duration: ${problem}`);
  });

  test('reads back whatever is written in its units', () => {
    const parts = fc.record({
      h: fc.nat(500),
      m: fc.nat(59),
      s: fc.nat(59),
      ms: fc.nat(999),
      us: fc.nat(999),
    });
    fc.assert(
      fc.property(parts, ({ h, m, s, ms, us }) => {
        const exact = (((h * 60 + m) * 60 + s) * 1000 + ms) * 1000 + us;
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms${us}us`)).toBe(exact / 1000);
      }),
    );
  });
});

describe('parseBytes', () => {
  test.each([
    ['1', 1],
    [1024, 1024],
    ['5b', 5],
    ['1k', 1024],
    ['1kb', 1024],
    ['256M', 268_435_456],
    ['256mb', 268_435_456],
    ['2G', 2_147_483_648],
    ['2Gb', 2_147_483_648],
    ['1.5G', 1_610_612_736],
    ['512MiB', 536_870_912],
    ['512 MB', 536_870_912],
    ['1.5 gib', 1_610_612_736],
    ['1T', 1_099_511_627_776],
    ['0.3', 0],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([
    ['', 'it is empty'],
    ['m', 'unsupported "m" at position 1'],
    ['1.g', 'unsupported ".g" at position 2'],
    ['1  g', 'unsupported "  g" at position 2'],
    ['-1', 'unsupported "-1" at position 1'],
    ['10x', 'unsupported "x" at position 3'],
    ['5ib', 'unsupported "ib" at position 2'],
    ['99999999999g', 'it is too large'],
  ])('%j is refused: %s', (text, problem) => {
    expect(() => parseBytes(text)).toThrow(`${JSON.stringify(text)} is no size: ${problem}`);
  });
});

describe('splitWords', () => {
  test.each([
    ['node server.js --port 3000', ['node', 'server.js', '--port', '3000']],
    ['  a   b ', ['a', 'b']],
    ['', []],
    [`sh -c 'echo "$HOME" && ls | wc'`, ['sh', '-c', 'echo "$HOME" && ls | wc']],
    ['sh -c "exec $(which node) > /dev/null"', ['sh', '-c', 'exec $(which node) > /dev/null']],
    ['a "b c" d\\ e', ['a', 'b c', 'd e']],
    ['say "a \\"quoted\\" word"', ['say', 'a "quoted" word']],
    ["a ''", ['a', '']],
    ['a $HOME *.js', ['a', '$HOME', '*.js']],
  ])('%j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test.each(['a | b', 'a && b', 'a; b', 'a > b', 'a < b', 'a `b`', 'a $(b)', 'http://x/?a=1&b=2'])(
    'refuses what only a shell would understand: %j',
    (line) => {
      expect(() => splitWords(line)).toThrow('no shell runs it');
    },
  );

  test.each(['a "b', "a 'b", 'a \\'])('refuses what is not closed: %j', (line) => {
    expect(() => splitWords(line)).toThrow('not closed');
  });
});

describe('addresses', () => {
  test.each(['203.0.113.10', 'host', 'a.example.com', 'A.Example.com', '2001:db8::1', 'xn--mnchen-3ya.de'])(
    'parseHost takes %j',
    (host) => {
      expect(parseHost(host)).toBe(host.toLowerCase());
    },
  );

  test.each([
    '',
    ' a',
    'a b',
    '-oProxyCommand=x',
    'a;b',
    '$(x)',
    'user@host',
    'host:22',
    'a..b',
    'a.',
    'a_b',
    'fe80::1%eth0',
    'a'.repeat(64),
  ])('parseHost refuses %j', (host) => {
    expect(() => parseHost(host)).toThrow('neither an IP address nor a DNS name');
  });

  test.each(['10.0.0.2', 'fd00::2'])('parsePrivateIp takes %j', (address) => {
    expect(parsePrivateIp(address)).toBe(address);
  });

  test.each([
    ['host', 'is no IP address'],
    ['10.0.0', 'is no IP address'],
    ['10.0.0.0/8', 'is no IP address'],
    ['fe80::1%eth0', 'is no IP address'],
    ['0.0.0.0', 'every address of the server'],
    ['::', 'every address of the server'],
  ])('parsePrivateIp refuses %j', (address, problem) => {
    expect(() => parsePrivateIp(address)).toThrow(problem);
  });

  test.each(['root', 'deploy', '_x', 'a.b-c'])('parseUser takes %j', (user) => {
    expect(parseUser(user)).toBe(user);
  });

  test.each(['', '-l', 'a b', 'a;b', 'a@b'])('parseUser refuses %j', (user) => {
    expect(() => parseUser(user)).toThrow('is no login name');
  });
});

describe('parseDomain', () => {
  test.each(['api.example.com', 'API.Example.com', '*.example.com', 'localhost', '203.0.113.10', 'a-b.c0'])(
    'takes %j',
    (domain) => {
      expect(parseDomain(domain)).toBe(domain.toLowerCase());
    },
  );

  test.each([
    '',
    '*.com',
    'a.*.com',
    '**.example.com',
    '*example.com',
    'example.com.',
    '.example.com',
    'a b.com',
    'a.com;',
    'a.com; } server { listen 80',
    'a.com{',
    '"a.com"',
    "a'.com",
    'a.com\n',
    '~^a$',
    '$host',
    'a\\.com',
    'a_b.com',
    '-a.com',
    'a-.com',
    'ä.com',
    'http://a.com',
    'a.com:80',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(130)}com`,
  ])('refuses %j with the rule', (domain) => {
    const check = (): unknown => parseDomain(domain);
    expect(check).toThrow(`${JSON.stringify(domain)} is no domain`);
  });

  test('whatever it takes is harmless in a configuration of nginx', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.domain()), (text) => {
        let domain: string;
        try {
          domain = parseDomain(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          return;
        }
        expect(domain).toMatch(/^(?:\*|(?:\*\.)?[a-z0-9.-]+)$/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseHostKey', () => {
  test.each(Object.values(HOST_KEYS))('takes %.30s…, and drops the comment', (key) => {
    expect(parseHostKey(key)).toBe(key);
    expect(parseHostKey(`  ${key} root@server of mine\n`)).toBe(key);
    expect(parseHostKey(`${key}\r\n`)).toBe(key);
  });

  const [, base64 = ''] = HOST_KEYS.ed25519.split(' ');
  test.each([
    ['', 'unknown type ""'],
    [base64, 'unknown type'],
    [`203.0.113.10 ${HOST_KEYS.ed25519}`, 'unknown type "203.0.113.10"'],
    [`[203.0.113.10]:2222 ${HOST_KEYS.ed25519}`, 'unknown type "[203.0.113.10]:2222"'],
    [`ssh-dss ${base64}`, 'unknown type "ssh-dss"'],
    ['ssh-ed25519', 'does not decode'],
    ['ssh-ed25519 AAAA…', 'does not decode'],
    [`ssh-ed25519 ${base64.slice(0, -8)}`, 'does not decode'],
    [`ssh-ed25519 ${base64}AAA`, 'does not decode'],
    [`ssh-rsa ${base64}`, 'says ssh-rsa, but holds a key of type "ssh-ed25519"'],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', 'is not complete'],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==', 'is not complete'],
  ])('refuses %.40s: %s', (line, problem) => {
    expect(() => parseHostKey(line)).toThrow(problem);
  });

  test('tells whoever has pasted a line of ssh-keyscan what is too much of it', () => {
    expect(() => parseHostKey(`203.0.113.10 ${HOST_KEYS.ed25519}`)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('without the host at its front') }),
    );
  });
});

describe('images', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  test.each([
    ['redis', 6379],
    ['redis:7', 6379],
    ['docker.io/library/redis:7-alpine', 6379],
    [`localhost:5000/acme/postgres@${digest}`, 5432],
    [`ghcr.io/acme/my__redis:1.2.3@${digest}`, undefined],
    ['ghcr.io/redis/exporter', undefined],
    ['REGISTRY.example.com/kafka', 9092],
    ['[::1]:5000/api', undefined],
  ])('%s is one, and what is known of it follows from the end of its path: port %s', (image, port) => {
    expect(parseImage(image)).toBe(image);
    expect(recogniseImage(image)?.port).toBe(port);
  });

  test.each(['redis:a b', '-x', 'a@sha256:x', 'a//b', 'http://a/b', 'a:b:c', 'a;b', ''])(
    '%j is none',
    (image) => {
      expect(() => parseImage(image)).toThrow('is no image reference');
    },
  );

  test.each([
    ['ghcr.io/acme/api@', 'has an empty digest', 'is its output called "digest"'],
    ['api:1@sha256:', 'has an empty digest', 'did it push'],
    ['redis:', 'has an empty tag', 'is the variable'],
  ])('%j, which a step left unfinished, is told as that', (image, message, hint) => {
    expect(() => parseImage(image)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });
});

describe('images with upper case in their name', () => {
  test.each([
    ['Redis', 'redis'],
    ['MyOrg/app:1', 'myorg/app:1'],
    ['MyOrg/App:V1', 'myorg/app:V1'],
    ['ghcr.io/MyOrg/app:1', 'ghcr.io/myorg/app:1'],
    ['Registry.example.com/MyOrg/app', 'Registry.example.com/myorg/app'],
  ])('%s is refused, with what to write: %s', (image, instead) => {
    let refused: unknown;
    try {
      parseImage(image);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ message: expect.stringContaining('has upper case in its name') });
    expect((refused as UserError).hint).toContain(`Write ${instead},`);
  });
});

describe('parseShortMount', () => {
  test.each([
    ['data:/data', { type: 'volume', source: 'data', target: '/data', readOnly: false }],
    ['data:/srv/../data//.', { type: 'volume', source: 'data', target: '/data', readOnly: false }],
    ['data:/data/:ro', { type: 'volume', source: 'data', target: '/data', readOnly: true }],
    ['/app/node_modules', { type: 'volume', target: '/app/node_modules', readOnly: false }],
    ['data:/data:cached', { type: 'volume', source: 'data', target: '/data', readOnly: false }],
    [
      'data:/data:ro,z',
      { type: 'volume', source: 'data', target: '/data', readOnly: true, more: { selinux: 'z' } },
    ],
    [
      '/srv/x:/data:Z,rslave',
      {
        type: 'bind',
        source: '/srv/x',
        target: '/data',
        readOnly: false,
        more: { selinux: 'Z', propagation: 'rslave' },
      },
    ],
    [
      'data:/data:nocopy',
      { type: 'volume', source: 'data', target: '/data', readOnly: false, more: { nocopy: true } },
    ],
    ['/srv/x:/data:rw', { type: 'bind', source: '/srv/x', target: '/data', readOnly: false }],
    ['./x.yml:/etc/x.yml:ro', { type: 'bind', source: './x.yml', target: '/etc/x.yml', readOnly: true }],
    ['..:/src:ro', { type: 'bind', source: '..', target: '/src', readOnly: true }],
  ])('%j', (text, mount) => {
    expect(parseShortMount(text)).toEqual(mount);
  });

  test.each([
    ['./x:/data', 'is of the repository, and a container cannot write there'],
    ['../x:/data:z', 'is of the repository, and a container cannot write there'],
    ['~/x:/data', 'is a relative path'],
    ['/data:ro', 'is no place for a volume'],
    ['data:/data:x', 'is no volume'],
    ['data:/data:ro:x', 'is no volume'],
    ['data:/data:rslave', 'a volume mount has no options of a bind (propagation)'],
    ['data:data', 'is no place for a volume'],
    ['data:/', 'is no place for a volume'],
    ['data', 'is no place for a volume'],
    ['', 'is no volume'],
    ['a b:/data', 'is no volume name'],
    ['nginx:/data', 'is reserved'],
    ['secrets:/data', 'is reserved'],
  ])('%j is refused: %s', (text, problem) => {
    expect(() => parseShortMount(text)).toThrow(problem);
  });
});

describe('parseRestart', () => {
  test.each([
    ['no', { name: 'no' }],
    ['always', { name: 'always' }],
    ['unless-stopped', { name: 'unless-stopped' }],
    ['on-failure', { name: 'on-failure' }],
    ['on-failure:3', { name: 'on-failure', maximumRetryCount: 3 }],
  ])('%s', (text, restart) => {
    expect(parseRestart(text)).toEqual(restart);
  });

  test.each(['', 'never', 'always:3', 'on-failure:', 'on-failure:x'])('%j is refused', (text) => {
    expect(() => parseRestart(text)).toThrow('is no restart policy');
  });
});

describe('names of variables', () => {
  test.each(['A', 'a.b', 'log-level', '_'])('checkVariableName takes %j', (name) => {
    expect(() => checkVariableName(name)).not.toThrow();
  });

  test.each(['', 'A=B', 'A\0', 'A B', 'SWITCHYARD_X'])('checkVariableName refuses %j', (name) => {
    expect(() => checkVariableName(name)).toThrow(UserError);
  });
});

describe('nearest', () => {
  test('is close, or nothing', () => {
    const known = ['healthcheck', 'image', 'port', 'constructor'];
    expect(nearest('helthcheck', known)).toBe('healthcheck');
    expect(nearest('IMAGE', known)).toBe('image');
    expect(nearest('banana', known)).toBeUndefined();
    expect(didYouMean('prt', known)).toBe('; did you mean "port"?');
    expect(didYouMean('banana', known)).toBe('');
  });

  test('listed reads as a sentence', () => {
    expect(listed([])).toBe('none');
    expect(listed(['a'])).toBe('"a"');
    expect(listed(['a', 'b', 'c'], 'or')).toBe('"a", "b" or "c"');
  });
});
