import { describe, expect, test } from '@jest/globals';
import {
  type Composition,
  compose,
  firstFiles,
  isServed,
  type ScopeWish,
} from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import type { NginxKind } from '../../../src/nginx/routes.ts';
import {
  editedFiles,
  folderOfGeneration,
  keepaliveMsOf,
  parseTree,
  routesOf,
  servingSlots,
  type Tree,
} from '../../../src/nginx/tree.ts';
import { at, cache, LONDON_A, LONDON_B, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const BLOG = { project: 'blog', environment: 'live' };
const BLOG_ROUTE = {
  service: 'site',
  domains: ['blog.example.com'],
  internalPort: 5300,
  hostPort: 8300,
};
const blogRoute = web(BLOG_ROUTE);

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
    this.files.set('nginx.conf', renderPointer(composition.folder));
    return composition;
  }

  /** read returns a file of the live folder. */
  read(path: string): string | undefined {
    return this.files.get(`${this.tree.live}/${path}`);
  }

  serves(wanted: ScopeWish): boolean {
    return isServed(this.#kind, this.tree, wanted);
  }
}

const shop = (changes = {}) => wish('edge', [web(changes)]);
const blog = (changes = {}) => wish('edge', [web({ ...BLOG_ROUTE, ...changes })], { scope: BLOG });

