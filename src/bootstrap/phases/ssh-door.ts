import { type Phase, TRIAL_SECONDS } from '../phase.ts';

/** sshDoor lets nobody in by a password, and nobody as root. It is a door. Pure. */
export function sshDoor(): Phase {
  return { name: 'ssh', args: [String(TRIAL_SECONDS)], script: SCRIPT, isDoor: true };
}

// The first value that sshd reads counts: the file comes before those of images, and before what sshd_config says itself.
const SCRIPT = `seconds=$1
file=/etc/ssh/sshd_config.d/00-switchyard.conf
text='# Of Switchyard: keys alone, and nobody as root.
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no'
hardened() {
  mkdir -p /run/sshd
  # As somebody from anywhere would meet it.
  said=$(sshd -T -C user=root,host=any,addr=203.0.113.1)
  for line in 'passwordauthentication no' 'kbdinteractiveauthentication no' 'permitrootlogin no'; do
    printf '%s\\n' "$said" | grep -qx "$line" || return 1
  done
}
reload='systemctl try-reload-or-restart ssh.service'
trial_mode ssh
if ! hardened || on_trial ssh; then
  if lacks 'SSH by keys alone, and not as root'; then
    undo_trial ssh
    mkdir -p "$trials"
    cp -p /etc/ssh/sshd_config "$trials/sshd_config"
    begin_trial ssh "$seconds" "rm -f $file
cp -p $trials/sshd_config /etc/ssh/sshd_config
$reload"
    put "$file" "$text"
    if ! grep -qiE '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\\.d/\\*\\.conf' /etc/ssh/sshd_config; then
      put /etc/ssh/sshd_config "Include /etc/ssh/sshd_config.d/*.conf
$(cat /etc/ssh/sshd_config)"
    fi
    if ! sshd -t || ! hardened; then
      undo_trial ssh
      echo 'a Match block of sshd_config, or another program, lets people in by a password or as root' >&2
      exit 1
    fi
    $reload
  fi
fi
`;
