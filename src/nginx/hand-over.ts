import type { ContainerInspectResponse } from '@docker/node-sdk';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { handOverName, networkName, type Scope, SIDECAR_ALIAS, sidecarName } from '../model/names.ts';

const POLL_MS = 30;
/** A few calls of `ip`; the rest is a slow machine. */
const TIMEOUT_MS = 20_000;
const READY = 'it is done';

/**
 * The engine gives a name on a network to a container when it joins, and takes it when it leaves; and who leaves loses its
 * connections. The server's own `ip` makes both harmless, in the network namespace of a container of ours:
 *
 * `hold` has its names mean what they mean now, for as long as the engine moves it: DNS is unreachable, and nginx keeps
 * what it knows when nobody answers, but forgets it when somebody says that there is nothing. It ends by itself in the end.
 * Taking that back may fail where there is nothing to take back: the container has gone meanwhile, and its namespace with it.
 *
 * `keep` gives it a second way into the network, with the address and the hardware address of the first: when the
 * engine takes the first one away, with the name, nobody notices. The new way is there before the old one ends: a connection
 * begun without any is refused at once (ENETUNREACH). What its names mean stays as it is. An end of that way may
 * be left of a run that was cut off, and mostly none is: removing it may fail, and if it is still there, adding it fails next.
 */
const SCRIPT = `set -eu
inside() { nsenter -t "$process" -n "$@"; }
forget() { inside ip route replace prohibit 127.0.0.11/32 table local; }
remember() { inside ip route del prohibit 127.0.0.11/32 table local || true; }
what=$1
if [ "$what" = check ]; then
  nsenter -V >/dev/null
  ip -V >/dev/null
  echo '${READY}'
  exit 0
fi
process=$2
if [ "$what" = hold ]; then
  trap 'remember; exit 0' TERM INT
  forget
  echo '${READY}'
  sleep 30 &
  wait $!
  remember
  exit 0
fi
address=$3
set -- $(inside ip -4 -o addr show | grep -F " $address/")
link=$2
within=$4
if [ "$link" != kept0 ]; then
  about=$(inside ip -o link show dev "$link")
  number=$(echo "$about" | sed -n 's/^[0-9]*: [^@]*@if\\([0-9]*\\):.*/\\1/p')
  hardware=$(echo "$about" | sed -n 's/.*link\\/ether \\([0-9a-f:]*\\) .*/\\1/p')
  size=$(echo "$about" | sed -n 's/.* mtu \\([0-9]*\\) .*/\\1/p')
  bridge=$(ip -o link show | sed -n "s/^$number: .* master \\([^ ]*\\) .*/\\1/p")
  gateway=$(inside ip -4 route show default | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p')
  outside=swk$process
  ip link del "$outside" 2>/dev/null || true
  ip link add "$outside" mtu "$size" type veth peer name kept0 netns "/proc/$process/ns/net"
  ip link set "$outside" master "$bridge" up
  forget
  inside ip -batch - <<END
link set kept0 mtu $size address $hardware
addr add $within brd + dev kept0
link set kept0 up
route replace default via $gateway dev kept0
link set $link down
addr del $within dev $link
END
fi
echo '${READY}'
`;

/** A container of a sidecar, as the engine knows it. */
interface Named {
  id: string;
  name: string;
}

/** hasNames tells whether a container is found by the name of the sidecar. Pure. */
export function hasNames(scope: Scope, { NetworkSettings }: ContainerInspectResponse): boolean {
  return NetworkSettings?.Networks?.[networkName(scope)]?.Aliases?.includes(SIDECAR_ALIAS) ?? false;
}

/** checkHandOver throws a UserError when the name of a sidecar cannot be handed over on a server. It changes nothing. */
export async function checkHandOver(
  server: Server,
  scope: Scope,
  image: string,
  clock: Clock,
): Promise<void> {
  await end(server, await begin(server, scope, image, ['check'], clock));
}

/**
 * giveNames has a sidecar that stands in its network without a name answer to those of the sidecar, beside whoever has them
 * already. Nobody is connected to it yet. One that has them is left alone.
 */
export async function giveNames(
  server: Server,
  scope: Scope,
  { id }: Named,
  image: string,
  clock: Clock,
): Promise<void> {
  const { engine } = server;
  const network = networkName(scope);
  const found = await engine.inspectContainer(id);
  if (hasNames(scope, found)) return;
  const helper = await begin(server, scope, image, ['hold', String(found.State?.Pid ?? 0)], clock);
  try {
    await engine.leaveNetwork(network, id);
    await engine.joinNetwork(network, id, [SIDECAR_ALIAS, sidecarName(scope)]);
  } finally {
    await end(server, helper);
  }
}

/**
 * takeNames takes from a sidecar the names by which it is found, so that nobody connects to it any more who asks for them.
 * It keeps its address and all connections. One that has none any more is left alone.
 */
export async function takeNames(
  server: Server,
  scope: Scope,
  { id }: Named,
  image: string,
  clock: Clock,
): Promise<void> {
  const { engine } = server;
  const network = networkName(scope);
  const { State, NetworkSettings } = await engine.inspectContainer(id);
  const address = NetworkSettings?.Networks?.[network]?.IPAddress;
  if (!State?.Running || !address) return;
  const helper = await begin(server, scope, image, ['keep', String(State.Pid ?? 0), address], clock);
  await end(server, helper);
  await engine.leaveNetwork(network, id);
}

async function begin(
  server: Server,
  scope: Scope,
  image: string,
  command: string[],
  clock: Clock,
): Promise<string> {
  const { engine } = server;
  const name = handOverName(scope);
  // Of an earlier run that was cut off: asked to end, it takes back what it holds.
  await end(server, name);
  const id = await engine.createContainer(name, {
    Image: image,
    Entrypoint: ['chroot', '/host', '/bin/sh', '-c', SCRIPT, name],
    Cmd: command,
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    StopSignal: 'SIGTERM',
    Labels: {
      [LABEL.role]: 'helper',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
    },
    HostConfig: {
      NetworkMode: 'host',
      Binds: ['/:/host'],
      // What it takes to enter the network of another container, and to change it.
      CapAdd: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
      SecurityOpt: ['label=disable', 'apparmor=unconfined'],
      RestartPolicy: { Name: 'no' },
    },
  });
  await engine.startContainer(id);
  const found = await poll(clock, { everyMs: POLL_MS, timeoutMs: TIMEOUT_MS }, async () => {
    if ((await engine.logs(id, { tail: 5 })).stdout.includes(READY)) return 'ready';
    return (await engine.findContainer(id))?.State?.Running === true ? undefined : 'ended';
  });
  // What it has said last may have come with its end.
  const { stdout, stderr } = await engine.logs(id, { tail: 5 });
  if (found === 'ready' || stdout.includes(READY)) return id;
  await end(server, id);
  const words = `${stdout}${stderr}`.trim().split('\n').at(-1) || 'no answer';
  throw new UserError(`${server.name}: the name of the sidecar cannot be handed over: ${words}`, {
    hint: 'A sidecar is upgraded without a gap by "ip" and "nsenter" of the server (iproute2 and util-linux). Without them stop and remove it at a quiet time, and run again: it is made anew.',
  });
}

async function end({ engine }: Server, helper: string): Promise<void> {
  await engine.stopContainer(helper, TIMEOUT_MS / 1_000);
  await engine.removeContainer(helper);
}
