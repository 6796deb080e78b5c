import { describe, expect, test } from '@jest/globals';
import { compose, firstFiles, isServed, type ScopeWish, scopeWish } from '../../../src/nginx/compose.ts';
import type { Believed } from '../../../src/nginx/forwarded.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { parseTree, type Tree } from '../../../src/nginx/tree.ts';

const HERE = { name: 'here', zone: 'default' };
const NGINX = { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2_000 };
const BALANCER: Believed = { trustedProxies: ['10.0.0.0/8'] };
const SPEAKS_PROXY: Believed = { trustedProxies: ['10.0.0.0/8'], proxyProtocol: true };

/** An edge that projects change one after the other. */
class Edge {
  readonly #files = firstFiles('edge', scopeOf('first'), NGINX);

  get tree(): Tree {
    return parseTree(this.#files);
  }

  serve(project: string, believed: Believed = {}): this {
    return this.#write(wishOf(project, believed));
  }

  leave(project: string): this {
    return this.#write({ ...wishOf(project), files: new Map(), routes: [] });
  }

  read(file: string): string {
    const { live, folders } = this.tree;
    return folders[live].files.get(file) ?? '';
  }

  /** The words of a project's servers about whom they believe. */
  believes(project: string): string[] {
    const lines = this.read(`http/${project}_live/web.conf`).split('\n');
    return lines
      .map((line) => line.trim())
      .filter((line) => /^(?:set_real_ip_from|real_ip_header|set \$is_trusted) /.test(line));
  }

  /** Whether whoever connects to port 80 has to begin with the PROXY protocol. */
  get isSpokenTo(): boolean {
    return /listen 80 .*proxy_protocol/.test(this.read('main.conf'));
  }

  #write(wish: ScopeWish): this {
    const next = compose('edge', this.tree, wish);
    for (const [path, content] of next.files) this.#files.set(path, content);
    this.#files.set('nginx.conf', renderPointer(next.folder));
    return this;
  }
}

function scopeOf(project: string) {
  return { project, environment: 'live' };
}

function wishOf(project: string, believed: Believed = {}): ScopeWish {
  const port = { protocol: 'http' as const, containerPort: 3000, internalPort: 5_100, hostPort: 8_100 };
  const route = {
    service: 'web',
    ports: [{ ...port, domains: [`${project}.example.com`], provePath: '/' }],
    idleTimeoutMs: 60_000,
    copies: [{ server: HERE.name, slot: 'base' as const, weight: 1 }],
  };
  const facts = { scope: scopeOf(project), repository: project, routes: [route] };
  return scopeWish('edge', { ...facts, settings: { ...NGINX, ...believed }, on: HERE, servers: [HERE] });
}

describe('proxies that are believed', () => {
  test('are those of the environment, and of nobody else on the edge', () => {
    const edge = new Edge().serve('first', BALANCER).serve('second');
    const [range, trusted] = edge.believes('first');
    expect(range).toBe('set_real_ip_from 10.0.0.0/8;');
    expect(trusted).toMatch(/^set \$is_trusted \$is_trusted_\w+;$/);
    expect(edge.believes('second')).toEqual([]);
    expect(edge.read('main.conf')).not.toContain('set_real_ip_from');
    expect(edge.read('main.conf')).toContain('map $host $is_trusted { default 0; }');
  });

  test('can be changed by one after the other', () => {
    const edge = new Edge().serve('first').serve('second').serve('first', BALANCER).serve('second', BALANCER);
    expect(edge.believes('first')).toEqual(edge.believes('second'));
    edge.serve('first', { trustedProxies: ['192.0.2.1'] });
    expect(edge.believes('first')[0]).toBe('set_real_ip_from 192.0.2.1;');
    expect(edge.believes('second')[0]).toBe('set_real_ip_from 10.0.0.0/8;');
  });
});

describe('the PROXY protocol at an edge that is shared', () => {
  test('begins when all say so, and ends when none does any more', () => {
    const edge = new Edge().serve('first').serve('second');
    const seen = [
      edge.serve('first', SPEAKS_PROXY).isSpokenTo,
      edge.serve('second', SPEAKS_PROXY).isSpokenTo,
      edge.serve('first').isSpokenTo,
      edge.serve('second').isSpokenTo,
    ];
    expect(seen).toEqual([false, true, true, false]);
  });

  test('is decided by those who stay when one leaves', () => {
    const edge = new Edge().serve('first').serve('second').serve('first', SPEAKS_PROXY);
    expect(edge.isSpokenTo).toBe(false);
    expect(edge.leave('second').isSpokenTo).toBe(true);
    expect(edge.leave('first').isSpokenTo).toBe(false);
  });

  test('is nothing that is left to do for who has said it', () => {
    const edge = new Edge().serve('first').serve('second').serve('first', SPEAKS_PROXY);
    expect(isServed('edge', edge.tree, wishOf('first', SPEAKS_PROXY))).toBe(true);
    expect(isServed('edge', edge.tree, wishOf('first'))).toBe(false);
  });

  test('has no header believed by who waits for it, nor by anybody when it is spoken', () => {
    const waiting = new Edge().serve('first').serve('second').serve('first', SPEAKS_PROXY);
    expect(waiting.believes('first')).toEqual([
      'set_real_ip_from 10.0.0.0/8;',
      'real_ip_header proxy_protocol;',
    ]);
    const spoken = new Edge()
      .serve('first', SPEAKS_PROXY)
      .serve('second', SPEAKS_PROXY)
      .serve('second', BALANCER);
    expect(spoken.isSpokenTo).toBe(true);
    expect(spoken.read('main.conf')).toContain('map $host $told_x_forwarded_proto { default $scheme; }');
    expect(spoken.read('main.conf')).toContain('real_ip_header proxy_protocol;');
  });
});
