import { describe, expect, test } from '@jest/globals';
import { keptNowhere } from '../../../src/commands/plan.ts';
import { parseCron } from '../../../src/config/cron.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';

/** loaded resolves a file with one service, `db`, by its lines. */
function loaded(service: string, top = '') {
  const text = `project: shop\n${top}environments:\n  production: { provider: local }\nservices:\n  db:\n    strategy: recreate\n${service.replaceAll(/^/gm, '    ')}\n`;
  return loadEnvironment(text, 'switchyard.yml', {}, 'production');
}

/** backupOf returns what becomes of the data of a service, by the lines that say so. */
const backupOf = (service: string, top = '') => loaded(service, top).wanted.services[0]?.backup;

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

describe('the database of a preset', () => {
  const top = 'backup: { max_age: 12h }\n';

  test.each([
    ['postgres', 'postgres'],
    ['redis', 'redis'],
  ])('%s is backed up by itself where the file says where to', (preset, kind) => {
    expect(backupOf(`preset: ${preset}`, top)).toMatchObject({ content: { kind }, maxAgeMs: 12 * 3_600_000 });
  });

  test('is not where it says so itself, where the file says nothing, or where nobody could', () => {
    expect(backupOf('preset: postgres\nbackup: false', top)).toBeUndefined();
    expect(backupOf('preset: postgres')).toBeUndefined();
    expect(backupOf('preset: rabbitmq', top)).toBeUndefined();
  });

  test('says more of it in a few words, and may have an image of any name', () => {
    const own = 'preset: postgres\nversion: "17"\nimage: acme/spatial:17\nbackup: { query: SELECT 1 }';
    expect(backupOf(own, top)).toMatchObject({ content: { kind: 'postgres' }, query: 'SELECT 1' });
  });

  test('is backed up too once it is written out', () => {
    expect(loaded('preset: postgres', top).presets.db).toMatch(/^ {4}backup: true$/m);
    expect(loaded('preset: postgres').presets.db).not.toMatch('backup');
  });

  test('is named by a plan when it is kept nowhere, unless the file wants that', () => {
    expect(keptNowhere(loaded('preset: postgres'))).toEqual([
      'the data of "db" is backed up nowhere: write "backup" at the top of the file, or "backup: false" at the service',
    ]);
    const others = ['preset: postgres\nbackup: false', 'preset: rabbitmq', 'image: postgres:17'];
    for (const service of others) expect(keptNowhere(loaded(service))).toEqual([]);
    expect(keptNowhere(loaded('preset: postgres', top))).toEqual([]);
  });
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

describe('a service that is no known database', () => {
  const service =
    'image: acme/wiki\nvolumes: ["pages:/data", "/etc/wiki:/etc/wiki:ro"]\nshare_volumes: true\n';

  test.each([
    ['volumes: true', { kind: 'volumes', volumes: ['pages'], isStopped: false }],
    ['volumes: [pages], stop: true', { kind: 'volumes', volumes: ['pages'], isStopped: true }],
    ['command: "app dump --all"', { kind: 'command', command: ['app', 'dump', '--all'] }],
  ])('has its %s backed up', (lines, content) => {
    expect(backupOf(`${service}backup: { ${lines} }`)?.content).toEqual(content);
  });

  test.each([
    ['true', 'nobody knows what to back up'],
    ['{ volumes: [page] }', 'there is no volume "page" of the service; did you mean "pages"?'],
    ['{ volumes: true, command: app dump }', 'says twice what is backed up'],
    ['{ command: app dump, stop: true }', 'is for volumes'],
    ['{ command: [] }', 'is empty'],
  ])('is refused %s', (said, message) => {
    expect(() => backupOf(`${service}backup: ${said}`)).toThrow(message);
  });

  test('has to have a volume with a name', () => {
    expect(() => backupOf('image: acme/wiki\nbackup: { volumes: true }')).toThrow('no volume with a name');
  });
});
