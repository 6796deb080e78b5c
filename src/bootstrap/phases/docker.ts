import type { Phase } from '../phase.ts';

/**
 * docker installs Docker of the distribution where a server has none, with limits for its logs, and so that an upgrade of the
 * engine stops no container. An engine that is there is left as it is, whoever it is from. Pure.
 */
export function docker(): Phase {
  return { name: 'docker', args: [JSON.stringify(DAEMON)], script: SCRIPT };
}

const DAEMON = {
  'live-restore': true,
  'log-driver': 'json-file',
  'log-opts': { 'max-size': '10m', 'max-file': '3' },
};

const SCRIPT = `file=/etc/docker/daemon.json
if ! has dockerd; then
  if [ ! -e "$file" ]; then
    if lacks 'limits for the logs of containers'; then put "$file" "$1"; fi
  fi
  if lacks 'Docker'; then
    update_lists
    # From Debian 13 on the client is a package of its own.
    install docker.io iptables $(apt-cache --names-only search '^docker-cli$' | cut -d' ' -f1)
  fi
elif ! holds "$file" "$1"; then
  grep -qs max-size "$file" || left "the settings of the Docker that is there, which set no limits for logs ($file)"
fi
if has dockerd; then
  running() { [ -S /var/run/docker.sock ] && systemctl is-active --quiet docker; }
  if ! running; then
    if lacks 'a Docker that runs'; then
      systemctl enable --now docker
      tries=0
      until [ -S /var/run/docker.sock ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ]
        sleep 1
      done
    fi
  elif has docker; then
    names=$(docker ps --format '{{.Names}}')
    # That there are no others is fine (1).
    others=$(printf '%s\\n' "$names" | grep -v '^switchyard_') || [ $? = 1 ]
    [ -z "$others" ] || left "containers that run already: $(printf '%s' "$others" | tr '\\n' ' ')"
  fi
fi
`;
