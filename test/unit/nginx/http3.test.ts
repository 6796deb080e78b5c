import { describe, expect, test } from '@jest/globals';
import type { TlsSpec } from '../../../src/model/spec.ts';
import { compose, firstFiles, scopeWish } from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { parseTree } from '../../../src/nginx/tree.ts';

const HERE = { name: 'here', zone: 'default' };
const NGINX = { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2_000 };
const TLS: TlsSpec = {
  mode: 'files',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 0,
  acme: { url: 'https://ca.example.com/directory' },
};

/** An edge that projects change one after the other: what its configuration is in the end, by file. */
class Edge {
  readonly #files = firstFiles('edge', scopeOf('first'), NGINX);

  serve(project: string, domains: string[], http3?: true): this {
    const tls: TlsSpec = { ...TLS, ...(http3 && { http3 }) };
    const settings = { ...NGINX, tls };
    const port = { protocol: 'http' as const, containerPort: 3000, internalPort: 5_100, hostPort: 8_100 };
    const route = {
      service: 'web',
      ports: [{ ...port, domains, provePath: '/' }],
      idleTimeoutMs: 60_000,
      copies: [{ server: HERE.name, slot: 'base' as const, weight: 1 }],
    };
    const facts = { scope: scopeOf(project), repository: project, routes: [route], settings };
    const wish = scopeWish('edge', { ...facts, on: HERE, servers: [HERE] });
    const next = compose('edge', parseTree(this.#files), wish);
    for (const [path, content] of next.files) this.#files.set(path, content);
    this.#files.set('nginx.conf', renderPointer(next.folder));
    return this;
  }

  /** The lines about QUIC in what is live, of the main file and of the projects. */
  quic(file: string): string[] {
    const { live, folders } = parseTree(this.#files);
    const text = folders[live].files.get(file) ?? '';
    return text.split('\n').flatMap((line) => (/ listen .* quic[ ;]/.test(line) ? [line.trim()] : []));
  }
}

function scopeOf(project: string) {
  return { project, environment: 'live' };
}

describe('HTTP/3 at an edge that projects share', () => {
  test('is nothing where nobody has it', () => {
    expect(new Edge().serve('first', ['a.example.com']).quic('main.conf')).toEqual([]);
  });

  test('is for those who have it, and stays when another project changes something', () => {
    const edge = new Edge().serve('first', ['a.example.com'], true).serve('second', ['b.example.com']);
    expect(edge.quic('http/first_live/web.conf')).toEqual(['listen 443 quic;']);
    expect(edge.quic('http/second_live/web.conf')).toEqual([]);
    expect(edge.quic('main.conf')).toEqual(['listen 443 quic default_server reuseport;']);
  });

  test('is said to be reused once, however many have it', () => {
    const edge = new Edge().serve('first', ['a.example.com'], true).serve('second', ['b.example.com'], true);
    expect(edge.quic('main.conf')).toHaveLength(1);
  });

  test.each([
    ['has it, answers to all names', true, ['listen 443 quic reuseport;']],
    ['has it not, answers to none', undefined, ['listen 443 quic default_server reuseport;']],
  ] as const)('who has all other domains, and %s', (_what, http3, main) => {
    const edge = new Edge().serve('first', ['a.example.com'], true).serve('second', ['*'], http3);
    expect(edge.quic('main.conf')).toEqual(main);
    expect(edge.quic('http/second_live/web.conf')).toEqual(http3 ? ['listen 443 quic default_server;'] : []);
  });
});
