"use strict";
exports.id = 119;
exports.ids = [119];
exports.modules = {
  1119:
  ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {
__webpack_require__.d(__webpack_exports__, {
  inspectServer: () => (  inspectServer),
  setUpServer: () => (  setUpServer)
});
var clock = __webpack_require__(9888);
var errors = __webpack_require__(6454);
var explain = __webpack_require__(2877);
;
const SUPPORTED = {
	debian: ['12', '13'],
	ubuntu: ['22.04', '24.04', '26.04'],
};
function checkDistribution(server, distribution) {
	const [id = '', version = ''] = (distribution ?? '').split(' ');
	if (Object.hasOwn(SUPPORTED, id) && SUPPORTED[id].includes(version))
		return;
	throw new errors .yo(`${server}: ${[id, version].join(' ').trim() || 'a system without /etc/os-release'} cannot be set up`, {
		hint: 'Servers are set up on Debian 12 and 13, and on Ubuntu 22.04, 24.04 and 26.04. Any other Linux does as well with Docker and a user in the group docker that are there already: leave "bootstrap" out.',
	});
}
var connection = __webpack_require__(1364);
;
const BECOMES_ROOT = '[ "$(id -u)" = 0 ] || sudo -n true';
async function logIn(spec, login, privateKey) {
	const asDeploy = await login_open(spec, spec.user, privateKey);
	if (asDeploy !== undefined) {
		if (await mayBecomeRoot(asDeploy))
			return { ssh: asDeploy, user: spec.user };
		await asDeploy.close();
	}
	const first = await login_open(spec, login, privateKey);
	if (first === undefined) {
		throw new errors .yo(`${spec.name}: neither ${spec.user} nor ${login} is let in with the SSH key`, {
			hint: `Add the public half of ssh-private-key to ~/.ssh/authorized_keys of ${login} on that server, or name who may log in as bootstrap.login.`,
		});
	}
	if (await mayBecomeRoot(first))
		return { ssh: first, user: login };
	await first.close();
	throw new errors .yo(`${spec.name}: ${login} is let in, and may not become root`, {
		hint: 'Name one as bootstrap.login that is root, or may use sudo without a password.',
	});
}
async function openDeploy(spec, privateKey) {
	const ssh = await connection .T.open(targetOf(spec, spec.user), privateKey);
	try {
		const { code, stdout } = await ssh.run(`id -nG; ${BECOMES_ROOT}`);
		if (code === 0 && stdout.trim().split(/\s+/).includes('docker'))
			return ssh;
		throw new errors .yo(`${spec.name}: ${spec.user} comes in, and may not become root or use Docker`, {
			hint: 'Something on the server takes the rights away that it was given: look at /etc/sudoers and /etc/sudoers.d.',
		});
	}
	catch (error) {
		await ssh.close();
		throw error;
	}
}
async function login_open(spec, user, privateKey) {
	try {
		return await connection .T.open(targetOf(spec, user), privateKey);
	}
	catch (error) {
		if ((0,explain .yM)(error))
			return undefined;
		throw error;
	}
}
async function mayBecomeRoot(ssh) {
	return (await ssh.run(BECOMES_ROOT)).code === 0;
}
function targetOf({ name, host, port, hostKeys, jump }, user) {
	return { name, host, port, user, hostKeys, ...(jump && { jump }) };
}
;
const TRIAL_SECONDS = 60;
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
function textOf({ script }) {
	return FRAME + script;
}
;
function system() {
	return { name: 'system', args: [], script: SCRIPT };
}
const SCRIPT = `[ -r /etc/os-release ] && . /etc/os-release
fact distribution "\${ID:-unknown} \${VERSION_ID:-unknown}"
! has_systemd || fact systemd yes
`;
;
function docker() {
	return { name: 'docker', args: [JSON.stringify(DAEMON)], script: docker_SCRIPT };
}
const DAEMON = {
	'live-restore': true,
	'log-driver': 'json-file',
	'log-opts': { 'max-size': '10m', 'max-file': '3' },
};
const docker_SCRIPT = `file=/etc/docker/daemon.json
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
;
function firewallDoor(open) {
	return { name: 'firewall', args: [String(TRIAL_SECONDS), rulesOf(open)], script: firewall_door_SCRIPT, isDoor: true };
}
function rulesOf({ sshPort, ports, neighbours }) {
	const tcp = [sshPort, 80, 443, ...numbersOf(ports, 'tcp')];
	const udp = [443, 68, 546, ...numbersOf(ports, 'udp')];
	const four = neighbours.filter((address) => !address.includes(':'));
	const six = neighbours.filter((address) => address.includes(':'));
	const within = [
		'ct state established,related accept',
		'iifname "lo" accept',
		'iifname "docker0" accept',
		'iifname "docker_gwbridge" accept',
		'iifname "br-*" accept',
		...(four.length > 0 ? [`ip saddr ${setOf(four)} accept`] : []),
		...(six.length > 0 ? [`ip6 saddr ${setOf(six)} accept`] : []),
	];
	const input = [
		...within,
		`tcp dport ${setOf(tcp)} accept`,
		`udp dport ${setOf(udp)} accept`,
		'meta l4proto { tcp, udp, sctp, dccp } drop',
	];
	const forward = [
		...within,
		`ct status dnat meta l4proto tcp ct original proto-dst ${setOf(tcp)} accept`,
		`ct status dnat meta l4proto udp ct original proto-dst ${setOf(udp)} accept`,
		'ct status dnat drop',
		'oifname "docker0" drop',
		'oifname "docker_gwbridge" drop',
		'oifname "br-*" drop',
	];
	const chain = (hook, rules) => `chain ${hook} { type filter hook ${hook} priority -10; policy accept; ${rules.join('; ')}; }`;
	return `table inet switchyard { ${chain('input', input)}; ${chain('forward', forward)}; }`;
}
function numbersOf(ports, protocol) {
	return ports.filter((port) => port.endsWith(`/${protocol}`)).map((port) => Number.parseInt(port, 10));
}
function setOf(members) {
	return `{ ${[...new Set(members)].join(', ')} }`;
}
const firewall_door_SCRIPT = `seconds=$1
rules="table inet switchyard
delete table inet switchyard
$2"
file=/etc/switchyard/firewall.nft
unit=/etc/systemd/system/switchyard-firewall.service
service='[Unit]
Description=The firewall of Switchyard
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/switchyard/firewall.nft

[Install]
WantedBy=sysinit.target'
if [ "$mode" = confirm ]; then
  # Only what was confirmed comes back with the server.
  put "$file" "$rules"
  put "$unit" "$service"
  systemctl daemon-reload
  systemctl enable --now switchyard-firewall.service
fi
trial_mode firewall
stands() {
  has nft && holds "$file" "$rules" && holds "$unit" "$service" && nft list table inet switchyard >/dev/null &&
    systemctl is-enabled --quiet switchyard-firewall.service
}
if has docker && [ ! -e "$file" ]; then
  # A look may find a Docker that does not run, which its own phase tells. Before anything is closed it has to answer.
  ids=$(docker ps --quiet --no-trunc) || [ "$mode" != apply ]
  # Names of others, and the ports of theirs that the world reaches.
  [ -z "$ids" ] || fact published "$(docker inspect --format '{{$name := .Name}}{{range $port, $all := .NetworkSettings.Ports}}{{range $all}}{{$name}} {{.HostIp}} {{.HostPort}} {{$port}}{{"\\n"}}{{end}}{{end}}' $ids |
    awk '$1 !~ /^\\/switchyard_/ && $2 !~ /^(127\\.|::1$)/ && NF == 4 { split($4, port, "/"); print $3 "/" port[2] }' | sort -u | tr '\\n' ' ')"
fi
if ! stands || on_trial firewall; then
  if lacks 'a firewall that closes all ports but those that are named'; then
    has nft || install nftables
    undo_trial firewall
    before='nft delete table inet switchyard'
    # An older one of ours comes back.
    [ ! -e "$file" ] || before="nft -f $file"
    begin_trial firewall "$seconds" "$before"
    printf '%s\\n' "$rules" | nft -f -
  fi
fi
`;
;
function sshDoor() {
	return { name: 'ssh', args: [String(TRIAL_SECONDS)], script: ssh_door_SCRIPT, isDoor: true };
}
const ssh_door_SCRIPT = `seconds=$1
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
;
function updates() {
	return { name: 'updates', args: [], script: UPDATES };
}
function swap(bytes) {
	return { name: 'swap', args: [String(bytes)], script: SWAP };
}
function time() {
	return { name: 'time', args: [], script: TIME };
}
function logs() {
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
;
function user(name, keys) {
	return { name: 'user', args: [name, ...keys], script: user_SCRIPT };
}
const user_SCRIPT = `name=$1
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
;
function phasesOf(recipe) {
	const { sshPort, openPorts: ports, neighbours } = recipe;
	return [
		docker(),
		user(recipe.user, recipe.keys),
		updates(),
		swap(recipe.swapBytes),
		time(),
		logs(),
		sshDoor(),
		firewallDoor({ sshPort, ports, neighbours }),
	];
}
;
const READER = 'IFS= read -r size; script=$(head -c "$size"); set --; while IFS= read -r line; do case $line in =*) set -- "$@" "${line#=}";; *) break;; esac; done; exec /bin/sh -c "$script" switchyard "$@"';
const LINE = `if [ "$(id -u)" = 0 ]; then exec /bin/sh -c '${READER}'; else exec sudo -n /bin/sh -c '${READER}'; fi`;
async function runPhase(shell, phase, mode) {
	const { code, stdout, stderr } = await shell.run(LINE, inputOf(phase, mode));
	if (code === 0)
		return readSaid(stdout);
	if (/^sudo: /m.test(stderr)) {
		throw new errors .yo(`${shell.name}: the user that logs in may not become root (${lastLine(stderr)})`, {
			hint: 'Name one as bootstrap.login that is root, or may use sudo without a password.',
		});
	}
	throw new errors .yo(`${shell.name}: the phase ${phase.name} failed: ${lastLine(stderr)}`, {
		hint: 'What was done stays, and the next run goes on from there. The last lines of the log above say what went wrong.',
		cause: new Error(stderr.slice(-4000)),
	});
}
function inputOf(phase, mode) {
	const script = textOf(phase);
	const args = [mode, ...phase.args];
	const wrong = args.find((arg) => arg.includes('\n'));
	if (wrong !== undefined)
		throw new Error(`an argument of the phase ${phase.name} has several lines: ${wrong}`);
	return `${Buffer.byteLength(script)}\n${script}${args.map((arg) => `=${arg}\n`).join('')}.\n`;
}
function readSaid(stdout) {
	const said = { lacks: [], left: [], facts: {} };
	for (const line of stdout.split('\n')) {
		const [, word, rest = ''] = /^(lacks|left|fact) (.*)$/.exec(line) ?? [];
		if (word === 'lacks' || word === 'left')
			said[word].push(rest.trim());
		if (word === 'fact') {
			const [name = '', ...value] = rest.split(' ');
			said.facts[name] = value.join(' ');
		}
	}
	return said;
}
function lastLine(text) {
	return text.trim().split('\n').at(-1) || 'it says nothing';
}
;
const RELOAD_MS = 20_000;
const RELOAD_POLL_MS = 200;
async function inspectServer(server) {
	return await within(server, async (ssh, report) => {
		for (const phase of phasesOf(server.recipe)) {
			const said = await runPhase(shellOf(server, ssh), phase, 'look');
			add(report, phase, said);
			for (const port of closedBy(server, said)) {
				report.lacks.push({
					phase: phase.name,
					what: `a word on ${port}, which another container publishes`,
				});
			}
		}
	});
}
async function setUpServer(server, log) {
	const { spec, privateKey } = server;
	return await within(server, async (ssh, report) => {
		const phases = phasesOf(server.recipe);
		for (const door of phases.filter(({ isDoor }) => isDoor)) {
			checkPublished(server, await runPhase(shellOf(server, ssh), door, 'look'));
		}
		for (const phase of phases.filter(({ isDoor }) => !isDoor)) {
			add(report, phase, await run(phase));
		}
		const deploy = await openDeploy(spec, privateKey);
		await deploy.close();
		for (const door of phases.filter(({ isDoor }) => isDoor)) {
			const said = await run(door);
			if (said.lacks.length > 0)
				await goThrough(server, door, ssh);
			add(report, door, said);
		}
		async function run(phase) {
			const said = await runPhase(shellOf(server, ssh), phase, 'apply');
			for (const what of said.lacks)
				log.info(`${spec.name}: ${phase.name}: ${what}`);
			return said;
		}
	});
}
function checkPublished(server, said) {
	const ports = closedBy(server, said);
	if (ports.length === 0)
		return;
	throw new errors .yo(`${server.spec.name}: other containers publish ${ports.join(', ')} there, which the firewall would close`, {
		hint: 'Name what shall stay open in bootstrap.open_ports, for example "open_ports: [8080]"; an empty list closes all of it.',
	});
}
function closedBy({ mayClose, recipe }, { facts }) {
	const published = (facts.published ?? '').split(' ').filter((port) => port !== '');
	const open = ['80/tcp', '443/tcp', '443/udp', ...recipe.openPorts];
	return mayClose ? [] : published.filter((port) => !open.includes(port));
}
async function openThrough(spec, privateKey) {
	const open = async () => await openDeploy(spec, privateKey);
	const opened = await (0,clock .wt)(clock .ml, { everyMs: RELOAD_POLL_MS, timeoutMs: RELOAD_MS }, () => open().catch((error) => {
		if ((0,explain .Xg)(error))
			return undefined;
		throw error;
	}));
	return opened ?? (await open());
}
async function goThrough({ spec, privateKey }, door, old) {
	try {
		const through = await openThrough(spec, privateKey);
		try {
			await runPhase(shellOf({ spec }, through), door, 'confirm');
		}
		finally {
			await through.close();
		}
	}
	catch (error) {
		await runPhase(shellOf({ spec }, old), door, 'undo').catch(() => undefined);
		throw new errors .yo(`${spec.name}: nobody came in after the phase ${door.name}, so it was undone (${(0,errors .bD)(error)})`, {
			hint: `Look at what else decides on the server who comes in: sshd_config, a firewall of others. Without a word from the run it would have been undone after ${TRIAL_SECONDS} s.`,
			cause: error,
		});
	}
}
async function within({ spec, login, privateKey }, work) {
	const { ssh, user } = await logIn(spec, login, privateKey);
	try {
		const { facts } = await runPhase(shellOf({ spec }, ssh), system(), 'look');
		checkDistribution(spec.name, facts.distribution);
		if (facts.systemd === undefined) {
			throw new errors .yo(`${spec.name}: systemd does not run there`, {
				hint: 'A container without it is no server that can be set up.',
			});
		}
		const report = { server: spec.name, distribution: facts.distribution, user, lacks: [], left: [] };
		await work(ssh, report);
		return report;
	}
	finally {
		await ssh.close();
	}
}
function shellOf({ spec }, ssh) {
	return { name: spec.name, run: (command, input) => ssh.run(command, input) };
}
function add(report, { name }, { lacks, left }) {
	report.lacks.push(...lacks.map((what) => ({ phase: name, what })));
	report.left.push(...left.map((what) => ({ phase: name, what })));
}
  })
};
;
