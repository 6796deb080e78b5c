import { describe, expect, test } from '@jest/globals';
import {
  type Composition,
  compose,
  firstFiles,
  isServed,
  type ScopeWish,
} from '../../../src/nginx/compose.ts';
import type { NginxKind } from '../../../src/nginx/render.ts';
import { renderPointer } from '../../../src/nginx/render.ts';
import {
  activeSides,
  changedByHand,
  parseTree,
  routesOf,
  slotOfGeneration,
  type Tree,
} from '../../../src/nginx/tree.ts';
import { cache, LONDON_A, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const BLOG = { project: 'blog', environment: 'live' };
const blogRoute = web({ service: 'site', domains: ['blog.example.com'], internalPort: 5300, hostPort: 8300 });

/** A volume that configurations are written to, one after the other. */
class Volume {
  readonly files: Map<string, string>;
  readonly #kind: NginxKind;

  constructor(kind: NginxKind) {
    this.#kind = kind;
    this.files = firstFiles(kind, SHOP, SETTINGS);
  }

  get tree(): Tree {
    return parseTree(this.files);
  }

  /** write makes what is wished live, as a run does. */
  write(wanted: ScopeWish): Composition {
    const composition = compose(this.#kind, this.tree, wanted);
    for (const [path, content] of composition.files) this.files.set(path, content);
    this.files.set('nginx.conf', renderPointer(composition.slot));
    return composition;
  }

  /** read returns a file of the live slot. */
  read(path: string): string | undefined {
    return this.files.get(`${this.tree.live}/${path}`);
  }

  serves(wanted: ScopeWish): boolean {
    return isServed(this.#kind, this.tree, wanted);
  }
}

const shop = (changes = {}) => wish('edge', [web(changes)]);
const blog = (changes = {}) => wish('edge', [{ ...blogRoute, ...changes }], { scope: BLOG });

describe('slots and generations', () => {
  test('each configuration goes to the slot that is not live, with the next generation', () => {
    const edge = new Volume('edge');
    const first = edge.write(shop());
    const second = edge.write(shop({ provePath: '/', idleTimeoutMs: 1000 }));
    expect([first.slot, second.slot]).toEqual(['b', 'a']);
    expect(first.generation).toMatch(/^1\.[0-9a-f]{8}$/);
    expect(second.generation).toMatch(/^2\.[0-9a-f]{8}$/);
  });

  test('two runs that begin from one state and want different things have different generations', () => {
    const tree = new Volume('edge').tree;
    expect(compose('edge', tree, shop()).generation).not.toBe(
      compose('edge', tree, shop({ domains: ['other.example.com'] })).generation,
    );
  });

  test('the slot of a generation is found again', () => {
    const edge = new Volume('edge');
    const { generation } = edge.write(shop());
    expect(slotOfGeneration(edge.tree, 'shop_production', generation)).toBe('b');
    expect(slotOfGeneration(edge.tree, 'shop_production', undefined)).toBeUndefined();
    expect(slotOfGeneration(edge.tree, 'blog_live', generation)).toBeUndefined();
  });
});

describe('is served', () => {
  test('exactly what was written, and nothing else', () => {
    const edge = new Volume('edge');
    expect(edge.serves(shop())).toBe(false);
    edge.write(shop());
    expect(edge.serves(shop())).toBe(true);
    expect(edge.serves(shop({ domains: ['other.example.com'] }))).toBe(false);
    expect(edge.serves(wish('edge', [web(), blogRoute]))).toBe(false);
    expect(edge.serves(wish('edge', []))).toBe(false);
  });

  test('nothing, where nothing is wished and nothing was written', () => {
    expect(new Volume('edge').serves(wish('edge', []))).toBe(true);
    expect(new Volume('sidecar').serves(wish('sidecar', []))).toBe(true);
  });

  test.each([
    ['the route', 'http/shop_production/api.conf'],
    ['the main file', 'main.conf'],
    ['the control file', 'control/shop_production.conf'],
  ])('no more, when %s was changed by hand', (_name, path) => {
    const edge = new Volume('edge');
    edge.write(shop());
    edge.files.set(`${edge.tree.live}/${path}`, `${edge.read(path)}# by hand\n`);
    expect(edge.serves(shop())).toBe(false);
    edge.write(shop());
    expect(edge.serves(shop())).toBe(true);
  });

  test('not by a file that an earlier configuration left in the slot', () => {
    const sidecar = new Volume('sidecar');
    const both = wish('sidecar', [web(), cache()]);
    sidecar.write(both);
    sidecar.write(wish('sidecar', [web()]));
    sidecar.write(wish('sidecar', [web({ idleTimeoutMs: 1 })]));
    sidecar.write(wish('sidecar', [web()]));
    sidecar.write(wish('sidecar', [web()]));
    expect(sidecar.read('stream/shop_production/cache.conf')).toBeDefined();
    expect(sidecar.serves(both)).toBe(false);
  });

  test('no more, when the manifest cannot be read', () => {
    const edge = new Volume('edge');
    edge.write(shop());
    for (const damage of ['{', '{"settings": 1}']) {
      edge.files.set(`${edge.tree.live}/manifest.json`, damage);
      expect(edge.serves(shop())).toBe(false);
    }
  });

  test('no more, when the keep-alive time is another one', () => {
    const edge = new Volume('edge');
    edge.write(shop());
    const other = { ...shop(), settings: { ...SETTINGS, keepaliveMinTimeoutMs: 5000 } };
    expect(edge.serves(other)).toBe(false);
    edge.write(other);
    expect(edge.read('main.conf')).toContain('keepalive_min_timeout 5s;');
  });

  test('a path of the health check that changed is no reason for a reload', () => {
    const edge = new Volume('edge');
    edge.write(shop());
    expect(edge.serves(shop({ provePath: '/other' }))).toBe(true);
  });
});

describe('several projects on one edge', () => {
  function shared(): Volume {
    const edge = new Volume('edge');
    edge.write(blog());
    edge.write(shop());
    return edge;
  }
  const blogFiles = (edge: Volume) =>
    ['http/blog_live/site.conf', 'control/blog_live.conf'].map((path) => edge.read(path));

  test('the files of another are kept byte for byte, however often one writes', () => {
    const edge = shared();
    const before = blogFiles(edge);
    expect(before).not.toContain(undefined);
    for (const domain of ['one.example.com', 'two.example.com', 'three.example.com']) {
      edge.write(shop({ domains: [domain] }));
      expect(blogFiles(edge)).toEqual(before);
      expect(edge.read('main.conf')).toContain('/http/blog_live/site.conf');
      expect(edge.serves(blog())).toBe(true);
    }
  });

  test('one that leaves takes its own files only', () => {
    const edge = shared();
    const before = blogFiles(edge);
    const { scopes } = edge.write(wish('edge', []));
    expect(scopes).toEqual(['blog_live']);
    expect(edge.read('main.conf')).not.toContain('shop_production');
    expect(blogFiles(edge)).toEqual(before);
    expect(edge.serves(wish('edge', []))).toBe(true);
  });

  test('a domain that another has is refused, with its owner', () => {
    expect(() => compose('edge', shared().tree, shop({ domains: ['blog.example.com'] }))).toThrow(
      'the domain blog.example.com is already served on this server for blog live',
    );
  });

  test('settings that disagree are refused, each named with both values', () => {
    const settings = { image: 'nginx:1.29', keepaliveMinTimeoutMs: 9000 };
    expect(() => compose('edge', shared().tree, { ...shop(), settings })).toThrow(
      /shared with blog live and was set up by \S+ \S+ with other settings: image \(nginx:1\.30-alpine there, nginx:1\.29 here\) and keepalive_min_timeout \(2000 ms there, 9000 ms here\)/,
    );
  });

  test('who is alone on an edge may change its settings', () => {
    const edge = new Volume('edge');
    edge.write(shop());
    edge.write({ ...shop(), settings: { ...SETTINGS, keepaliveMinTimeoutMs: 9000 } });
    expect(edge.read('main.conf')).toContain('keepalive_min_timeout 9s;');
  });

  test("another's file that was changed by hand is taken from the older slot, as it was written", () => {
    const edge = shared();
    edge.write(shop({ domains: ['one.example.com'] }));
    const before = blogFiles(edge);
    edge.files.set(`${edge.tree.live}/http/blog_live/site.conf`, 'server { broken');
    edge.write(shop({ domains: ['two.example.com'] }));
    expect(blogFiles(edge)).toEqual(before);
  });

  test('where the older slot has it no more, the change is reported with file and owner', () => {
    const edge = shared();
    for (const slot of ['a', 'b']) edge.files.set(`${slot}/http/blog_live/site.conf`, 'server { broken');
    expect(changedByHand(edge.tree.slots[edge.tree.live], 'blog_live')).toEqual(['http/blog_live/site.conf']);
    expect(() => compose('edge', edge.tree, shop({ domains: ['one.example.com'] }))).toThrow(
      'http/blog_live/site.conf of blog live was changed by hand on this server',
    );
  });

  test("another's control file that has gone is named too", () => {
    const edge = shared();
    for (const slot of ['a', 'b']) edge.files.delete(`${slot}/control/blog_live.conf`);
    expect(() => compose('edge', edge.tree, shop())).toThrow('control/blog_live.conf of blog live');
  });

  test('a manifest that cannot be read never makes the others disappear: the older slot knows them', () => {
    const edge = shared();
    const before = blogFiles(edge);
    edge.files.set(`${edge.tree.live}/manifest.json`, '{');
    edge.write(shop({ domains: ['one.example.com'] }));
    expect(blogFiles(edge)).toEqual(before);
    expect(edge.serves(blog())).toBe(true);
  });

  test('where the older slot does not know them, the run is refused, and the other project repairs it', () => {
    const edge = shared();
    edge.write(blog({ domains: ['new.example.com'] }));
    edge.files.set(`${edge.tree.live}/manifest.json`, '{');
    expect(() => compose('edge', edge.tree, shop({ domains: ['one.example.com'] }))).toThrow(
      'manifest.json of the edge was changed by hand on this server, and it serves blog live too',
    );
    edge.write(blog({ domains: ['new.example.com'] }));
    edge.write(shop({ domains: ['one.example.com'] }));
    expect(edge.serves(blog({ domains: ['new.example.com'] }))).toBe(true);
  });

  test('a sidecar has one environment: its manifest is simply written again', () => {
    const sidecar = new Volume('sidecar');
    sidecar.write(wish('sidecar', [web(), cache()]));
    sidecar.files.set(`${sidecar.tree.live}/manifest.json`, '{');
    sidecar.write(wish('sidecar', [web(), cache()]));
    expect(sidecar.serves(wish('sidecar', [web(), cache()]))).toBe(true);
  });
});

describe('what a manifest tells', () => {
  test('which side has the traffic on a server', () => {
    const sidecar = new Volume('sidecar');
    sidecar.write(wish('sidecar', [web(), cache()]));
    const scope = sidecar.tree.slots.b.manifest?.scopes.shop_production;
    expect([...activeSides(scope, LONDON_A.host)]).toEqual([
      ['api', 'base'],
      ['cache', 'secondary'],
    ]);
    expect(activeSides(scope, 'elsewhere').size).toBe(0);
    expect(activeSides(undefined, LONDON_A.host).size).toBe(0);
  });

  test('every route as it was given, so that it can be written again without the record', () => {
    const sidecar = new Volume('sidecar');
    sidecar.write(wish('sidecar', [web(), cache()]));
    expect(routesOf(sidecar.tree.slots.b.manifest?.scopes.shop_production)).toEqual([web(), cache()]);
    expect(routesOf(undefined)).toEqual([]);
  });

  test('only what is served there: an edge has the routes with a domain', () => {
    const edge = new Volume('edge');
    edge.write(wish('edge', [web(), cache()]));
    expect(routesOf(edge.tree.slots.b.manifest?.scopes.shop_production)).toEqual([web()]);
  });

  test('files beside the slots are no configuration', () => {
    const tree = parseTree(
      new Map([
        ['nginx.conf', 'include /etc/switchyard/b/main.conf;'],
        ['c/x', ''],
        ['b/y', '1'],
      ]),
    );
    expect(tree.live).toBe('b');
    expect([...tree.slots.b.files]).toEqual([['y', '1']]);
    expect(tree.slots.a.files.size).toBe(0);
  });
});
