import { countedFacts } from './counted-facts.ts';
import {
  ADOPT_SQL,
  BESIDE_SQL,
  COUNT,
  DUMP,
  FOREIGN_ROLES_SQL,
  LEAVE_SQL,
  MASK,
  OWN_ROLES_SQL,
  RESTORE,
  RESTORE_BESIDE,
  SWAP,
  SWAP_SQL,
  TIDY,
  TIDY_SQL,
  VERIFY,
} from './postgres-scripts.ts';
import type { Credentials, DatabaseContainer, DatabaseProgram, RestoreNames } from './program.ts';

/** PostgreSQL: `pg_dump -Fc` of a snapshot in which everything was counted, and the roles. */
export const postgres: DatabaseProgram = {
  dataPath: '/postgres.dump',
  dump(container, query) {
    return {
      script: 'dump.sh',
      files: { 'dump.sh': DUMP, ...shared(container, query) },
      environment: environmentOf(container),
    };
  },
  verify(container, query) {
    return {
      script: 'verify.sh',
      files: { 'verify.sh': VERIFY, 'restore.sh': RESTORE, ...shared(container, query) },
      // What the image makes its server of. It is empty, and gone in a moment.
      environment: { ...environmentOf(container), POSTGRES_PASSWORD_FILE: 'password' },
    };
  },
  tidy(container, { half, keptStart }, before) {
    return {
      script: 'tidy.sh',
      files: { 'tidy.sh': TIDY, 'tidy.sql': TIDY_SQL, ...shared(container, undefined) },
      environment: {
        ...environmentOf(container),
        HALF: half,
        HALF_BEFORE: before.half,
        KEPT: keptStart,
        KEPT_BEFORE: before.kept,
      },
    };
  },
  mask(container, names, statements) {
    return {
      script: 'mask.sh',
      files: { 'mask.sh': MASK, 'mask.sql': statements, ...shared(container, undefined) },
      environment: { ...environmentOf(container), ...namedFor(names) },
    };
  },
  restoreBeside(container, query, names, isForeign) {
    return {
      script: 'beside.sh',
      files: {
        'beside.sh': RESTORE_BESIDE,
        'restore.sh': RESTORE,
        'beside.sql': BESIDE_SQL,
        'own-roles.sql': OWN_ROLES_SQL,
        'foreign-roles.sql': FOREIGN_ROLES_SQL,
        'adopt.sql': ADOPT_SQL,
        ...shared(container, query),
      },
      environment: {
        ...environmentOf(container),
        ...namedFor(names),
        FOREIGN: isForeign ? 'foreign' : '',
      },
    };
  },
  swap(container, names) {
    return {
      script: 'swap.sh',
      files: {
        'swap.sh': SWAP,
        'swap.sql': SWAP_SQL,
        'leave.sql': LEAVE_SQL,
        ...shared(container, undefined),
      },
      environment: { ...environmentOf(container), ...namedFor(names) },
    };
  },
  namesOf(container, id) {
    const { database } = credentialsOf(container);
    const start = (what: string) => `${fitting(database, LONGEST_NAME - what.length - id.length)}${what}`;
    const [half, keptStart] = [start('_restoring_'), start('_before_')];
    return { current: database, filled: `${half}${id}`, half, kept: `${keptStart}${id}`, keptStart };
  },
  factsOf: countedFacts,
  toolsOf: (output) => ({ pg_dump: (output.get('version') ?? '').trim() }),
};

/** PostgreSQL cuts longer ones off, in bytes. */
const LONGEST_NAME = 63;

function fitting(name: string, bytes: number): string {
  const characters = [...name];
  while (Buffer.byteLength(characters.join('')) > bytes) characters.pop();
  return characters.join('');
}

function namedFor({ filled, kept }: RestoreNames): Record<string, string> {
  return { NEW: filled, BEFORE: kept };
}

/** The superuser of a container of the official image, and its database. */
function credentialsOf({ environment }: DatabaseContainer): Credentials {
  const { POSTGRES_USER: user = 'postgres', POSTGRES_PASSWORD: password = '' } = environment;
  return { user, password, database: environment.POSTGRES_DB ?? user };
}

function environmentOf(container: DatabaseContainer): Record<string, string> {
  const { user, database } = credentialsOf(container);
  const { PGPORT = portOf(container.command) } = container.environment;
  return {
    PGHOST: '127.0.0.1',
    PGPORT,
    PGUSER: user,
    PGDATABASE: database,
    PGPASSFILE: 'pgpass',
    PGCONNECT_TIMEOUT: '30',
    PGCLIENTENCODING: 'UTF8',
    POSTGRES_USER: user,
    POSTGRES_DB: 'postgres',
  };
}

/** The image passes the words of the command on to the server. */
function portOf(command: readonly string[]): string {
  const words = command.join(' ');
  return /(?:-p|--port=|-c\s*port=|--port)\s*(\d+)/.exec(words)?.[1] ?? '5432';
}

function shared(container: DatabaseContainer, query: string | undefined): Record<string, string> {
  const { password } = credentialsOf(container);
  return {
    pgpass: `*:*:*:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n`,
    password: `${password === '' ? 'unused' : password}\n`,
    'count.sql': COUNT,
    'query.sql': query === undefined ? '' : `${query.replace(/;?\s*$/, '')};\n`,
  };
}
