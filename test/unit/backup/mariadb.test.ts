import { expect, test } from '@jest/globals';
import { mariadb, mysql, quoted } from '../../../src/backup/databases/mariadb.ts';

const command = ['docker-entrypoint.sh', 'mariadbd', '--port=3307'];
const USER = { USER: 'shop', PASSWORD: 'of the shop', DATABASE: 'shop' };

/** clientOf returns the file by which a dump logs in, where the container has these variables. */
function clientOf(program: typeof mariadb, prefix: string, variables: Record<string, string>): string {
  const environment = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`${prefix}_${name}`, value]),
  );
  return program.dump({ environment, command }, undefined).files['client.cnf'] ?? '';
}

test('root dumps where it may come over the network, and the app’s user elsewhere', () => {
  const both = { ...USER, ROOT_PASSWORD: 'of root' };
  expect(clientOf(mariadb, 'MARIADB', both)).toMatch(/user="root"\npassword="of root"/);
  expect(clientOf(mariadb, 'MARIADB', { ...both, ROOT_HOST: 'localhost' })).toMatch(
    /user="shop"\npassword="of the shop"/,
  );
  expect(clientOf(mariadb, 'MYSQL', USER)).toMatch(/user="shop"/);
  expect(clientOf(mysql, 'MYSQL', USER)).toMatch(/port=3307\n/);
});

test('a database that tells of no user is a mistake', () => {
  expect(() => clientOf(mysql, 'MYSQL', { RANDOM_ROOT_PASSWORD: 'yes' })).toThrow(/nobody knows a user/);
});

test('no password is in the variables of a job', () => {
  const container = { environment: { MYSQL_ROOT_PASSWORD: 'of root' }, command };
  for (const job of [mysql.dump(container, undefined), mysql.verify(container, undefined)]) {
    expect(JSON.stringify(job.environment)).not.toContain('of root');
    expect(JSON.stringify(job.files)).toContain('of root');
  }
});

test('a value of a file of options may hold anything', () => {
  expect(quoted('a "b" \\ #c\n')).toBe('"a \\"b\\" \\\\ #c\\n"');
});

test('names of databases are quoted, and a query ends once', () => {
  const { files } = mariadb.dump(
    { environment: { MARIADB_ROOT_PASSWORD: 'x', MARIADB_DATABASE: 'a`b' }, command },
    'SELECT 1; ',
  );
  expect(files['use.sql']).toBe('USE `a``b`;\n');
  expect(files['query.sql']).toBe('SELECT 1;\n');
});

test('what was counted is read, a fact a line', () => {
  const facts = '["rows", "shop.orders", 3]\n["index", "shop.orders.PRIMARY"]\n["objects", "views", 1]\n';
  expect(
    mariadb.factsOf(
      new Map([
        ['facts', facts],
        ['query', '3\n'],
      ]),
    ),
  ).toEqual({
    rows: { 'shop.orders': 3 },
    indexes: ['shop.orders.PRIMARY'],
    objects: { views: 1 },
    query: '3',
  });
  expect(() => mariadb.factsOf(new Map([['facts', 'ERROR']]))).toThrow();
});
