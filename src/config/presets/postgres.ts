import { share } from './memory.ts';
import type { Preset, PresetFacts } from './preset.ts';

/**
 * Everything belongs to a role that nobody is, and login roles act as it: so the password can change by changing from one
 * login role to the other, and nothing has to change hands. The superuser is left without a password, so that nobody
 * becomes it over the network. `\getenv` reads variables without a shell, and no statement with a password gets into a log.
 */
const ROLES = String.raw`\getenv user APP_USER
\getenv password POSTGRES_PASSWORD
SET log_min_error_statement = panic;
SELECT :'DBNAME' || '_owner' AS owner, :'user' || '_b' AS other \gset
CREATE ROLE :"owner" NOLOGIN;
CREATE ROLE :"user" LOGIN IN ROLE :"owner" PASSWORD :'password';
CREATE ROLE :"other" NOLOGIN IN ROLE :"owner";
ALTER ROLE :"user" SET role = :'owner';
ALTER ROLE :"other" SET role = :'owner';
ALTER DATABASE :"DBNAME" OWNER TO :"owner";
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
ALTER ROLE :"USER" PASSWORD NULL;
`;

/** PostgreSQL, from the official image. */
export const postgres: Preset = {
  name: 'postgres',
  title: 'PostgreSQL',
  image: 'postgres',
  version: '18',
  // The first whose psql reads variables.
  oldest: '14',
  reliesOn: [
    '`POSTGRES_DB`, `POSTGRES_PASSWORD_FILE`; the superuser is `postgres` unless `POSTGRES_USER` says otherwise.',
    '`/docker-entrypoint-initdb.d/*.sql`, run once by psql as the superuser in the new database, with `POSTGRES_PASSWORD` among its variables.',
    'While it is prepared, its server listens on the socket alone: a check over TCP fails until that is over.',
    'Who connects from inside the container is asked for no password (`trust`).',
    'Data in `/var/lib/postgresql/data`; from 18 on in `/var/lib/postgresql/{version}/docker`, and the volume at `/var/lib/postgresql`.',
    'The entrypoint begins as root, reads the password, and goes on as `postgres`.',
  ],
  notes: [
    'Tables belong to the role `{database}_owner`, which nobody can log in as. `{project}_user` and `{project}_user_b` are in it and act as it; the second cannot log in until a rotation of the password uses it.',
    'The superuser `postgres` has no password, and is reached from inside the container alone: `docker exec -it … psql -U postgres`.',
  ],
  block(facts) {
    const { service, version, names } = facts;
    const roles = `${service}-roles`;
    return {
      service: {
        image: `postgres:${version}`,
        port: 5432,
        protocol: 'tcp',
        volumes: [`${service}-data:${dataPath(facts)}`],
        environment: {
          POSTGRES_DB: names.database,
          POSTGRES_PASSWORD_FILE: `/run/secrets/${names.password}`,
          APP_USER: names.user,
        },
        secrets: [names.password],
        configs: [{ source: roles, target: '/docker-entrypoint-initdb.d/10-roles.sql' }],
        ...settings(facts),
        // Parallel queries share memory, and an engine gives 64 MB.
        shm_size: '256m',
        healthcheck: {
          test: ['CMD-SHELL', 'psql -h 127.0.0.1 -U "$$APP_USER" -d "$$POSTGRES_DB" -qAtc "SELECT 1"'],
          start_period: '2m',
        },
        strategy: 'recreate',
        // A fast shutdown: sessions are ended, data is written.
        stop_signal: 'SIGINT',
        stop_grace_period: '2m',
      },
      configs: { [roles]: { content: ROLES } },
      connection: { kind: 'postgres', user: names.user, database: names.database },
    };
  },
};

/** It moved with 18, so that a new version can find the data of the old one beside its own. */
function dataPath({ major }: PresetFacts): string {
  return major >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data';
}

/** https://www.postgresql.org/docs/current/runtime-config-resource.html: a quarter for its own cache, the kernel's has most of the rest. */
function settings({ memoryBytes }: PresetFacts): { command?: string[] } {
  if (memoryBytes === undefined) return {};
  const values = {
    shared_buffers: share(memoryBytes, 1 / 4, 16),
    effective_cache_size: share(memoryBytes, 3 / 4, 32),
    maintenance_work_mem: Math.min(1024, share(memoryBytes, 1 / 16, 16)),
  };
  const words = Object.entries(values).flatMap(([name, mib]) => ['-c', `${name}=${mib}MB`]);
  return { command: ['postgres', ...words] };
}