describe('folders and generations', () => {
  test('each configuration goes to the folder that is not live, with the next generation', () => {
    const edge = new Volume('edge');
    const first = edge.write(shop());
    const second = edge.write(shop({ provePath: '/', idleTimeoutMs: 1000 }));
    expect([first.folder, second.folder]).toEqual(['b', 'a']);
    expect(first.generation).toMatch(/^1\.[0-9a-f]{8}$/);
    expect(second.generation).toMatch(/^2\.[0-9a-f]{8}$/);
  });

  test('two runs that begin from one state and want different things have different generations', () => {
    const tree = new Volume('edge').tree;
    expect(compose('edge', tree, shop()).generation).not.toBe(
      compose('edge', tree, shop({ domains: ['other.example.com'] })).generation,
    );
  });

  test('the folder of a generation is found again', () => {
    const edge = new Volume('edge');
    const { generation } = edge.write(shop());
    expect(folderOfGeneration(edge.tree, 'shop_production', generation)).toBe('b');
    expect(folderOfGeneration(edge.tree, 'shop_production', undefined)).toBeUndefined();
    expect(folderOfGeneration(edge.tree, 'blog_live', generation)).toBeUndefined();
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

  test('not by a file that an earlier configuration left in the folder', () => {
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

  test('images that cannot be compared are refused, with both of them', () => {
    const settings = { image: 'acme/nginx:5', keepaliveMinTimeoutMs: 9000 };
    expect(() => compose('edge', shared().tree, { ...shop(), settings })).toThrow(
      /shared with blog live and was set up by \S+ \S+ with another image: nginx:1\.30-alpine there, acme\/nginx:5 here$/,
    );
  });

  const asks = (keepaliveMinTimeoutMs: number) => ({ settings: { ...SETTINGS, keepaliveMinTimeoutMs } });
  const blogAsks = (ms: number) => wish('edge', [blogRoute], { scope: BLOG, ...asks(ms) });
  const shopAsks = (ms: number) => wish('edge', [web()], asks(ms));

  test.each([
    ['who came first', 9_000, 3_000],
    ['who came last', 3_000, 9_000],
  ])('idle connections live on for the longest time that one says: that of %s', (_who, first, last) => {
    const edge = new Volume('edge');
    edge.write(blogAsks(first));
    edge.write(shopAsks(last));
    expect(edge.read('main.conf')).toContain('keepalive_min_timeout 9s;');
    expect([edge.serves(blogAsks(first)), edge.serves(shopAsks(last))]).toEqual([true, true]);
  });

  test('whoever asked for the longest time takes it along', () => {
    const edge = new Volume('edge');
    edge.write(blogAsks(3_000));
    edge.write(shopAsks(9_000));
    // Workers of what was live before still have theirs.
    edge.write(wish('edge', [], asks(9_000)));
    expect(edge.read('main.conf')).toContain('keepalive_min_timeout 3s;');
    expect(keepaliveMsOf(edge.tree)).toBe(9_000);
    expect(edge.serves(blogAsks(3_000))).toBe(true);
    edge.write(blogAsks(4_000));
    expect(keepaliveMsOf(edge.tree)).toBe(4_000);
  });

  test('accesses of one are logged or not, whatever another says, and all are counted', () => {
    const edge = new Volume('edge');
    const settings = { ...SETTINGS, accessLog: false as const };
    const silentBlog = wish('edge', [blogRoute], { scope: BLOG, settings });
    const isLogged = () => edge.read('main.conf')?.includes('access_log /dev/stdout');
    edge.write(silentBlog);
    // There is nobody whose accesses are logged.
    expect(isLogged()).toBe(false);
    edge.write(shop());
    expect(isLogged()).toBe(true);
    expect(edge.read('http/shop_production/api.conf')).not.toContain('access_log /dev');
    expect(edge.read('http/blog_live/site.conf')?.match(/access_log \/dev\S+/g)).toEqual([
      'access_log /dev/shm/requests.0',
      'access_log /dev/shm/requests.1',
    ]);
    expect([edge.serves(shop()), edge.serves(silentBlog), edge.serves(blog())]).toEqual([true, true, false]);
    edge.write(wish('edge', []));
    expect(isLogged()).toBe(false);
  });

  test('a sidecar does not care what the edge believes', () => {
    const sidecar = new Volume('sidecar');
    sidecar.write(wish('sidecar', [web()]));
    const settings = { ...SETTINGS, trustedProxies: ['10.0.0.0/8'] };
    expect(sidecar.serves({ ...wish('sidecar', [web()]), settings })).toBe(true);
  });

  test('one project has the catch-all of a server', () => {
    const edge = new Volume('edge');
    edge.write(blog({ domains: ['*'] }));
    expect(() => compose('edge', edge.tree, shop({ domains: ['api.example.com', '*'] }))).toThrow(
      'the domain * is already served on this server for blog live',
    );
  });

  test('what a route has of its own is read back from the manifest', () => {
    const edge = new Volume('edge');
    const own = { maxBodyBytes: 1_000, requestBuffering: 'off' as const };
    edge.write(shop(own));
    const { manifest } = edge.tree.folders[edge.tree.live];
    expect(routesOf(manifest?.scopes.shop_production)).toEqual([web(own)]);
  });

  test('who is alone on an edge may change its settings', () => {
    const edge = new Volume('edge');
    edge.write(shop());
    edge.write({ ...shop(), settings: { ...SETTINGS, keepaliveMinTimeoutMs: 9000 } });
    expect(edge.read('main.conf')).toContain('keepalive_min_timeout 9s;');
  });

  test("another's file that was changed by hand is taken from the older folder, as it was written", () => {
    const edge = shared();
    edge.write(shop({ domains: ['one.example.com'] }));
    const before = blogFiles(edge);
    edge.files.set(`${edge.tree.live}/http/blog_live/site.conf`, 'server { broken');
    edge.write(shop({ domains: ['two.example.com'] }));
    expect(blogFiles(edge)).toEqual(before);
  });

  test('where the older folder has it no more, the change is reported with file and owner', () => {
    const edge = shared();
    for (const folder of ['a', 'b']) edge.files.set(`${folder}/http/blog_live/site.conf`, 'server { broken');
    expect(editedFiles(edge.tree.folders[edge.tree.live], 'blog_live')).toEqual(['http/blog_live/site.conf']);
    expect(() => compose('edge', edge.tree, shop({ domains: ['one.example.com'] }))).toThrow(
      'http/blog_live/site.conf of blog live was changed by hand on this server',
    );
  });

  test("another's control file that has gone is named too", () => {
    const edge = shared();
    for (const folder of ['a', 'b']) edge.files.delete(`${folder}/control/blog_live.conf`);
    expect(() => compose('edge', edge.tree, shop())).toThrow('control/blog_live.conf of blog live');
  });

  test('a manifest that cannot be read never makes the others disappear: the older folder knows them', () => {
    const edge = shared();
    const before = blogFiles(edge);
    edge.files.set(`${edge.tree.live}/manifest.json`, '{');
    edge.write(shop({ domains: ['one.example.com'] }));
    expect(blogFiles(edge)).toEqual(before);
    expect(edge.serves(blog())).toBe(true);
  });

  test('where the older folder does not know them, the run is refused, and the other project repairs it', () => {
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
  test('which slots have the traffic of each service on a server', () => {
    const sidecar = new Volume('sidecar');
    const several = web({
      copies: [at(LONDON_A, 'base', 90), at(LONDON_A, '3', 10), at(LONDON_A, 'secondary', 0)],
    });
    sidecar.write(wish('sidecar', [several, cache()]));
    const scope = sidecar.tree.folders.b.manifest?.scopes.shop_production;
    expect([...servingSlots(scope, LONDON_A.name)]).toEqual([
      ['api', ['base', '3']],
      ['cache', ['secondary']],
    ]);
    expect(servingSlots(scope, 'elsewhere').size).toBe(0);
    expect(servingSlots(undefined, LONDON_A.name).size).toBe(0);
  });

  test('every copy with its place, its share and, where it has one, its port', () => {
    const edge = new Volume('edge');
    const copies = [at(LONDON_A, 'base', 90), at(LONDON_B, '3', 10, 28_609)];
    const more = { state: 'serving', release: 7 };
    edge.write(wish('edge', [web({ copies: copies.map((copy) => ({ ...copy, ...more })) })]));
    const written = JSON.parse(edge.read('manifest.json') ?? '');
    expect(written.scopes.shop_production.routes.api.copies).toEqual([
      { server: 'london-a', slot: 'base', weight: 90 },
      { server: 'london-b', slot: '3', weight: 10, port: 28_609 },
    ]);
  });

  test.each([
    ['a slot that there is not', '"slot": "third"'],
    ['a slot beyond the last', '"slot": "13"'],
  ])('nothing, when it names %s', (_what, slot) => {
    const edge = new Volume('edge');
    edge.write(shop());
    const path = `${edge.tree.live}/manifest.json`;
    edge.files.set(path, edge.files.get(path)!.replace('"slot": "base"', slot));
    expect(edge.tree.folders[edge.tree.live].manifest).toBeUndefined();
  });

  test('every route as it was given, so that it can be written again without the record', () => {
    const sidecar = new Volume('sidecar');
    sidecar.write(wish('sidecar', [web(), cache()]));
    expect(routesOf(sidecar.tree.folders.b.manifest?.scopes.shop_production)).toEqual([web(), cache()]);
    expect(routesOf(undefined)).toEqual([]);
  });

  test('only what is served there: an edge has the routes with a domain', () => {
    const edge = new Volume('edge');
    edge.write(wish('edge', [web(), cache()]));
    expect(routesOf(edge.tree.folders.b.manifest?.scopes.shop_production)).toEqual([web()]);
  });

  test('files beside the folders are no configuration', () => {
    const tree = parseTree(
      new Map([
        ['nginx.conf', 'include /etc/switchyard/b/main.conf;'],
        ['c/x', ''],
        ['b/y', '1'],
      ]),
    );
    expect(tree.live).toBe('b');
    expect([...tree.folders.b.files]).toEqual([['y', '1']]);
    expect(tree.folders.a.files.size).toBe(0);
  });
});
