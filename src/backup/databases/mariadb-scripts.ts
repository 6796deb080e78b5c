/*
 * What is run in the image of a MariaDB or MySQL. The texts are fixed: what differs comes by variables and files. `"$@"` is
 * restic with the options of the target. Passwords are in `client.cnf` and `root.cnf`, which only root reads.
 */

const OWN = `('information_schema', 'mysql', 'performance_schema', 'sys')`;

/** A name as statements have it: `quoted` is the name of a column. */
const identifier = (column: string) => `'\`', REPLACE(${column}, '\`', '\`\`'), '\`'`;

const ofTable = (columns: string) =>
  `SELECT ${columns} FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ${OWN}`;

/** Names the databases that are dumped, a line each. */
export const DATABASES_SQL = `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ${OWN} ORDER BY 1;\n`;

/** Makes one statement that keeps everybody from writing to any table. */
export const LOCK_SQL = `SET SESSION sql_mode = '';
SET SESSION group_concat_max_len = 16777216;
${ofTable(`CONCAT('LOCK TABLES ', GROUP_CONCAT(${identifier('TABLE_SCHEMA')}, '.', ${identifier('TABLE_NAME')}, ' READ' SEPARATOR ', '), ';')`)} HAVING COUNT(*) > 0;
`;

/**
 * Makes statements that count rows, of the tables that have snapshots. Their names come as literals of JSON text.
 */
export const ROWS_SQL = `SET SESSION sql_mode = '';
${ofTable(
  `CONCAT('SELECT JSON_ARRAY(''rows'', ', QUOTE(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)), ', COUNT(*)) FROM ', ${identifier('TABLE_SCHEMA')}, '.', ${identifier('TABLE_NAME')}, ';')`,
)} AND ENGINE = 'InnoDB' ORDER BY TABLE_SCHEMA, TABLE_NAME;
`;

const objects = (name: string, table: string, schema: string) =>
  `SELECT JSON_ARRAY('objects', '${name}', COUNT(*)) FROM information_schema.${table} WHERE ${schema} NOT IN ${OWN}`;

/** Counts what a restore has to bring back beside rows, a fact a line. */
export const OBJECTS_SQL = `SELECT DISTINCT JSON_ARRAY('index', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, '.', INDEX_NAME))
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA NOT IN ${OWN};
${objects('tables', 'TABLES', 'TABLE_SCHEMA')} AND TABLE_TYPE = 'BASE TABLE';
${objects('views', 'VIEWS', 'TABLE_SCHEMA')};
${objects('functions and procedures', 'ROUTINES', 'ROUTINE_SCHEMA')};
${objects('triggers', 'TRIGGERS', 'TRIGGER_SCHEMA')};
${objects('events', 'EVENTS', 'EVENT_SCHEMA')};
${objects('constraints', 'TABLE_CONSTRAINTS', 'CONSTRAINT_SCHEMA')};
`;

/** MariaDB gives its programs names of its own, and MySQL has the others. */
export const PROGRAMS = `client=mariadb dump=mariadb-dump admin=mariadb-admin server=mariadbd
command -v "$client" >/dev/null || { client=mysql dump=mysqldump admin=mysqladmin server=mysqld; }
# ask CONFIGURATION ...: rows as they are, without titles.
ask() {
  configuration=$1
  shift
  "$client" --defaults-file="$configuration" --batch --raw --skip-column-names "$@"
}
`;

/** Has restic run the dump, then keeps what was counted beside it. */
export const DUMP = `set -eu
umask 077
job=$PWD
mkdir about
cp about.json about
. ./programs.sh
"$dump" --version >out/version
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- /bin/sh "$job/stream.sh" >out/data.json
cp about/facts about/query out
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$job/about" >out/about.json
"$@" version --json >out/restic.json
`;

/**
 * Dumps to its output, and counts in a snapshot of the same moment: while both are opened, nobody writes. Whoever writes waits
 * for that, which is as long as the dump program takes to connect. Where a transaction is open for long, the lock is given
 * up after a second, so that nobody waits behind it, and tried again.
 */
