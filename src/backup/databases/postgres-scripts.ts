/*
 * What is run in the image of a PostgreSQL. The texts are fixed: what differs comes by variables and files. `"$@"` is
 * restic with the options of the target.
 */

const OWN = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;
const OF_NO_EXTENSION = `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/**
 * Counts what a restore has to bring back, a fact a line. What extensions own is left out, since they make it themselves, and
 * so are materialized views, which are made anew. A counter moves while others work, so it is compared by how far it was;
 * one that counts down has its sign changed.
 */
export const COUNT = `
SELECT format('SELECT json_build_array(%L, %L, count(*)) FROM ONLY %I.%I', 'rows', format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${OWN} AND ${OF_NO_EXTENSION}
ORDER BY 1 \\gexec
SELECT format('SELECT json_build_array(%L, %L, last_value * %s) FROM %I.%I', 'sequence', format('%I.%I', n.nspname, c.relname), sign(s.seqincrement), n.nspname, c.relname)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND NOT s.seqcycle AND ${OWN} AND ${OF_NO_EXTENSION}
ORDER BY 1 \\gexec
SELECT json_build_array('index', format('%I.%I', n.nspname, i.relname))
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE x.indisvalid AND c.relpersistence <> 't' AND ${OWN} AND ${OF_NO_EXTENSION}
ORDER BY n.nspname, i.relname;
SELECT json_build_array('objects', 'views', count(*)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND ${OWN};
SELECT json_build_array('objects', 'functions', count(*)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE ${OWN};
SELECT json_build_array('objects', 'triggers', count(*)) FROM pg_trigger WHERE NOT tgisinternal;
SELECT json_build_array('objects', 'constraints', count(*)) FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
WHERE ${OWN};
SELECT json_build_array('objects', 'extensions', count(*)) FROM pg_extension;
SELECT json_build_array('objects', 'large objects', count(*)) FROM pg_largeobject_metadata;
SELECT json_build_array('objects', 'pages of large objects', count(*)) FROM pg_largeobject;
`;

const PSQL = 'psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1';

/**
 * Dumps the database of a snapshot that a session holds, in which everything was counted before. restic runs pg_dump
 * itself, so it sees how that ends, and keeps nothing of one that failed. What was counted, and the roles, are a snapshot
 * before that: nobody could verify data without them.
 */
export const DUMP = `set -eu
umask 077
# A session that has ended shows by what it does not answer.
trap '' PIPE
mkdir about
cp about.json about
pg_dump --version >out/version
pg_dumpall --globals-only --no-password --database "$PGDATABASE" --file about/globals.sql
mkfifo ask answer
${PSQL} <ask >answer &
session=$!
exec 3>ask 4<answer
say() { printf '%s\\n' "$1" >&3; }
say 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
say 'SET LOCAL statement_timeout = 0;'
say 'SET LOCAL idle_in_transaction_session_timeout = 0;'
say 'SELECT pg_export_snapshot();'
read -r snapshot <&4
say '\\o about/facts'
say '\\i count.sql'
say '\\o about/query'
say '\\i query.sql'
say '\\o'
say '\\echo counted'
read -r counted <&4
[ "$counted" = counted ]
cp about/facts about/query out
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- \\
  pg_dump --no-password --format=custom --compress=0 --snapshot="$snapshot" >out/data.json
say 'COMMIT;'
exec 3>&-
wait "$session"
"$@" version --json >out/restic.json
`;

/** Functions to fill a database from a snapshot, by two programs whose ends are both looked at, and to count what is there. */
export const RESTORE = `
# fill DATABASE RESTIC...: with CREATE the database comes out of the dump, under the name that it has there.
fill() {
  into=$1
  shift
  mkfifo dump
  "$@" dump "$SNAPSHOT" "$DATA_PATH" >dump &
  reader=$!
  if ! pg_restore --no-password --exit-on-error --no-tablespaces \${CREATE:+--create} --dbname "$into" <dump; then
    # It has ended, or is ended here: either way that says less than the line below.
    kill "$reader" 2>/dev/null || true
    wait "$reader" || true
    echo 'pg_restore has failed: what the repository gave is not the whole dump, or does not fit' >&2
    exit 1
  fi
  wait "$reader"
  rm dump
}
# count DATABASE
count() {
  ${PSQL} --dbname "$1" --output out/facts --file count.sql
  ${PSQL} --dbname "$1" --output out/query --file query.sql
}
`;

/** Starts the server of the image, empty and heard by nobody else, and fills it. */
export const VERIFY = `set -eu
umask 077
. ./restore.sh
# The variables are for the clients here; the image has clients of its own.
env -u PGHOST -u PGUSER -u PGDATABASE -u PGPASSFILE docker-entrypoint.sh postgres -p "$PGPORT" \\
  -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off >server.log 2>&1 &
server=$!
until pg_isready --quiet; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.1
done
"$@" dump "$ABOUT" "$PWD/about/globals.sql" >globals.sql
# Some roles are there already, which is no mistake; one that is missing, pg_restore finds.
psql --no-psqlrc --no-password --quiet --dbname postgres --file globals.sql >/dev/null 2>&1 || true
if [ "$PGDATABASE" = postgres ]; then fill postgres "$@"; else CREATE=yes fill postgres "$@"; fi
count "$PGDATABASE"
pg_dump --version >out/version
kill -INT "$server"
# Its work is done and looked at; what it ends with, being told to, says nothing.
wait "$server" || true
`;

/** On the way between two databases neither of the two may be connected to. */
const ELSEWHERE = `elsewhere=postgres
[ "$PGDATABASE" != postgres ] || elsewhere=template1
`;

/**
 * Removes what restores have left. A killed one may have left its sessions too, which is nobody's any more; who looks at what
 * is kept has it for longer.
 */
export const TIDY = `set -eu
${ELSEWHERE}
${PSQL} --dbname "$elsewhere" --set half="$HALF" --set half_before="$HALF_BEFORE" --set kept="$KEPT" --set kept_before="$KEPT_BEFORE" --output out/kept --file tidy.sql
`;

const ID = `'^[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}$'`;
const idAfter = (start: string) => `substr(datname, length(:'${start}') + 1)`;
const left = (start: string) => `starts_with(datname, :'${start}') AND ${idAfter(start)} ~ ${ID}`;
const due = (start: string) => `${left(start)} AND ${idAfter(start)} COLLATE "C" < :'${start}_before'`;

export const TIDY_SQL = `
SELECT count(pg_terminate_backend(pid)) AS sent_away FROM pg_stat_activity WHERE ${due('half')} \\gset
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE ${due('half')} \\gexec
SELECT format('DROP DATABASE %I', datname) FROM pg_database d WHERE ${due('kept')}
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname) \\gexec
SELECT datname FROM pg_database WHERE ${left('kept')} ORDER BY 1;
`;

/**
 * Fills a new database beside the one that is there, which goes on meanwhile, and counts it. Roles that are missing are made
 * without a password: those that are there keep theirs. Of another environment none stays: what they had is the owner's here.
 */
export const RESTORE_BESIDE = `set -eu
umask 077
. ./restore.sh
${ELSEWHERE}
"$@" dump "$ABOUT" "$PWD/about/globals.sql" >globals.sql
# That there are none is fine (1), and that the file cannot be read is not (2).
grep -E '^(CREATE ROLE|GRANT) ' globals.sql >roles.sql || [ $? = 1 ]
# Some roles are there already, which is no mistake; one that is missing, pg_restore finds.
psql --no-psqlrc --no-password --quiet --dbname "$elsewhere" --file "\${FOREIGN:-own}-roles.sql" >/dev/null 2>&1 || true
${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --file beside.sql
fill "$NEW" "$@"
[ -z "$FOREIGN" ] || ${PSQL} --dbname "$NEW" --file adopt.sql
count "$NEW"
`;

/** Makes roles; one that is there already is no reason to stop. */
export const OWN_ROLES_SQL = '\\i roles.sql\n';

/** The same, and marks those that are new, all or nothing: a restore that is killed later on leaves nobody who is taken for one of here. */
export const FOREIGN_ROLES_SQL = `\\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE TEMP TABLE here AS SELECT rolname FROM pg_roles;
\\i roles.sql
SELECT format('COMMENT ON ROLE %I IS %L', rolname, 'of another environment: a restore made it, and the next one removes it')
FROM pg_roles WHERE rolname NOT IN (SELECT rolname FROM here) \\gexec
COMMIT;
`;

/** Gives what roles of another environment have to the owner of the database, and removes them. */
export const ADOPT_SQL = `
CREATE TEMP VIEW foreign_roles AS SELECT quote_ident(rolname) AS name FROM pg_roles
WHERE shobj_description(oid, 'pg_authid') LIKE 'of another environment: a restore made it%';
SELECT format('REASSIGN OWNED BY %s TO %I', name, pg_get_userbyid(datdba)) FROM foreign_roles, pg_database WHERE datname = current_database() \\gexec
SELECT format('DROP OWNED BY %s', name) FROM foreign_roles \\gexec
SELECT format('DROP ROLE %s', name) FROM foreign_roles \\gexec
DROP VIEW foreign_roles;
`;

/** Runs the statements that make of production's data what others may see. */
export const MASK = `set -eu
# Without details, which would show rows.
${PSQL} --set VERBOSITY=terse --dbname "$NEW" --single-transaction --file mask.sql >mask.log
`;

/** Makes the new database as the old one is; what is said of a database as a whole is in no dump of it. */
export const BESIDE_SQL = `
SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', :'new', pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_database WHERE datname = :'old'
UNION ALL SELECT format('CREATE DATABASE %I TEMPLATE template0', :'new') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'new') WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s', a.privilege_type, :'new', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = :'old' \\gexec
SELECT format('ALTER %s SET %I TO ' || CASE WHEN name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') THEN '%s' ELSE '%L' END,
  CASE setrole WHEN 0 THEN format('DATABASE %I', :'new') ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), :'new') END, name, value)
FROM (SELECT setrole, split_part(said, '=', 1) AS name, substr(said, strpos(said, '=') + 1) AS value
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) said WHERE d.datname = :'old') settings \\gexec
`;

/**
 * Puts the new database in the place of the old one, in one transaction: whoever dies here leaves the one or the other. The
 * renaming has the database to itself from its first moment, so that nobody comes back while the others are sent away.
 */
export const SWAP = `set -eu
${ELSEWHERE}
${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --set before="$BEFORE" --file swap.sql &
renaming=$!
while kill -0 "$renaming" 2>/dev/null; do
  ${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --file leave.sql >/dev/null
  sleep 0.1
done
wait "$renaming"
`;

export const SWAP_SQL = `
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', :'old', :'before') WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
ALTER DATABASE :"new" RENAME TO :"old";
COMMIT;
`;

/** Sends everybody away from both. */
export const LEAVE_SQL = `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'old', :'new') AND pid <> pg_backend_pid();
`;
