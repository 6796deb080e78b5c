import type { Phase } from '../phase.ts';

/** updates has a server install security updates by itself; it never restarts the server. Pure. */
export function updates(): Phase {
  return { name: 'updates', args: [], script: UPDATES };
}

/** swap gives a server without any a swap file of so many bytes; none for 0. Pure. */
export function swap(bytes: number): Phase {
  return { name: 'swap', args: [String(bytes)], script: SWAP };
}

/** time has a server keep its clock right, whatever program does it. Pure. */
export function time(): Phase {
  return { name: 'time', args: [], script: TIME };
}

/** logs bounds the journal of a server. Pure. */
export function logs(): Phase {
  return { name: 'logs', args: [], script: LOGS };
}

const UPDATES = `if ! is_installed unattended-upgrades; then
  if lacks 'unattended security updates'; then install unattended-upgrades; fi
fi
file=/etc/apt/apt.conf.d/60switchyard-upgrades
text='APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";'
settings=$(apt-config dump)
# It counts, and ends with 1 where there is none.
daily=$(printf '%s\\n' "$settings" | grep -c '^APT::Periodic::\\(Update-Package-Lists\\|Unattended-Upgrade\\) "1";') || [ $? = 1 ]
if [ "$daily" != 2 ]; then
  if lacks 'security updates every day'; then put "$file" "$text"; fi
fi
if [ -e /var/run/reboot-required ]; then left 'an update that waits for a restart of the server'; fi
`;

// A file that is mounted as swap stays when a run is cut off between the steps, and the next run goes on from there.
const SWAP = `bytes=$1
file=/swapfile
if [ "$bytes" = 0 ] || [ -n "$(swapon --show --noheadings)" ]; then
  exit 0
fi
if systemd-detect-virt --quiet --container; then
  left 'swap, which in a container is the affair of its host'
  exit 0
fi
if lacks 'swap'; then
  if [ "$(df --output=avail -B1 / | tail -n 1)" -lt $((bytes * 2)) ]; then
    echo "the disk has no room for $bytes bytes of swap: write a smaller bootstrap.swap" >&2
    exit 1
  fi
  # The file system may be one whose holes cannot be swapped to, so every byte is written.
  rm -f "$file"
  (umask 077 && head -c "$bytes" /dev/zero >"$file")
  mkswap -q "$file"
  swapon "$file"
  grep -q "^$file " /etc/fstab || printf '%s none swap sw 0 0\\n' "$file" >>/etc/fstab
fi
`;

const TIME = `keeper() {
  for package in systemd-timesyncd chrony ntpsec ntp openntpd; do
    if is_installed "$package"; then return 0; fi
  done
  return 1
}
if ! keeper; then
  if lacks 'a clock that is kept right'; then install systemd-timesyncd; fi
elif is_installed systemd-timesyncd && ! systemctl is-enabled --quiet systemd-timesyncd; then
  if lacks 'a clock that is kept right'; then systemctl enable --now systemd-timesyncd; fi
fi
`;

const LOGS = `file=/etc/systemd/journald.conf.d/60-switchyard.conf
text='[Journal]
SystemMaxUse=500M'
# Whoever has set another limit has had a reason.
if ! grep -qsE '^ *SystemMaxUse=' /etc/systemd/journald.conf /etc/systemd/journald.conf.d/*.conf; then
  if lacks 'a limit for the journal'; then
    put "$file" "$text"
    systemctl try-restart systemd-journald
  fi
fi
`;
