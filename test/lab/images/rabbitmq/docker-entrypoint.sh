#!/bin/bash
# Gives the data to the user that the node runs as, then becomes the node.
set -euo pipefail

case $1 in
  rabbitmq*)
    if [[ $(id -u) == 0 ]]; then
      if [[ $1 == rabbitmq-server ]]; then
        find "$RABBITMQ_DATA_DIR" \! -user rabbitmq -exec chown rabbitmq '{}' +
      fi
      exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$0" "$@"
    fi
    ;;
esac

exec "$@"
