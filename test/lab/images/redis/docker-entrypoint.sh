#!/bin/sh
# Gives the data to the user that the server runs as, then becomes the server.
set -e

# Options alone, or a configuration alone, are for the server.
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . \! -user redis -exec chown redis '{}' +
  exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
fi

exec "$@"
