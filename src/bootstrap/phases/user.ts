import type { Phase } from '../phase.ts';

/** user makes the deploy user: in the group docker, opened by these keys alone, with sudo and without a password. Pure. */
export function user(name: string, keys: readonly string[]): Phase {
  return { name: 'user', args: [name, ...keys], script: SCRIPT };
}

// Whoever is in the group docker is root on the server already: sudo gives the user nothing new.
const SCRIPT = `name=$1
shift
if ! has sudo; then
  if lacks 'sudo'; then install sudo; fi
fi
if ! id "$name" >/dev/null 2>&1; then
  # '*' is a password that no input matches but, unlike '!', does not lock the account.
  if lacks "the user $name"; then useradd --create-home --shell /bin/bash --password '*' "$name"; fi
fi
if ! id -nG "$name" 2>/dev/null | tr ' ' '\\n' | grep -qx docker; then
  if lacks "$name in the group docker"; then usermod --append --groups docker "$name"; fi
fi
file=/etc/sudoers.d/90-switchyard
if ! holds "$file" "$name ALL=(ALL) NOPASSWD: ALL"; then
  if lacks "sudo for $name without a password"; then put "$file" "$name ALL=(ALL) NOPASSWD: ALL" 440; fi
fi
home=$(getent passwd "$name" | cut -d: -f6)
for key in "$@"; do
  # The comment at the end of a key says nothing.
  blob=$(printf '%s' "$key" | cut -d' ' -f1-2)
  if [ -z "$home" ] || ! grep -qsF "$blob" "$home/.ssh/authorized_keys"; then
    if lacks "a key of $name"; then
      mkdir -p "$home/.ssh"
      touch "$home/.ssh/authorized_keys"
      # A last line without its end would swallow the new one.
      [ -z "$(tail -c 1 "$home/.ssh/authorized_keys")" ] || echo >>"$home/.ssh/authorized_keys"
      printf '%s\\n' "$key" >>"$home/.ssh/authorized_keys"
      chmod 700 "$home/.ssh"
      chmod 600 "$home/.ssh/authorized_keys"
      chown -R "$name:" "$home/.ssh"
    fi
  fi
done
`;
