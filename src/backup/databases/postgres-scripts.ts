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
. ./repository.sh
mkdir about
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
wait "$server" || true
`;
