/**
 * A phase of setting a server up: one script that looks first, and acts only where something is missing. It is data, so that
 * the same phases go over SSH, and into what a new server of a provider reads at its first start.
 */
export interface Phase {
  /** One word, by which it is known in the log. */
  name: string;
  /** Its own lines; FRAME comes before them. */
  script: string;
  /** What it is given, after the mode. Nothing of it is secret: arguments are seen by all users of a server. */
  args: readonly string[];
  /**
   * A door is a phase that could lock everybody out. What it does is undone by the server itself after a while, unless it is
   * confirmed by a connection that came in through the new door.
   */
  isDoor?: true;
}

/** What a script is to do: to look, to act where something is missing, and of a door to keep what was done, or to undo it. */
export type Mode = 'look' | 'apply' | 'confirm' | 'undo';

/** How long a door stays on trial, in seconds, before the server undoes it by itself. */
export const TRIAL_SECONDS = 60;

/**
 * What all scripts begin with. `lacks` says what is missing and tells whether to do something about it; `left` says what was
 * found and is left alone; `fact` says what the run decides by. All that programs print goes to stderr.
 */
const FRAME = `set -eu
exec 3>&1 1>&2
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mode=$1
shift
state=/var/lib/switchyard
lacks() { printf 'lacks %s\\n' "$1" >&3; [ "$mode" = apply ]; }
left() { printf 'left %s\\n' "$1" >&3; }
fact() { printf 'fact %s %s\\n' "$1" "$2" >&3; }
has() { command -v "$1" >/dev/null 2>&1; }
is_installed() { [ "$(dpkg-query -W -f '\${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]; }
has_systemd() { [ -d /run/systemd/system ]; }
holds() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }
# put FILE TEXT [MODE]: in one step, so that nobody ever reads half of it. No program reads a file whose name begins with a dot in the
# folders that are written to, so what a full disk leaves behind does nothing.
put() {
  mkdir -p "\${1%/*}"
  beside=$(mktemp "\${1%/*}/.switchyard-XXXXXX")
  printf '%s\\n' "$2" >"$beside"
  chmod "\${3:-644}" "$beside"
  mv -f "$beside" "$1"
}
apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o APT::Install-Recommends=false -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
# Lists that were fetched in this hour are good enough for every phase.
update_lists() {
  [ -n "$(find "$state/lists" -mmin -60 2>/dev/null)" ] || apt update
  mkdir -p "$state"
  touch "$state/lists"
}
install() {
  # A run that was cut off while dpkg was at work leaves packages half set up.
  [ -z "$(dpkg --audit)" ] || dpkg --configure -a --force-confdef --force-confold
  update_lists
  apt install "$@"
}
trials=/run/switchyard
on_trial() { [ -e "$trials/$1" ]; }
# begin_trial NAME SECONDS COMMANDS: the server runs the commands after that time, unless the trial ended before. A restart of the
# server ends it as well.
begin_trial() {
  mkdir -p "$trials"
  printf '%s\\nrm -f %s\\n' "$3" "$trials/$1" >"$trials/$1"
  # Only one that has failed before is known here; where it cannot be forgotten, systemd-run says so.
  systemctl reset-failed "switchyard-undo-$1.service" 2>/dev/null || true
  systemd-run --quiet --unit="switchyard-undo-$1" --on-active="\${2}s" --timer-property=AccuracySec=1s /bin/sh "$trials/$1"
}
end_trial() {
  # A timer that has run out is gone; one that could not be stopped finds nothing to run.
  systemctl stop "switchyard-undo-$1.timer" 2>/dev/null || true
  rm -f "$trials/$1"
}
undo_trial() {
  on_trial "$1" || return 0
  # Undone twice is undone all the same.
  systemctl stop "switchyard-undo-$1.timer" 2>/dev/null || true
  sh "$trials/$1"
}
# trial_mode NAME: what a door does when its trial ends.
trial_mode() {
  case $mode in
    confirm)
      end_trial "$1"
      exit 0
      ;;
    undo)
      undo_trial "$1"
      exit 0
      ;;
  esac
}
`;

/** textOf returns the whole text of a phase's script. Pure. */
export function textOf({ script }: Pick<Phase, 'script'>): string {
  return FRAME + script;
}
