import type { Preset, PresetFacts } from './preset.ts';

const GIB = 1024 ** 3;

/** It runs with the password read from its file: neither an argument nor a variable has it. */
const PING =
  "db.getSiblingDB('admin').auth(process.env.MONGO_INITDB_ROOT_USERNAME, require('fs').readFileSync(process.env.MONGO_INITDB_ROOT_PASSWORD_FILE, 'utf8').trim()).ok === 1 || quit(1)";

/** MongoDB, from the official image. */
export const mongo: Preset = {
  name: 'mongo',
  title: 'MongoDB',
  image: 'mongo',
  version: '8.0',
  // The first whose image has mongosh alone.
  oldest: '6.0',
  reliesOn: [
    '`MONGO_INITDB_ROOT_USERNAME`, `MONGO_INITDB_ROOT_PASSWORD_FILE`, `MONGO_INITDB_DATABASE`.',
    'The entrypoint goes on as `mongodb`, 999, before it reads the password: so the file belongs to that one.',
    "While it is prepared, its server listens on 127.0.0.1 alone: the check asks at the container's own name, which fails until that is over.",
    'Data in `/data/db` and `/data/configdb`.',
  ],
  notes: ['The user is one of the database `admin`, and may do everything: clients say `authSource=admin`.'],
  block(facts) {
    const { service, version, names } = facts;
    return {
      service: {
        image: `mongo:${version}`,
        port: 27017,
        protocol: 'tcp',
        volumes: [`${service}-data:/data/db`, `${service}-settings:/data/configdb`],
        environment: {
          MONGO_INITDB_ROOT_USERNAME: names.user,
          MONGO_INITDB_ROOT_PASSWORD_FILE: `/run/secrets/${names.password}`,
          MONGO_INITDB_DATABASE: names.database,
        },
        secrets: [{ source: names.password, uid: 999, gid: 999 }],
        ...settings(facts),
        healthcheck: {
          test: ['CMD-SHELL', `mongosh --quiet --host "$$(hostname)" --eval "${PING}"`],
          interval: '5s',
          timeout: '20s',
          start_period: '2m',
        },
        strategy: 'recreate',
        stop_grace_period: '2m',
      },
      connection: { kind: 'mongodb', user: names.user, database: names.database },
    };
  },
};

/** Its own rule, of the limit and not of the server: half of what is beyond 1 GiB, 256 MiB at least. */
function settings({ memoryBytes }: PresetFacts): { command?: string[] } {
  if (memoryBytes === undefined) return {};
  const gib = Math.max(0.25, (memoryBytes / GIB - 1) / 2);
  return { command: ['mongod', '--wiredTigerCacheSizeGB', gib.toFixed(2)] };
}
