/*
 * What is run in the image of a Redis. The texts are fixed: what differs comes by variables and files. `"$@"` is restic with
 * the options of the target.
 */

/** Valkey has the programs of Redis under names of its own, and not all of its images have the others. */
const PROGRAMS = `cli=redis-cli check=redis-check-rdb server=redis-server
command -v "$cli" >/dev/null || { cli=valkey-cli check=valkey-check-rdb server=valkey-server; }
`;

/**
 * Has the server write its data as a file, which the program of the image then reads to its end and counts: what keys expire
 * by themselves may be fewer after a restore, the others may not. A password is in the variable of the client alone.
 */
export const DUMP = `set -eu
umask 077
${PROGRAMS}
if [ -s redis-password ]; then
  REDISCLI_AUTH=$(cat redis-password)
  export REDISCLI_AUTH
fi
mkdir about
cp about.json about
"$cli" --version >out/version
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" --rdb dump.rdb >dump.log
"$check" dump.rdb >about/facts
cp about/facts out/facts
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- cat dump.rdb >out/data.json
"$@" version --json >out/restic.json
`;

/**
 * Starts the server of the image on the restored file, heard by nobody else. It is told not to keep a log of changes: with
 * one, it reads that instead of the file, and comes up empty.
 */
export const VERIFY = `set -eu
umask 077
${PROGRAMS}
"$cli" --version >out/version
"$@" dump "$SNAPSHOT" "$DATA_PATH" >/data/dump.rdb
"$check" /data/dump.rdb >check.log || { tail -n 5 check.log >&2; exit 1; }
job=$PWD
# The image's own way to start, where it has one, knows which user the server is.
entrypoint=$(command -v docker-entrypoint.sh || true)
(cd /data && exec $entrypoint "$server" --dir /data --dbfilename dump.rdb --appendonly no --save '' \\
  --bind 127.0.0.1 --port "$REDIS_PORT" --daemonize no >"$job/server.log" 2>&1) &
server=$!
until [ "$("$cli" -h 127.0.0.1 -p "$REDIS_PORT" ping 2>/dev/null)" = PONG ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.1
done
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" info keyspace >out/keyspace
# It ends without an answer, which its client takes for a failure.
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" shutdown nosave 2>/dev/null || true
wait "$server" || true
`;
