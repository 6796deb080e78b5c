import { describe, expect, test } from '@jest/globals';
import type { RepositoryFiles } from '../../../src/model/repository-files.ts';
import { localFile, messagesOf, resolveText } from './files.ts';

/** A repository with one page, and one that is too large. */
const repository: RepositoryFiles = {
  find: (path) => {
    const sizes: Record<string, number> = { './page.html': 10, './large.html': 64 * 1024 + 1 };
    if (path === './folder') return { kind: 'folder', files: new Map() };
    const bytes = Buffer.from('x'.repeat(sizes[path] ?? 0));
    return sizes[path] === undefined
      ? undefined
      : { kind: 'file', file: { bytes, isExecutable: false, isSecret: false } };
  },
};

const WEB = 'image: web:1\nport: 3000\ndomain: web.example.com\n';
/** What is said at the top, at the environment and at the service. */
const file = (said: { top?: string; environment?: string; service?: string }, web = WEB) => {
  const { top, environment, service } = said;
  const own = service === undefined ? '' : `maintenance: ${service}\n`;
  const text = localFile(`web:\n  ${`${web}${own}`.trim().replaceAll('\n', '\n  ')}`);
  const around = environment === undefined ? '' : `, maintenance: ${environment}`;
  return `${text.replace('provider: local', `provider: local${around}`)}${top === undefined ? '' : `maintenance: ${top}\n`}`;
};
const resolved = (...said: Parameters<typeof file>) =>
  resolveText(file(...said), 'local', {}, { repository }).services[0]!.route.maintenance;

describe('maintenance', () => {
  test('is nothing where the file says nothing, and has defaults where it says true', () => {
    expect(resolved({})).toBeUndefined();
    expect(resolved({ service: 'true' })).toEqual({
      isOn: true,
      allow: [],
      retryAfterMs: 600_000,
      status: 503,
    });
  });

  test('settings alone switch nothing on', () => {
    expect(resolved({ top: '{ page: ./page.html }' })).toMatchObject({ isOn: false, page: 'x'.repeat(10) });
  });

  test('a service says it over its environment, and that over the top, key by key', () => {
    const said = {
      top: '{ allow: 192.0.2.7, retry_after: 1h, enabled: true }',
      environment: '{ retry_after: 2m, status: 502 }',
      service: 'false',
    };
    expect(resolved(said)).toEqual({ isOn: false, allow: ['192.0.2.7'], retryAfterMs: 120_000, status: 502 });
  });

  test('of what is around it a service without a domain has nothing', () => {
    expect(resolved({ top: 'true' }, 'image: web:1\nport: 3000\n')).toBeUndefined();
  });

  test.each([
    ['{ page: ./missing.html }', 'there is no ./missing.html in the repository'],
    ['{ page: ./large.html }', './large.html has more than 64 KB'],
    ['{ page: ./folder }', './folder is a folder'],
    ['{ page: /etc/passwd }', '"/etc/passwd" is no path of the repository'],
    ['{ allow: ["10.0.0.0/8; }"] }', 'is no address or range'],
    ['{ allow: example.com }', 'is no address or range'],
    ['{ status: 200 }', 'must be a status from 400 to 599'],
    ['{ retry_after: 0s }', 'must be at least 1ms'],
    ['soon', 'must be true or false'],
  ])('%s is refused: %s', (service, message) => {
    expect(messagesOf(() => resolved({ service })).join()).toContain(message);
  });
});

describe('queue_requests', () => {
  const queued = (more: string, web = WEB) =>
    resolveText(file({}, `${web}queue_requests: 30s\n${more}`)).services[0]!.route.queueRequestsMs;

  test('is for what is recreated', () => {
    expect(queued('strategy: recreate\n')).toBe(30_000);
    expect(messagesOf(() => queued('')).join()).toContain('is for strategy: recreate');
  });

  test('is for http, and for five minutes at most', () => {
    const tcp = 'image: web:1\nport: 3000\nprotocol: tcp\n';
    expect(messagesOf(() => queued('strategy: recreate\n', tcp)).join()).toContain(
      'is for services that speak http',
    );
    const long = file({}, `${WEB}strategy: recreate\nqueue_requests: 6m\n`);
    expect(messagesOf(() => resolveText(long)).join()).toContain('must be at most 5m');
  });
});
