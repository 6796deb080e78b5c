import type { OpenPort } from '../../model/bootstrap.ts';
import { type Phase, TRIAL_SECONDS } from '../phase.ts';

/** What a firewall lets through. */
export interface OpenTo {
  /** The port of sshd. */
  sshPort: number;
  /** What the world reaches beside it. */
  ports: readonly OpenPort[];
  /** Addresses that reach everything: the other servers of the zone. */
  neighbours: readonly string[];
}

/**
 * firewallDoor closes all ports but these, also those that Docker publishes. It is a door, and a table of nftables of its own: what others
 * have in theirs stays, and what they drop stays dropped. Pure.
 */
export function firewallDoor(open: OpenTo): Phase {
  return { name: 'firewall', args: [String(TRIAL_SECONDS), rulesOf(open)], script: SCRIPT, isDoor: true };
}

/**
 * rulesOf returns the rules as nft reads them, in one line. A new connection from outside ends here unless it is to an open port. What
 * Docker publishes was sent on to a container before the rules see it, so they look at the port that was asked for first. Pure.
 */
export function rulesOf({ sshPort, ports, neighbours }: OpenTo): string {
  const tcp = [sshPort, 80, 443, ...numbersOf(ports, 'tcp')];
  // 443 is HTTP/3, 68 and 546 are the answers of DHCP.
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
  const chain = (hook: string, rules: string[]) =>
    `chain ${hook} { type filter hook ${hook} priority -10; policy accept; ${rules.join('; ')}; }`;
  return `table inet switchyard { ${chain('input', input)}; ${chain('forward', forward)}; }`;
}

function numbersOf(ports: readonly OpenPort[], protocol: 'tcp' | 'udp'): number[] {
  return ports.filter((port) => port.endsWith(`/${protocol}`)).map((port) => Number.parseInt(port, 10));
}

function setOf(members: readonly (number | string)[]): string {
  return `{ ${[...new Set(members)].join(', ')} }`;
}

// The first two lines make it the same whether a table is there or not, and nft reads all of it in one step.
const SCRIPT = `seconds=$1
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
