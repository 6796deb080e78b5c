import { expect, test } from '@jest/globals';
import { localFile, resolveText } from './files.ts';

/** containerOf returns what the container of a service `db` is made of, by its lines. */
function containerOf(lines: string) {
  const [spec] = resolveText(
    localFile(`db:\n  strategy: recreate\n${lines.replaceAll(/^/gm, '  ')}`),
  ).services;
  return spec!.container;
}

const asFile = {
  secrets: [],
  environment: { POSTGRES_PASSWORD_FILE: '/run/secrets/POSTGRES_PASSWORD' },
  files: [
    { target: '/run/secrets/POSTGRES_PASSWORD', mode: 0o400, content: { secret: 'POSTGRES_PASSWORD' } },
  ],
};

test.each(['postgres:17', 'ghcr.io/acme/postgres:17'])('%s reads its password from a file', (image) => {
  expect(containerOf(`image: ${image}\nenvironment: [POSTGRES_PASSWORD]`)).toMatchObject(asFile);
});

test('so it does when the password is made from a secret of another name', () => {
  const lines = 'image: postgres:17\nenvironment: { POSTGRES_PASSWORD: "${DB_PASSWORD}" }';
  const text = `${localFile(`db:\n  strategy: recreate\n${lines.replaceAll(/^/gm, '  ')}`)}secrets: { DB_PASSWORD: { external: true } }\n`;
  expect(resolveText(text).services[0]?.container).toMatchObject(asFile);
});

test('an entrypoint that reads it as another user than it begins as gets a file of that one', () => {
  expect(containerOf('image: mongo:8.0\nenvironment: [MONGO_INITDB_ROOT_PASSWORD]').files).toMatchObject([
    { uid: 999, gid: 999 },
  ]);
});

test('each password of a mariadb is a file, and its plain variables stay what they are', () => {
  const lines =
    'image: mariadb:11.8\nenvironment: [MARIADB_PASSWORD, MYSQL_ROOT_PASSWORD, "MARIADB_USER=shop"]';
  expect(containerOf(lines)).toMatchObject({
    secrets: [],
    environment: {
      MARIADB_USER: 'shop',
      MARIADB_PASSWORD_FILE: '/run/secrets/MARIADB_PASSWORD',
      MYSQL_ROOT_PASSWORD_FILE: '/run/secrets/MYSQL_ROOT_PASSWORD',
    },
  });
});

test.each([
  [
    'whose command reads it',
    'image: postgres:17\nhealthcheck: { test: "PGPASSWORD=$$POSTGRES_PASSWORD psql" }',
  ],
  [
    'that has something else in that place',
    'image: postgres:17\nvolumes: ["/etc/pw:/run/secrets/POSTGRES_PASSWORD:ro"]',
  ],
  ['whose image does not know files', 'image: acme/api'],
])('a service %s keeps its variable', (_what, lines) => {
  const { secrets, environment } = containerOf(`${lines}\nenvironment: [POSTGRES_PASSWORD]`);
  expect({ secrets, environment }).toEqual({ secrets: ['POSTGRES_PASSWORD'], environment: {} });
});
