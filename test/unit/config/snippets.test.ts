import { describe, expect, test } from '@jest/globals';
import type { RepositoryFiles } from '../../../src/model/repository-files.ts';
import { errorsOf, indented, localFile, messagesOf, resolveText } from './files.ts';

const REPOSITORY: RepositoryFiles = {
  find: (path) => {
    const text = {
      'nginx/api.conf': 'expires 1h;\nset $a "$host";\n',
      'nginx/bad.conf': 'expires 1h;\nroot /;\n',
    }[path.replace(/^\.\//, '')];
    if (text === undefined) return undefined;
    return { kind: 'file', file: { bytes: Buffer.from(text), isExecutable: false, isSecret: false } };
  },
};

const resolved = (nginx: string, more = '') =>
  resolveText(
    localFile(
      `api:\n  image: acme/api\n  port: 3000\n  domain: api.example.com\n  edge:\n    nginx:\n${indented(nginx, 6)}\n${more}`,
    ),
    'local',
    {},
    { repository: REPOSITORY },
  );

describe('lines of nginx in the file', () => {
  test('are text, or a file of the repository, whose dollars stand as they are', () => {
    const [service] = resolved(
      'http: "map $$host $$kind { default 1; }"\nlocation: ./nginx/api.conf',
    ).services;
    expect(service?.route.edge?.nginx).toEqual({
      http: { text: 'map $host $kind { default 1; }' },
      location: { text: 'expires 1h;\nset $a "$host";\n', file: './nginx/api.conf' },
    });
    expect(resolved('server: ""').services[0]?.route.edge).toBeUndefined();
  });

  test.each([
    [
      'location: ./nginx/bad.conf',
      ['services.api.edge.nginx.location: line 2 of ./nginx/bad.conf: "root" may not stand here'],
    ],
    ['location: ./nginx/none.conf', [expect.stringContaining('./nginx/none.conf')]],
    [
      'location: |\n  expires 1h;\n  include /x;',
      ['services.api.edge.nginx.location: line 2: "include" may not stand here'],
    ],
    [
      'location: "expires 1h"\nserver: "location / { return 200; }"',
      [
        expect.stringContaining('line 1: unexpected end of file'),
        expect.stringContaining('line 1: all paths belong to the service'),
      ],
    ],
    ['upstream: "server 10.0.0.1;"', [expect.stringContaining('unknown key')]],
  ])('%s is refused with its line, before anything', (nginx, expected) => {
    expect(messagesOf(() => resolved(nginx)).sort()).toEqual(expected.sort());
  });

  test('say where in the file they stand', () => {
    const [error] = errorsOf(() => resolved('location: ./nginx/bad.conf'));
    expect(error?.location).toMatchObject({ file: 'switchyard.yml', line: 11 });
  });

  test('of a server need a domain that no other service has a part in', () => {
    const web = '  web: { image: acme/web, port: 80, domain: api.example.com/web }';
    expect(messagesOf(() => resolved('server: "add_header X-A 1;"', web.slice(2)))).toEqual([
      'services.api.edge.nginx.server: web has a part of api.example.com, and these lines would hold for it too',
    ]);
    expect(messagesOf(() => resolved('location: "add_header X-A 1;"', web.slice(2)))).toEqual([]);
  });
});
