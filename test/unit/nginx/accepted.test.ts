import { describe, expect, test } from '@jest/globals';
import { isAccepted } from '../../../src/nginx/accepted.ts';
import { type Composition, compose, firstFiles, type ScopeWish } from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import type { NginxKind } from '../../../src/nginx/routes.ts';
import { parseTree, type Tree } from '../../../src/nginx/tree.ts';
import { at, cache, LONDON_A, LONDON_B, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const on = (slot: 'base' | 'secondary', changes = {}) => web({ copies: [at(LONDON_A, slot)], ...changes });
const split = (base: number, secondary: number) =>
  web({ copies: [at(LONDON_A, 'base', base), at(LONDON_A, 'secondary', secondary)] });

/** An nginx that serves what was wished. */
class Nginx {
  readonly #kind: NginxKind;
  readonly #files: Map<string, string>;
  readonly generation: string;

  constructor(kind: NginxKind, wished: ScopeWish) {
    this.#kind = kind;
    this.#files = firstFiles(kind, SHOP, SETTINGS);
    const { files, folder, generation } = compose(kind, this.tree, wished);
    for (const [path, content] of files) this.#files.set(path, content);
    this.#files.set('nginx.conf', renderPointer(folder));
    this.generation = generation;
  }

  get tree(): Tree {
    return parseTree(this.#files);
  }

  next(wished: ScopeWish): Composition {
    return compose(this.#kind, this.tree, wished);
  }

  /** changeByHand rewrites a file of the live folder; it returns the nginx. */
  changeByHand(path: string, change: (text: string) => string): this {
    const { live } = this.tree;
    this.#files.set(`${live}/${path}`, change(this.#files.get(`${live}/${path}`)!));
    return this;
  }

  accepts(next: Composition | ScopeWish, served: string | undefined = this.generation): boolean {
    const composition = 'identity' in next ? next : this.next(next);
    return isAccepted(this.tree, this.tree.live, served, composition);
  }
}

/** Changes one file of a configuration that is about to be staged. */
function changed(composition: Composition, path: string, change: (text: string) => string): Composition {
  const files = new Map(composition.files);
  const before = files.get(`${composition.folder}/${path}`)!;
  const after = change(before);
  expect(after).not.toBe(before);
  return { ...composition, files: files.set(`${composition.folder}/${path}`, after) };
}

describe('nginx has nothing to check', () => {
  test.each(['edge', 'sidecar'] as const)('in a toggle, on an %s', (kind) => {
    const nginx = new Nginx(kind, wish(kind, [on('base'), cache()]));
    expect(nginx.accepts(wish(kind, [on('secondary'), cache()]))).toBe(true);
  });

  test('in one among several servers', () => {
    const servers = [LONDON_A, LONDON_B];
    const from = web({ copies: [at(LONDON_A, 'base'), at(LONDON_B, 'secondary')] });
    const to = web({ copies: [at(LONDON_A, 'secondary'), at(LONDON_B, 'base')] });
    const nginx = new Nginx('edge', wish('edge', [from], { servers }));
    expect(nginx.accepts(wish('edge', [to], { servers }))).toBe(true);
  });

  test('when weights change, or copies begin to have some', () => {
    expect(new Nginx('edge', wish('edge', [split(90, 10)])).accepts(wish('edge', [split(50, 50)]))).toBe(
      true,
    );
    expect(new Nginx('edge', wish('edge', [split(1, 0)])).accepts(wish('edge', [split(9, 1)]))).toBe(true);
  });

  test('in another order of the same servers, or other spaces and comments', () => {
    const nginx = new Nginx('edge', wish('edge', [on('base')]));
    const next = nginx.next(wish('edge', [on('secondary')]));
    const reordered = changed(next, 'http/shop_production/api.conf', (text) =>
      text.replace(/( {4}server .*\n)( {4}server .*\n)/, '$2  # The other one.\n$1'),
    );
    expect(nginx.accepts(reordered)).toBe(true);
  });
});

describe('nginx has to check', () => {
  const nginx = new Nginx('edge', wish('edge', [on('base')]));
  const next = nginx.next(wish('edge', [on('secondary')]));

  test('what it has not told to serve', () => {
    expect(nginx.accepts(next)).toBe(true);
    expect(isAccepted(nginx.tree, nginx.tree.live, undefined, next)).toBe(false);
    expect(nginx.accepts(next, '1.00000000')).toBe(false);
  });

  test.each([
    ['another domain', on('secondary', { domains: ['other.example.com'] })],
    ['a domain less', on('secondary', { domains: ['api.example.com'] })],
    ['another port', on('secondary', { containerPort: 3001 })],
    ['another idle timeout', on('secondary', { idleTimeoutMs: 1_000 })],
    ['a slot more', web({ copies: [at(LONDON_A, 'secondary'), at(LONDON_A, '3')] })],
  ])('%s', (_what, route) => {
    expect(nginx.accepts(wish('edge', [route]))).toBe(false);
  });

  test('another port of a version', () => {
    const servers = [LONDON_A, LONDON_B];
    const onPort = (port: number) =>
      wish('edge', [web({ copies: [at(LONDON_A, 'base'), at(LONDON_B, 'base', 1, port)] })], { servers });
    expect(new Nginx('edge', onPort(8_609)).accepts(onPort(8_610))).toBe(false);
  });

  test('a service more, or one less', () => {
    const one = wish('sidecar', [on('base')]);
    const two = wish('sidecar', [on('secondary'), cache()]);
    expect(new Nginx('sidecar', one).accepts(two)).toBe(false);
    expect(new Nginx('sidecar', two).accepts(one)).toBe(false);
  });

  test('other settings', () => {
    const other = {
      ...wish('edge', [on('secondary')]),
      settings: { ...SETTINGS, keepaliveMinTimeoutMs: 9_000 },
    };
    expect(nginx.accepts(other)).toBe(false);
  });

  test.each([
    ['an address', 'http/shop_production/api.conf', 'api_secondary:3000', 'api_other:3000'],
    ['a parameter of a backend', 'http/shop_production/api.conf', 'max_fails=0', 'max_fails=1'],
    ['a weight that is none', 'http/shop_production/api.conf', 'max_fails=0;', 'max_fails=0 weight=0.5;'],
    ['a directive more', 'http/shop_production/api.conf', 'listen 80;', 'listen 80; gzip on;'],
    ['a directive less', 'http/shop_production/api.conf', 'keepalive 32;', ''],
    ['a block in place of a directive', 'http/shop_production/api.conf', 'listen 80;', 'listen 80 {}'],
    [
      'the order of directives',
      'main.conf',
      /(server_tokens off;)\s*(server_names_hash_bucket_size 512;)/,
      '$2 $1',
    ],
    ['a file that is included', 'main.conf', 'control/shop_production.conf', 'control/other.conf'],
    ['a quote that does not end', 'main.conf', 'events {', 'events " {'],
    ['a backup outside of an upstream', 'main.conf', 'listen 80 default_server', 'listen 80 backup'],
  ])('%s that is another one', (_what, path, from, to) => {
    expect(nginx.accepts(changed(next, path, (text) => text.replace(from, to)))).toBe(false);
  });

  test.each([
    ['http/shop_production/api.conf', 'a comment too', (text: string) => `${text}# by hand\n`],
    ['main.conf', 'the door', (text: string) => text.replace('return 404', 'return 500')],
    ['main.conf', 'what it is known by', (text: string) => text.replace(/"[0-9a-f]{16}"/, '"0"')],
  ])('what somebody has changed by hand in %s: %s', (path, _what, change) => {
    const touched = new Nginx('edge', wish('edge', [on('base')])).changeByHand(path, change);
    expect(touched.accepts(wish('edge', [on('secondary')]))).toBe(false);
  });
});
