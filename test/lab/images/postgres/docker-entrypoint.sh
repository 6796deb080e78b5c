#!/bin/bash
# Prepares a new database the way that the documentation of the official image describes, then becomes the server.
set -Eeuo pipefail

# from_file takes a variable from the file that NAME_FILE names; both together are an error, as there.
from_file() {
  local name=$1 file_name=$1_FILE
  if [[ -n ${!name:-} && -n ${!file_name:-} ]]; then
    echo "error: both $name and $file_name are set (but are exclusive)" >&2
    exit 1
  fi
  local value=${!name:-${2:-}}
  if [[ -n ${!file_name:-} ]]; then value=$(<"${!file_name}"); fi
  export "$name=$value"
  unset "$file_name"
}

# run_sql reads statements, and stops at the first mistake.
run_sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" "$@"
}

# run_init_files runs what was put into the folder, in the order of its names.
run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "$0: running $file"
        # shellcheck disable=SC1090
        if [[ -x $file ]]; then "$file"; else . "$file"; fi
        ;;
      *.sql) echo "$0: running $file" && run_sql --dbname "$POSTGRES_DB" --file "$file" ;;
      *.sql.gz) echo "$0: running $file" && gunzip --stdout "$file" | run_sql --dbname "$POSTGRES_DB" ;;
      '/docker-entrypoint-initdb.d/*') ;;
      *) echo "$0: ignoring $file" ;;
    esac
  done
}

# prepare makes the cluster, its user and its database, with a server that listens on the socket alone.
prepare() {
  if [[ -z $POSTGRES_PASSWORD && $POSTGRES_HOST_AUTH_METHOD != trust ]]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    echo '       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.' >&2
    exit 1
  fi
  local arguments=()
  read -r -a arguments <<<"$POSTGRES_INITDB_ARGS"
  initdb --username "$POSTGRES_USER" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  pg_ctl --options "-c listen_addresses='' -p ${PGPORT:-5432}" --wait start
  export PGPASSWORD=$POSTGRES_PASSWORD
  if [[ $POSTGRES_DB != postgres ]]; then
    run_sql --dbname postgres --set "db=$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
  fi
  run_init_files
  pg_ctl --mode fast --wait stop
  unset PGPASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

if [[ ${1:0:1} == - ]]; then set -- postgres "$@"; fi

if [[ $1 == postgres && " $* " != *' --help '* && " $* " != *' --version '* ]]; then
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  export POSTGRES_HOST_AUTH_METHOD=${POSTGRES_HOST_AUTH_METHOD:-}
  mkdir -p "$PGDATA"
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    chmod 0700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
  fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
  elif [[ $PG_MAJOR -ge 18 && -s /var/lib/postgresql/data/PG_VERSION ]]; then
    echo "Error: in 18+, these Docker images are configured to store database data in a format which is compatible with pg_ctlcluster: there appears to be PostgreSQL data in /var/lib/postgresql/data (unused mount/volume)" >&2
    exit 1
  else
    prepare
  fi
fi

exec "$@"
