import type { BackupFacts } from '../../model/backup.ts';
import { UserError } from '../../model/errors.ts';
import type { DatabaseContainer, DatabaseProgram } from './program.ts';
import { DUMP, VERIFY } from './redis-scripts.ts';

/** What may not be fewer after a restore. */
const LASTING = 'keys that do not expire';

/** Redis, and Valkey: an RDB file over the network, read to its end by the program that checks it. */
export const redis: DatabaseProgram = {
  dataPath: '/redis.rdb',
  dump(container) {
    return {
      script: 'dump.sh',
      files: { 'dump.sh': DUMP, 'redis-password': passwordOf(container) },
      environment: { REDIS_PORT: portOf(container) },
    };
  },
  verify(container) {
    return {
      script: 'verify.sh',
      files: { 'verify.sh': VERIFY },
      environment: { REDIS_PORT: portOf(container) },
    };
  },
  tidy: () => {
    throw byHand();
  },
  restoreBeside: () => {
    throw byHand();
  },
  mask: () => {
    throw byHand();
  },
  swap: () => {
    throw byHand();
  },
  namesOf: () => {
    throw byHand();
  },
  factsOf: (output) => {
    const keyspace = output.get('keyspace');
    return keyspace === undefined ? countedFacts(output.get('facts') ?? '') : keyspaceFacts(keyspace);
  },
  toolsOf: (output) => ({ 'redis-cli': (output.get('version') ?? '').trim() }),
};

/** countedFacts reads what the program has counted that checks an RDB file. It throws where it did not come to the end. Pure. */
export function countedFacts(said: string): BackupFacts {
  const keys = /^\[info\] (\d+) keys read/m.exec(said)?.[1];
  const expires = /^\[info\] (\d+) expires/m.exec(said)?.[1];
  if (keys === undefined || expires === undefined)
    throw new Error('nobody has counted the keys of the RDB file');
  return { rows: { [LASTING]: Number(keys) - Number(expires) } };
}

/** keyspaceFacts reads what a server says of its databases: `db0:keys=3,expires=1,avg_ttl=0`. Pure. */
export function keyspaceFacts(said: string): BackupFacts {
  const found = [...said.matchAll(/^db\d+:keys=(\d+),expires=(\d+)/gm)];
  const lasting = found.map(([, keys, expires]) => Number(keys) - Number(expires));
  return { rows: { [LASTING]: lasting.reduce((sum, count) => sum + count, 0) } };
}

/** The words of the command win over its file, as they do for the server. */
function passwordOf({ command, configuration = '' }: DatabaseContainer): string {
  const said = command[command.indexOf('--requirepass') + 1];
  if (command.includes('--requirepass') && said !== undefined) return said;
  const [, quoted, plain] = /^\s*requirepass\s+(?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(configuration) ?? [];
  return quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
}

function portOf({ command, configuration = '' }: DatabaseContainer): string {
  const said = command[command.indexOf('--port') + 1];
  if (command.includes('--port') && said !== undefined) return said;
  return /^\s*port\s+(\d+)/m.exec(configuration)?.[1] ?? '6379';
}

function byHand(): UserError {
  return new UserError('a Redis is not restored in place', {
    hint: 'It reads its file when it starts, and only then. The guide says how: "Bring a Redis back".',
  });
}
