import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { service, services } from '../../../clients/node/index.js';
import { toldFile } from '../../../src/deploy/planning/told-services.ts';
import { blocks } from '../docs/documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-clients-'));
afterAll(() => rmSync(folder, { recursive: true }));

const clients = join(import.meta.dirname, '..', '..', '..', 'clients');
const PASSWORD = "@:/?#% 'ř\r\n";

/** services.json as a deploy writes it, but for where the files of secrets are. */
function written(): string {
  const { content } = toldFile({
    dependencies: { api: 5200, 'api.metrics': 5201, db: 5100 },
    connections: { db: { kind: 'postgres', user: 'app', database: 'shop', hasPassword: true } },
  })!;
  const text = 'text' in content ? content.text : '';
  const file = join(folder, 'services.json');
  writeFileSync(file, text.replaceAll('/run/secrets/switchyard/db/', `${folder}/`));
  writeFileSync(join(folder, 'password'), PASSWORD);
  writeFileSync(join(folder, 'url'), 'postgresql://app:x@nginx:5100/shop');
  return file;
}

describe('the client for Node', () => {
  test('says how to connect, with secrets from their files', () => {
    const db = service('db', written());
    expect([db.host, db.port, db.user, db.database]).toEqual(['nginx', 5100, 'app', 'shop']);
    expect([db.password, db.url]).toEqual([PASSWORD, 'postgresql://app:x@nginx:5100/shop']);
    expect(inspect(db) + String(db) + JSON.stringify(db)).not.toContain(PASSWORD);
  });

  test('says the address alone of a service without a connection', () => {
    const { api } = services(written());
    expect([api?.port, api?.ports, api?.kind, api?.url]).toEqual([
      5200,
      { metrics: 5201 },
      undefined,
      undefined,
    ]);
  });

  test('tells what is not there', () => {
    expect(() => service('cache', written())).toThrow('no service "cache"; it depends on api, db');
    expect(() => services(join(folder, 'nothing.json'))).toThrow('cannot be read');
    const other = join(folder, 'other.json');
    writeFileSync(other, '{"schema":2,"services":{}}');
    expect(() => services(other)).toThrow('schema 2');
  });
});

describe('the client for Python', () => {
  const python = (...args: string[]) =>
    execFileSync('python3', args, {
      cwd: join(clients, 'python'),
      env: { ...process.env, PYTHONPATH: 'src', PYTHONDONTWRITEBYTECODE: '1' },
      encoding: 'utf8',
      stdio: 'pipe',
    });

  test('holds to its own tests', () => {
    expect(() => python('-m', 'unittest', 'discover', '-s', 'tests')).not.toThrow();
  });

  test('reads what a deploy writes', () => {
    const program =
      'import sys, json; from switchyard_services import service; db = service("db", sys.argv[1]); print(json.dumps([db.port, db.password]))';
    expect(JSON.parse(python('-c', program, written()))).toEqual([5100, PASSWORD]);
  });
});

test('the guide’s ten lines for any other language read it, too', () => {
  const [{ text } = { text: '' }] = blocks('perl');
  const env = { ...process.env, SWITCHYARD_SERVICES: written() };
  expect(execFileSync('perl', ['-e', text], { env, encoding: 'utf8' })).toBe('app at nginx:5100\n');
});
