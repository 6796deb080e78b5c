import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Directive, parseDirectives } from '../../../src/model/directives.ts';
import type { Snippets } from '../../../src/model/edge-options.ts';
import { checkSnippets } from '../../../src/model/snippets.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { explainSnippet, OwnLines } from '../../../src/nginx/snippets.ts';
import { parseTree, routesOf } from '../../../src/nginx/tree.ts';
import { at, LONDON_A, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const OWN: Snippets = {
  http: { text: 'map $host $kind { default 1; }\nlimit_req_zone $kind zone=logins:1m rate=1r/s;' },
  server: { text: 'location = /robots.txt {\n  return 200 none;\n}', file: './nginx/server.conf' },
  location: { text: 'add_header X-Kind $kind;\nlimit_req zone=logins;\nrewrite ^/a$ /b break;' },
};

function composed(
  kind: 'edge' | 'sidecar',
  nginx: Snippets | undefined,
  slot: 'base' | 'secondary' = 'base',
) {
  const route = web({ copies: [at(LONDON_A, slot)], ...(nginx && { edge: { nginx } }) });
  const { files, folder } = compose(kind, parseTree(firstFiles(kind, SHOP, SETTINGS)), wish(kind, [route]));
  return new Map([...files].map(([path, content]) => [path.slice(folder.length + 1), content]));
}
const FILE = 'http/shop_production/api.conf';
const SNIPPET_FILE = 'snippets/shop_production/api.conf';

describe('lines of nginx that a service has of its own', () => {
  test('are at the edge alone, and the same whichever side has the traffic', () => {
    expect(composed('sidecar', OWN).get(FILE)).toBe(composed('sidecar', undefined).get(FILE));
    expect(composed('sidecar', OWN).has(SNIPPET_FILE)).toBe(false);
    expect(composed('edge', OWN).get(FILE)).toBe(composed('edge', OWN, 'secondary').get(FILE));
    expect(composed('edge', undefined).has(SNIPPET_FILE)).toBe(false);
  });

  test('are kept by the edge, so that a run without the file renders them again', () => {
    const manifest = JSON.parse(composed('edge', OWN).get('manifest.json')!);
    expect(routesOf(manifest.scopes.shop_production)[0]?.edge).toEqual({ nginx: OWN });
  });

  test('are read before the servers that name them', () => {
    const main = composed('edge', OWN).get('main.conf')!;
    expect(main.indexOf(`/${SNIPPET_FILE};`)).toBeGreaterThan(0);
    expect(main.indexOf(`/${SNIPPET_FILE};`)).toBeLessThan(main.indexOf(`/${FILE};`));
  });

  test('have names that nobody else has, wherever they stand', () => {
    const text = `${composed('edge', OWN).get(SNIPPET_FILE)}${composed('edge', OWN).get(FILE)}`;
    expect(text.match(/\$kind|zone=logins/g)).toBeNull();
    const other = new OwnLines(SHOP, 'other', OWN).http[0];
    expect(other).toMatch(/\$own_[0-9a-f]{10}_kind/);
    expect(text).not.toContain(/own_[0-9a-f]{10}_kind/.exec(other!)![0]);
  });

  test('count in a new zone where something else is counted: nginx would not read the configuration else', () => {
    const zoneBy = (key: string) =>
      new OwnLines(SHOP, 'api', {
        http: { text: `limit_req_zone ${key} zone=a:1m rate=1r/s;` },
      }).http[0]!.match(/zone=(\w+)/)![1];
    expect(zoneBy('$host')).toBe(zoneBy('$host'));
    expect(zoneBy('$host')).not.toBe(zoneBy('$uri'));
  });

  test('rewrite a request once: one that comes again has been rewritten', () => {
    const server = parseDirectives(composed('edge', OWN).get(FILE)!).directives.find(
      ({ words }) => words[0] === 'server',
    )!;
    const within = (name: string) =>
      server.body
        .find(({ words }) => words.join(' ') === `location ${name}`)!
        .body.map(({ words: [first] }) => first);
    for (const location of ['/', '@streamed', '@once']) expect(within(location)).toContain('rewrite');
    expect(within('@again')).not.toContain('rewrite');
    // Three that are safe by default, and its own.
    for (const location of ['/', '@again', '@streamed', '@once'])
      expect(within(location).filter((name) => name === 'add_header')).toHaveLength(4);
  });

  test('end no word, line or block of the configuration, whatever is in them', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom(...'ab ;{}"\'\\#$\n\t()~'.split('')) });
    const plain = (directives: readonly Directive[]): unknown[] =>
      directives.map(({ words, body }) => [words, plain(body)]);
    fc.assert(
      fc.property(word, word, (name, value) => {
        const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
        const text = `add_header X-A ${quoted(name)};\nif ($host = ${quoted(value)}) { return 403; }`;
        const snippets = { location: { text } };
        if (checkSnippets(snippets).length > 0) return;
        const lines = new OwnLines(SHOP, 'api', snippets).location({ headers: [], sent: [], limits: [] });
        const { directives, mistake } = parseDirectives(lines.join('\n'));
        expect(mistake).toBeUndefined();
        expect(plain(directives)).toEqual(plain(parseDirectives(text).directives));
      }),
      { numRuns: 500, seed: 5 },
    );
  });
});

describe("nginx' complaint", () => {
  const files = new Map([...composed('edge', OWN)].map(([path, text]) => [`b/${path}`, text]));
  const explain = (complaint: string) =>
    explainSnippet(complaint, 'shop_production', files, '/etc/switchyard');

  test('names the line of the snippet', () => {
    const line = files
      .get(`b/${FILE}`)!
      .split('\n')
      .findIndex((one) => one.includes('return 200 none'));
    expect(explain(`bad in /etc/switchyard/b/${FILE}:${line + 1}`)).toBe(
      'line 2 of ./nginx/server.conf (api): bad',
    );
  });

  test.each([
    'bad in /etc/switchyard/b/main.conf:1',
    'unknown "nobody" variable',
    'bind() to 0.0.0.0:80 failed',
  ])("of what is nobody's snippet stays what it is: %s", (complaint) => {
    expect(explain(complaint)).toBeUndefined();
  });
});