export const STREAM = `set -eu
umask 077
# A session that has ended shows by what it does not answer.
trap '' PIPE
. ./programs.sh
# open NAME: a session that reads ask-NAME and writes answer-NAME.
open() {
  mkfifo "ask-$1" "answer-$1"
  ask client.cnf --unbuffered <"ask-$1" >"answer-$1" 2>"error-$1" &
}
# failed NAME: what the session said last.
failed() {
  cat "error-$1" >&2
  exit 1
}

ask client.cnf <databases.sql >databases
if ! [ -s databases ]; then
  echo 'there is no database that this user may read' >&2
  exit 1
fi
set --
while IFS= read -r database; do set -- "$@" "$database"; done <databases
ask client.cnf <lock.sql >lock

tries=0
while :; do
  open lock
  exec 3>ask-lock 4<answer-lock
  { echo 'SET SESSION lock_wait_timeout = 1;'; cat lock; echo "SELECT 'locked';"; } >&3
  said=
  # Who has ended says nothing, and what was said is looked at.
  read -r said <&4 || true
  [ "$said" != locked ] || break
  exec 3>&- 4<&-
  tries=$((tries + 1))
  if [ "$tries" = 30 ] || ! grep -q 'ERROR 1205' error-lock; then failed lock; fi
  rm ask-lock answer-lock
  sleep 1
done

open count
exec 5>ask-count 6<answer-count
echo "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT 'begun';" >&5
said=
# As above.
read -r said <&6 || true
[ "$said" = begun ] || failed count

mkfifo progress
"$dump" --defaults-file=client.cnf --verbose --single-transaction --quick --routines --triggers --events \\
  --hex-blob --no-tablespaces $DUMP_OPTIONS --databases "$@" 2>progress 3>&- 4<&- 5>&- 6<&- &
dumping=$!
# It asks for tables once its transaction has begun: from then on others may write.
: >dump.log
locked=yes
while IFS= read -r line; do
  printf '%s\\n' "$line" >>dump.log
  case $locked$line in
    'yes-- Retrieving '*)
      echo 'UNLOCK TABLES;' >&3
      exec 3>&- 4<&-
      locked=
      ;;
  esac
done <progress
[ -z "$locked" ] || exec 3>&- 4<&-
if ! wait "$dumping"; then
  # A log of progress alone has nothing to say (1).
  grep -v '^-- ' dump.log >&2 || true
  exit 1
fi

ask client.cnf <rows.sql >rows
[ -z "$DATABASE" ] || cat use.sql >&5
{ cat rows objects.sql; echo "SELECT 'counted';"; } >&5
: >about/facts
said=
while IFS= read -r said <&6 && [ "$said" != counted ]; do printf '%s\\n' "$said" >>about/facts; done
[ "$said" = counted ] || failed count
# The answer has as many lines as it likes: it ends with the session.
cat query.sql >&5
exec 5>&-
cat <&6 >about/query
[ ! -s error-count ] || failed count
`;

/** Starts the server of the image, empty and heard by nobody else, fills it and counts. */
export const VERIFY = `set -eu
umask 077
job=$PWD
. ./programs.sh
"$dump" --version >out/version
# The image leaves root where it begins, and that user may not pass the folder of the job.
(cd / && exec docker-entrypoint.sh "$server" --bind-address=127.0.0.1 --port=3306 --socket="$SOCKET" --event-scheduler=OFF \\
  --max-allowed-packet=1G --innodb-flush-log-at-trx-commit=0 --skip-log-bin >"$job/server.log" 2>&1) &
running=$!
# While it is prepared, it answers on the socket alone. To be refused is an answer.
until "$admin" --no-defaults --protocol=tcp --host=127.0.0.1 ping >/dev/null 2>&1; do
  if ! kill -0 "$running" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.2
done
mkfifo dump
"$@" dump "$SNAPSHOT" "$DATA_PATH" >dump &
reader=$!
if ! ask root.cnf --binary-mode <dump >/dev/null; then
  # It has ended, or is ended here: either way that says less than the line below.
  kill "$reader" 2>/dev/null || true
  wait "$reader" || true
  echo 'the dump cannot be read back: what the repository gave is not the whole of it, or does not fit' >&2
  exit 1
fi
wait "$reader"
ask root.cnf <rows.sql >rows
cat rows objects.sql | ask root.cnf >out/facts
: >out/query
[ -z "$DATABASE" ] || cat use.sql query.sql | ask root.cnf >out/query
kill "$running"
# Its work is done and looked at; what it ends with, being told to, says nothing.
wait "$running" || true
`;
