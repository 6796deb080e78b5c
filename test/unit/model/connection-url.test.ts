import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import type { ConnectionSpec } from '../../../src/model/connection.ts';
import { connectionUrl, encodePart } from '../../../src/model/connection-url.ts';

/** What an address gives a meaning to, and what a shell, a log or a parser would like to change. */
const hard = [
  '@:/?#[]%',
  '%40%25',
  'it\'s "quoted" and\\ (spaced)! *',
  '$(id) `id` ${HOME} & | ; <>',
  'ř日本語🔑',
  ' \t\n',
];

const endpoint = { host: 'nginx', port: 5123, password: 'x' };

describe('the address of a service', () => {
  test.each<[string, Omit<ConnectionSpec, 'passwordSecret'>, string | undefined]>([
    ['postgresql://app:x@nginx:5123/shop', { kind: 'postgres', user: 'app', database: 'shop' }, 'x'],
    ['postgresql://nginx:5123', { kind: 'postgres' }, undefined],
    ['mysql://app:x@nginx:5123/shop', { kind: 'mysql', user: 'app', database: 'shop' }, 'x'],
    [
      'mongodb://app:x@nginx:5123/shop?authSource=admin',
      { kind: 'mongodb', user: 'app', database: 'shop' },
      'x',
    ],
    ['mongodb://nginx:5123/', { kind: 'mongodb' }, undefined],
    ['redis://default:x@nginx:5123/0', { kind: 'redis' }, 'x'],
    ['redis://app:x@nginx:5123/3', { kind: 'redis', user: 'app', database: '3' }, 'x'],
    ['redis://nginx:5123/0', { kind: 'redis' }, undefined],
    ['amqp://app:x@nginx:5123/%2F', { kind: 'amqp', user: 'app', database: '/' }, 'x'],
    ['amqp://app:x@nginx:5123', { kind: 'amqp', user: 'app' }, 'x'],
    ['http://admin:x@nginx:5123', { kind: 'opensearch', user: 'admin' }, 'x'],
    ['https://admin:x@nginx:5123', { kind: 'opensearch', user: 'admin', tls: true }, 'x'],
    ['http://nginx:5123', { kind: 's3', user: 'key', database: 'bucket' }, 'x'],
  ])('is %s', (url, spec, password) => {
    expect(connectionUrl(spec, { ...endpoint, password })).toBe(url);
  });

  test.each(hard)('is read back by URL with %j in all of its parts', (text) => {
    const url = new URL(
      connectionUrl({ kind: 'postgres', user: text, database: text }, { ...endpoint, password: text }),
    );
    expect([url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent)).toEqual([
      text,
      text,
      text,
    ]);
    expect([url.protocol, url.hostname, url.port, url.search, url.hash]).toEqual([
      'postgresql:',
      'nginx',
      '5123',
      '',
      '',
    ]);
  });

  test('is read back by urllib of Python, as its clients do', () => {
    const program = [
      'import json, sys',
      'from urllib.parse import unquote, urlsplit',
      'found = [urlsplit(line) for line in json.load(sys.stdin)]',
      'print(json.dumps([[unquote(one.username), unquote(one.password), unquote(one.path[1:]), one.port] for one in found]))',
    ].join('\n');
    const urls = hard.map((text) =>
      connectionUrl({ kind: 'mysql', user: text, database: text }, { ...endpoint, password: text }),
    );
    const answer = execFileSync('python3', ['-c', program], {
      input: JSON.stringify(urls),
      encoding: 'utf8',
    });
    expect(JSON.parse(answer)).toEqual(hard.map((text) => [text, text, text, 5123]));
  });

  test('leaves nothing but unreserved characters in a part, whatever it is given', () => {
    const all = Array.from({ length: 0x500 }, (_, code) => String.fromCharCode(code)).join('');
    expect(encodePart(all)).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+$/);
    expect(encodePart('\ud800')).toBe('%EF%BF%BD');
  });
});
