import { UserError } from '../../model/errors.ts';
import { JOB_FOLDER } from '../vault.ts';
import { countedFacts } from './counted-facts.ts';
import {
  DATABASES_SQL,
  DUMP,
  LOCK_SQL,
  OBJECTS_SQL,
  PROGRAMS,
  ROWS_SQL,
  STREAM,
  VERIFY,
} from './mariadb-scripts.ts';
import type { Credentials, DatabaseContainer, DatabaseProgram } from './program.ts';

/** How MariaDB and MySQL differ, that are one by their protocol. */
interface Dialect {
  title: string;
  /** Of the variables of the image; the first that is set wins. */
  prefixes: readonly string[];
  /** Fixed words for the dump program. */
  dumpOptions: string;
  /** Lines for the clients. */
  clientLines: readonly string[];
}

/** MariaDB, from its official image. */
export const mariadb = programFor({
  title: 'MariaDB',
  prefixes: ['MARIADB', 'MYSQL'],
  dumpOptions: '',
  // The certificate is one that the server has made for itself, and the way to it is the loopback.
  clientLines: ['loose-skip-ssl-verify-server-cert'],
});

/** MySQL, from its official image. */
export const mysql = programFor({
  title: 'MySQL',
  prefixes: ['MYSQL'],
  // Names of transactions are for replicas; and to write them takes more rights than an app's user has.
  dumpOptions: '--set-gtid-purged=OFF',
  clientLines: [],
});

function programFor(dialect: Dialect): DatabaseProgram {
  const byHand = () => {
    throw new UserError(`a ${dialect.title} is not restored in place`, {
      hint: 'It cannot rename a database. The guide says how: "Bring a MariaDB or MySQL back".',
    });
  };
  return {
    dataPath: `/${dialect.title.toLowerCase()}.sql`,
    dump(container, query) {
      const credentials = credentialsOf(dialect, container);
      return {
        script: 'dump.sh',
        files: {
          'dump.sh': DUMP,
          'stream.sh': STREAM,
          'databases.sql': DATABASES_SQL,
          'lock.sql': LOCK_SQL,
          'client.cnf': clientFile(
            ['protocol=tcp', 'host=127.0.0.1', `port=${portOf(container)}`, ...dialect.clientLines],
            credentials,
          ),
          ...counting(credentials, query),
        },
        environment: { DATABASE: credentials.database, DUMP_OPTIONS: dialect.dumpOptions },
      };
    },
    verify(container, query) {
      const credentials = credentialsOf(dialect, container);
      const [prefix = ''] = dialect.prefixes;
      return {
        script: 'verify.sh',
        files: {
          'verify.sh': VERIFY,
          'root.cnf': clientFile(['protocol=socket', `socket=${SOCKET}`], { ...credentials, user: 'root' }),
          password: credentials.password,
          ...counting(credentials, query),
        },
        environment: {
          DATABASE: credentials.database,
          SOCKET,
          // What the image makes its server of. It is empty, and gone in a moment.
          [`${prefix}_ROOT_PASSWORD_FILE`]: `${JOB_FOLDER}/password`,
        },
      };
    },
    tidy: byHand,
    restoreBeside: byHand,
    mask: byHand,
    swap: byHand,
    namesOf: byHand,
    factsOf: countedFacts,
    toolsOf: (output) => ({ [`${dialect.title} dump`]: (output.get('version') ?? '').trim() }),
  };
}

/** Where the scratch server lets root in, in each image. */
const SOCKET = '/tmp/switchyard-scratch.sock';
/** From where the image may let root in: jobs come from the loopback. */
const ROOT_HOSTS = ['%', '127.0.0.1'];

/**
 * credentialsOf returns whom a dump logs in as: root where he may come over the network, since he sees everything, or the
 * user of the image's variables. It throws a UserError where neither can. Pure.
 */
function credentialsOf(
  { title, prefixes }: Pick<Dialect, 'title' | 'prefixes'>,
  { environment }: DatabaseContainer,
): Credentials {
  const said = (name: string) =>
    prefixes.map((prefix) => environment[`${prefix}_${name}`]).find((value) => value !== undefined);
  const [database = '', root, user, password] = [
    said('DATABASE'),
    said('ROOT_PASSWORD'),
    said('USER'),
    said('PASSWORD'),
  ];
  if (root && ROOT_HOSTS.includes(said('ROOT_HOST') ?? '%'))
    return { user: 'root', password: root, database };
  if (user && password) return { user, password, database };
  const [prefix] = prefixes;
  throw new UserError(`nobody knows a user who can dump this ${title}`, {
    hint: `Its variables name none: set ${prefix}_USER and ${prefix}_PASSWORD_FILE, or ${prefix}_ROOT_PASSWORD_FILE, as it was made with.`,
  });
}

function clientFile(way: readonly string[], { user, password }: Credentials): string {
  const lines = [
    '[client]',
    ...way,
    `user=${quoted(user)}`,
    `password=${quoted(password)}`,
    'default-character-set=utf8mb4',
    'loose-max-allowed-packet=1G',
  ];
  return `${lines.join('\n')}\n`;
}

/** Of the words that the image passes on to the server. */
function portOf({ command }: DatabaseContainer): string {
  return /(?:^|\s)(?:--port[=\s]|-P\s?)(\d+)/.exec(command.join(' '))?.[1] ?? '3306';
}

/** quoted writes a value for a file of options, where only the escapes that are named here mean anything else. Pure. */
export function quoted(value: string): string {
  const escapes: Record<string, string> = {
    '\\': '\\\\',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '"': '\\"',
  };
  return `"${value.replaceAll(/[\\\n\r\t"]/g, (character) => escapes[character] ?? character)}"`;
}

function counting({ database }: Credentials, query = ''): Record<string, string> {
  return {
    'programs.sh': PROGRAMS,
    'rows.sql': ROWS_SQL,
    'objects.sql': OBJECTS_SQL,
    'use.sql': database === '' ? '' : `USE \`${database.replaceAll('`', '``')}\`;\n`,
    'query.sql': query === '' ? '' : `${query.replace(/;?\s*$/, '')};\n`,
  };
}
