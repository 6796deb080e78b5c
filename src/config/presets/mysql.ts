import { share } from './memory.ts';
import type { Preset, PresetFacts, ServiceKeys } from './preset.ts';

/** How two databases that are one by their files and protocol call their programs and variables. */
interface Dialect {
  image: string;
  server: string;
  client: string;
  /** `MYSQL` of `MYSQL_DATABASE`. */
  prefix: string;
  more?: Readonly<Record<string, string>>;
}

/** Root has the password too, and is root from inside the container alone. */
function serviceOf(
  { image, server, client, prefix, more = {} }: Dialect,
  { service, version, names, memoryBytes }: PresetFacts,
): ServiceKeys {
  const password = `/run/secrets/${names.password}`;
  return {
    image: `${image}:${version}`,
    port: 3306,
    protocol: 'tcp',
    volumes: [`${service}-data:/var/lib/mysql`],
    environment: {
      [`${prefix}_DATABASE`]: names.database,
      [`${prefix}_USER`]: names.user,
      [`${prefix}_PASSWORD_FILE`]: password,
      [`${prefix}_ROOT_PASSWORD_FILE`]: password,
      [`${prefix}_ROOT_HOST`]: 'localhost',
      ...more,
    },
    secrets: [names.password],
    ...(memoryBytes !== undefined && {
      command: [server, `--innodb-buffer-pool-size=${share(memoryBytes, 1 / 2, 32)}M`],
    }),
    healthcheck: {
      test: [
        'CMD-SHELL',
        `MYSQL_PWD="$$(cat "$$${prefix}_PASSWORD_FILE")" ${client} -h 127.0.0.1 -u "$$${prefix}_USER" -e "SELECT 1" "$$${prefix}_DATABASE"`,
      ],
      start_period: '3m',
    },
    strategy: 'recreate',
    stop_grace_period: '2m',
  };
}

const MYSQL: Dialect = { image: 'mysql', server: 'mysqld', client: 'mysql', prefix: 'MYSQL' };
const MARIADB: Dialect = {
  image: 'mariadb',
  server: 'mariadbd',
  client: 'mariadb',
  prefix: 'MARIADB',
  // What a minor version changes in tables of the system is done by the image.
  more: { MARIADB_AUTO_UPGRADE: '1' },
};

const reliesOn = (prefix: string) => [
  `\`${prefix}_DATABASE\`, \`${prefix}_USER\`, \`${prefix}_PASSWORD_FILE\`, \`${prefix}_ROOT_PASSWORD_FILE\`, \`${prefix}_ROOT_HOST\`.`,
  'While it is prepared, its server listens on the socket alone: a check over TCP fails until that is over.',
  'Data in `/var/lib/mysql`.',
  'The entrypoint begins as root, reads the passwords, and goes on as `mysql`.',
];

const notes = [
  'The user has all rights on its database, and none on others. `root` is root@localhost alone, with the same password.',
];

const block = (dialect: Dialect) => (facts: PresetFacts) => ({
  service: serviceOf(dialect, facts),
  connection: { kind: 'mysql' as const, user: facts.names.user, database: facts.names.database },
});

/** MySQL, from the official image. */
export const mysql: Preset = {
  name: 'mysql',
  title: 'MySQL',
  image: 'mysql',
  version: '8.4',
  oldest: '8.0',
  reliesOn: reliesOn('MYSQL'),
  notes: [
    ...notes,
    'Backups are made by the scripts of MariaDB, which are tested with real servers of MariaDB alone.',
  ],
  block: block(MYSQL),
};

/** MariaDB, from the official image. */
export const mariadb: Preset = {
  name: 'mariadb',
  title: 'MariaDB',
  image: 'mariadb',
  version: '11.8',
  // The first line whose image knows its own variables everywhere.
  oldest: '10.6',
  reliesOn: [...reliesOn('MARIADB'), '`MARIADB_AUTO_UPGRADE`.'],
  notes,
  block: block(MARIADB),
};
