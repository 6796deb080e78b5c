import { expect, test } from '@jest/globals';
import { parseCron } from '../../../src/config/cron.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';

/** backupOf returns what becomes of the data of a service, by the lines that say so. */
function backupOf(service: string, top = '') {
  const text = `project: shop\n${top}environments:\n  production: { provider: local }\nservices:\n  db:\n    strategy: recreate\n${service.replaceAll(/^/gm, '    ')}\n`;
  return resolveEnvironment(loadConfig(text, 'switchyard.yml', {}), 'production').services[0]?.backup;
}

test('a database that is known by its image is dumped by its own program', () => {
  expect(backupOf('image: postgres:17\nbackup: true')).toMatchObject({
    content: { kind: 'postgres' },
    to: { kind: 'disk' },
    retention: { daily: 7, weekly: 4, monthly: 12 },
    verify: 'always',
    maxAgeMs: 36 * 3_600_000,
  });
  expect(backupOf('image: mariadb:11.8\nbackup: { query: SELECT 1 }')?.content).toEqual({ kind: 'mariadb' });
  expect(backupOf('image: mysql:8.4\nbackup: true')?.content).toEqual({ kind: 'mysql' });
  expect(backupOf('image: "valkey/valkey:8"\nbackup: true')?.content).toEqual({ kind: 'redis' });
});

test('nothing is backed up unless the file says so', () => {
  expect(backupOf('image: postgres:17')).toBeUndefined();
  expect(backupOf('image: postgres:17\nbackup: false')).toBeUndefined();
});

test('what a service says is laid over what all share', () => {
  const top = 'backup: { max_age: 12h, retention: { daily: 3 } }\n';
  const own = backupOf('image: postgres:17\nbackup: { retention: { weekly: 9 } }', top);
  expect(own).toMatchObject({ maxAgeMs: 12 * 3_600_000, retention: { daily: 3, weekly: 9, monthly: 12 } });
});

test('what nobody can back up is a mistake on its line', () => {
  expect(() => backupOf('image: acme/api:1\nport: 80\nbackup: true')).toThrow(/nobody knows what to back up/);
  expect(() => backupOf('image: redis:8\nbackup: { query: SELECT 1 }')).toThrow(/speaks SQL/);
});

test.each(['17 3 * * *', '*/15 0-6 1,15 jan-mar MON'])('%s is a schedule', (said) => {
  expect(parseCron(said)).toBe(said);
});

test.each(['17 3 * *', '60 3 * * *', '* * * * 7', '5-1 * * * *', '*/0 * * * *', '@daily'])(
  '%s is none',
  (said) => {
    expect(() => parseCron(said)).toThrow(/is no schedule/);
  },
);
