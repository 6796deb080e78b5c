import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAddress } from '../../../src/config/domain.ts';
import { parseRedirectTarget } from '../../../src/config/redirect-target.ts';
import { addressesOf, claimsOf, domainsOf } from '../../../src/model/spec.ts';
import { localFile, messagesOf, resolveOne, resolveText } from './files.ts';

const mistakesIn = (services: string) => messagesOf(() => resolveText(localFile(services)));
/** A web service with redirects, beside an api below a path. */
const redirecting = (redirects: string) => `
web: { image: x, port: 1, domain: [example.com, "*.shop.example.com"], redirects: ${redirects} }
api: { image: x, port: 1, domain: example.com/api }`;

describe('an address', () => {
  test.each([
    ['Example.com/API', 'example.com/API'],
    ['example.com/', 'example.com'],
    ['example.com/api/', 'example.com/api'],
    ['*.example.com/a.b/~c_d-e', '*.example.com/a.b/~c_d-e'],
    ['*/api', '*/api'],
    ['example.com/.well-known/openid', 'example.com/.well-known/openid'],
  ])('%s is %s', (text, address) => {
    expect(parseAddress(text)).toBe(address);
  });

  test.each([
    ['example.com//api', '"//api" is no path that a service can have'],
    ['example.com/a//b', '"/a//b" is no path that a service can have'],
    ['example.com/..', '"/.." is no path that a service can have'],
    ['example.com/a/./b', '"/a/./b" is no path that a service can have'],
    ['example.com/a%2Fb', '"/a%2Fb" is no path that a service can have'],
    ['example.com/a b', '"/a b" is no path that a service can have'],
    ['example.com/$host', '"/$host" is no path that a service can have'],
    ['example.com/a{b', '"/a{b" is no path that a service can have'],
    ['example.com/a;b', '"/a;b" is no path that a service can have'],
    ['example.com/a"b', '"/a\\"b" is no path that a service can have'],
    ['example.com/api?x', '"/api?x" is no path that a service can have'],
    ['example.com/\nx', '"/\\nx" is no path that a service can have'],
    [`example.com/${'x'.repeat(200)}`, 'is no path that a service can have'],
    ['/api', '"" is no domain'],
    ['example.com:80/api', '"example.com:80" is no domain'],
    ['https://example.com/api', '"https://example.com/api" is no domain'],
    ['example.com/.well-known/acme-challenge', '/.well-known/acme-challenge is answered by the edge itself'],
    ['example.com/.well-known/switchyard/x', '/.well-known/switchyard is answered by the edge itself'],
  ])('%s is none', (text, message) => {
    expect(() => parseAddress(text)).toThrow(message);
  });

  test('is one word that nginx takes as it is', () => {
    const hostile = fc.stringMatching(/^[ab;{}$"'\\ \n~*./%?#()|^-]{1,8}$/);
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const parsed = parsedOr(() => parseAddress(`example.com/${a}/${b}`));
        if (parsed !== undefined) expect(parsed).toMatch(/^example\.com(?:\/(?!\.\.?(?:\/|$))[\w.~-]+)*$/);
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });
});

describe('a target of a redirect', () => {
  test.each([
    ['https://Example.com', 'https://example.com'],
    ['http://example.com:8080/a%20b', 'http://example.com:8080/a%20b'],
    ['/new/', '/new/'],
    ['/', '/'],
  ])('%s is %s', (text, to) => {
    expect(parseRedirectTarget(text)).toEqual({ to, isWhole: false });
  });

  test('with a query or a fragment has nothing behind it', () => {
    expect(parseRedirectTarget('https://example.com/?a=%24b&c')).toMatchObject({ isWhole: true });
    expect(parseRedirectTarget('/new#part')).toEqual({ to: '/new#part', isWhole: true });
  });

  test.each([
    '',
    'new',
    '//example.org',
    'ftp://example.com',
    'javascript:alert(1)',
    'https://',
    'https://exa mple.com',
    'https://user@example.com',
    'https://example.com:0',
    'https://example.com:99999',
    'https://example.com/$host',
    'https://example.com/"; return 200 "x',
    "/a'b",
    '/a\r\nSet-Cookie: x',
    '/a\nb',
    '/a\\b',
    '/a b',
    '/a;b',
    '/{x}',
    '/a%2',
    '/a/../b',
    '/%2e%2E/b',
    `/${'x'.repeat(2_001)}`,
  ])('%j is none', (text) => {
    expect(() => parseRedirectTarget(text)).toThrow('is nowhere that a redirect can lead');
  });

  test('can end neither a string nor a line, and names no variable', () => {
    const hostile = fc.stringMatching(/^[ab;{}$"'\\ \r\n~*./%?#()|^@:-]{1,10}$/);
    fc.assert(
      fc.property(hostile, (text) => {
        for (const target of [`https://example.com/${text}`, `/${text}`, text]) {
          const parsed = parsedOr(() => parseRedirectTarget(target).to);
          if (parsed !== undefined) expect(parsed).not.toMatch(/[$"'\\\s;{}]/);
        }
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });
});

describe('a service below a path', () => {
  test('says so in its domain, and whether the app gets the prefix', () => {
    const { route } = resolveOne(
      'domain: [example.com/api/, api.example.com]\nstrip_prefix: true\nextra_ports: { console: { port: 2, domain: example.com/console, strip_prefix: true } }',
    );
    expect(route).toMatchObject({
      domains: ['example.com/api', 'api.example.com'],
      extraDomains: { console: ['example.com/console'] },
      stripPrefix: true,
      extraStripPrefix: ['console'],
    });
    expect(domainsOf(route)).toEqual(['example.com', 'api.example.com']);
    expect(addressesOf(route)).toEqual(['example.com/api', 'api.example.com', 'example.com/console']);
  });

  test('shares its domain with others, by other paths', () => {
    expect(mistakesIn(redirecting('[]'))).toEqual([]);
    expect(
      mistakesIn(`
a: { image: x, port: 1, domain: example.com/api }
b: { image: x, port: 1, extra_ports: { c: { port: 2, domain: EXAMPLE.com/api/ } } }`),
    ).toEqual([
      'services.b.extra_ports.c.domain: domain example.com/api belongs to both "a" and "b (port c)"',
    ]);
  });

  test.each([
    ['strip_prefix: true', 'strip_prefix: there is nothing to strip: no domain here has a path'],
    [
      'extra_ports: { c: { port: 2, strip_prefix: true } }',
      'extra_ports.c.strip_prefix: there is nothing to strip',
    ],
    ['redirects: [{ from: a.com, to: "https://b.com" }]', 'redirects: there is no domain here'],
    ['domain: example.com/a b', 'domain: "/a b" is no path'],
  ])('%s is refused', (text, message) => {
    expect(
      mistakesIn(`web: { image: x, port: 1, ${text.replace(/^domain: (.*)$/, 'domain: "$1"')} }`),
    ).toEqual([expect.stringContaining(`services.web.${message}`)]);
  });
});

describe('redirects', () => {
  test('keep method and path by default, and belong to the service', () => {
    const { route } = resolveOne(
      'domain: example.com\nredirects:\n  - { from: WWW.example.com, to: "https://example.com" }\n  - { from: example.com/old/, to: "/new?x", status: 302, keep_path: false }',
    );
    expect(route.redirects).toEqual([
      { from: 'www.example.com', to: 'https://example.com', status: 308 },
      { from: 'example.com/old', to: '/new?x', status: 302, dropsPath: true },
    ]);
    expect(domainsOf(route)).toEqual(['example.com', 'www.example.com']);
    expect(claimsOf(route)).toEqual(['example.com', 'www.example.com', 'example.com/old']);
  });

  test.each([
    ['[{ from: www.example.com }]', 'redirects[0].to: is required'],
    ['[{ from: a.com, to: /x, status: 303 }]', 'redirects[0].status: must be 301, 302, 307, 308'],
    ['[{ from: a.com, to: "/x?y" }]', 'redirects[0]: nothing can be put behind "/x?y"'],
    ['[{ from: a.com, to: "https://b.com/$$x" }]', 'redirects[0].to: "https://b.com/$x" is nowhere that'],
    [
      '[{ from: example.com, to: "https://b.com" }]',
      'redirects[0].from: domain example.com belongs to both "web" and "web (redirect)"',
    ],
    [
      '[{ from: a.com, to: /x }, { from: a.com, to: "https://b.com" }]',
      'redirects[1].from: domain a.com belongs to both',
    ],
  ])('%s is refused', (redirects, message) => {
    expect(mistakesIn(redirecting(redirects))).toContainEqual(
      expect.stringContaining(`services.web.${message}`),
    );
  });

  test.each([
    ['itself', '[{ from: a.com, to: "https://a.com/x" }]', 'a.com → a.com'],
    ['a path below itself', '[{ from: example.com/old, to: /old/new }]', 'example.com/old → example.com/old'],
    [
      'each other',
      '[{ from: a.com, to: "https://b.com" }, { from: b.com, to: "http://a.com:8080/x" }]',
      'a.com → b.com → a.com',
    ],
    [
      'what is below the target',
      '[{ from: example.com/a, to: /b }, { from: example.com/b/x, to: /a/x }]',
      'example.com/a → example.com/b/x → example.com/a',
    ],
    [
      'a domain with a star',
      '[{ from: "*.example.org", to: "https://www.example.org" }]',
      '*.example.org → *.example.org',
    ],
  ])('that lead to %s are refused', (_where, redirects, circle) => {
    expect(mistakesIn(redirecting(redirects))).toContainEqual(
      expect.stringContaining(`the redirects may lead in a circle: ${circle}`),
    );
  });

  test.each([
    ['a domain that a service has', '[{ from: "*.example.com", to: "https://example.com" }]'],
    ['a path that a service has', '[{ from: example.com/old, to: /api/old }]'],
    [
      'a path that is left out',
      '[{ from: example.com/a, to: /b, keep_path: false }, { from: example.com/b/x, to: /a }]',
    ],
    ['a longer word', '[{ from: example.com/old, to: /older }]'],
    [
      'one after the other',
      '[{ from: a.com, to: "https://b.com" }, { from: b.com, to: "https://example.com" }]',
    ],
  ])('to %s lead somewhere', (_where, redirects) => {
    expect(mistakesIn(redirecting(redirects))).toEqual([]);
  });
});

function parsedOr(parse: () => string): string | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
