#!/bin/bash
# Prepares a new database the way that the documentation of the official image describes, then becomes the server.
set -Eeuo pipefail

SOCKET=/run/mysqld/mysqld.sock
DATA=/var/lib/mysql

# from_file takes a variable from the file that NAME_FILE names; both together are an error, as there.
from_file() {
  local name=$1 file_name=$1_FILE
  if [[ -n ${!name:-} && -n ${!file_name:-} ]]; then
    echo "[ERROR] [Entrypoint]: Both $name and $file_name are set (but are exclusive)" >&2
    exit 1
  fi
  local value=${!name:-${2:-}}
  if [[ -n ${!file_name:-} ]]; then value=$(<"${!file_name}"); fi
  export "$name=$value"
  unset "$file_name"
}

# quoted makes a literal of a text.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}

# run_sql reads statements as root, whose password is there once it has been set.
run_sql() {
  MYSQL_PWD=${ROOT_NOW:-} mariadb --protocol socket --socket "$SOCKET" --user root --comments "$@"
}

start_for_preparation() {
  mariadbd --skip-networking --socket "$SOCKET" --loose-innodb_buffer_pool_load_at_startup=0 &
  TEMPORARY=$!
  until mariadb-admin --socket "$SOCKET" ping &>/dev/null; do
    kill -0 "$TEMPORARY"
    sleep 0.2
  done
}

stop_after_preparation() {
  kill "$TEMPORARY"
  wait "$TEMPORARY"
}

# run_init_files runs what was put into the folder, in the order of its names.
run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        # shellcheck disable=SC1090
        if [[ -x $file ]]; then "$file"; else . "$file"; fi
        ;;
      *.sql) run_sql --database "$MARIADB_DATABASE" <"$file" ;;
      *.sql.gz) gunzip --stdout "$file" | run_sql --database "$MARIADB_DATABASE" ;;
    esac
  done
}

# prepare makes the database and its users, with a server that listens on the socket alone.
prepare() {
  if [[ -z $MARIADB_ROOT_PASSWORD ]]; then
    echo '[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified' >&2
    exit 1
  fi
  mariadb-install-db --datadir "$DATA" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null
  start_for_preparation
  local password
  password=$(quoted "$MARIADB_ROOT_PASSWORD")
  {
    echo "SET @@SESSION.SQL_LOG_BIN=0;"
    echo "SET PASSWORD FOR 'root'@'localhost' = PASSWORD($password);"
    if [[ $MARIADB_ROOT_HOST != localhost ]]; then
      echo "CREATE USER 'root'@$(quoted "$MARIADB_ROOT_HOST") IDENTIFIED BY $password;"
      echo "GRANT ALL ON *.* TO 'root'@$(quoted "$MARIADB_ROOT_HOST") WITH GRANT OPTION;"
    fi
    if [[ -n $MARIADB_DATABASE ]]; then echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"; fi
    if [[ -n $MARIADB_USER && -n $MARIADB_PASSWORD ]]; then
      echo "CREATE USER $(quoted "$MARIADB_USER")@'%' IDENTIFIED BY $(quoted "$MARIADB_PASSWORD");"
      if [[ -n $MARIADB_DATABASE ]]; then
        echo "GRANT ALL ON \`${MARIADB_DATABASE//_/\\_}\`.* TO $(quoted "$MARIADB_USER")@'%';"
      fi
    fi
  } | run_sql
  ROOT_NOW=$MARIADB_ROOT_PASSWORD
  run_init_files
  stop_after_preparation
  echo '[Note] [Entrypoint]: MariaDB init process done. Ready for start up.'
}

if [[ ${1:0:1} == - ]]; then set -- mariadbd "$@"; fi

if [[ $1 == mariadbd || $1 == mysqld ]]; then
  from_file MARIADB_ROOT_HOST '%'
  from_file MARIADB_ROOT_PASSWORD
  from_file MARIADB_DATABASE
  from_file MARIADB_USER
  from_file MARIADB_PASSWORD
  if [[ $(id -u) == 0 ]]; then
    find "$DATA" /run/mysqld \! -user mysql -exec chown mysql: '{}' +
    exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
  fi
  if [[ ! -d $DATA/mysql ]]; then prepare; fi
  unset MARIADB_ROOT_PASSWORD MARIADB_PASSWORD
fi

exec "$@"
