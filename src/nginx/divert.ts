import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { EDGE_DIVERT_NAME } from '../model/names.ts';
import type { EdgePort } from '../model/spec.ts';
import type { NginxInstance } from './instance.ts';

const POLL_MS = 50;
/** iptables waits for its lock when others change rules; the rest is a slow machine. */
const TIMEOUT_MS = 20_000;
const READY = 'new connections are diverted';

/**
 * The server's own iptables do it: only they are sure to fit its kernel and Docker's rules. New connections to the
 * ports go to the bridge; those that are open stay with the front, since the kernel remembers where each one went.
 * The container has to live as long as the rules: when the engine stops it, or the bridge ends, they go, and the
 * front has its connections again. Arguments: the bridge's address and process, and the ports with their protocols.
 */
const SCRIPT = `set -eu
mark=switchyard-edge
clear() {
  for chain in 'nat PREROUTING' 'nat OUTPUT' 'filter DOCKER-USER'; do
    set -- $chain
    iptables -w -t "$1" -S "$2" | grep -F -e "--comment $mark " | sed 's/^-A/-D/' | while read -r rule; do
      iptables -w -t "$1" $rule
    done
  done
}
iptables -w -t nat -S OUTPUT >/dev/null
iptables -w -S DOCKER-USER >/dev/null
clear
[ "$#" -gt 0 ] || exit 0
address=$1
process=$2
shift 2
trap 'clear; exit 0' TERM INT
for door in "$@"; do
  port=\${door%/*}
  protocol=\${door#*/}
  iptables -w -I DOCKER-USER -d "$address" -p "$protocol" -m "$protocol" --dport "$port" \\
    -m comment --comment "$mark" -j ACCEPT
  for chain in PREROUTING OUTPUT; do
    iptables -w -t nat -I "$chain" ! -d 127.0.0.0/8 -p "$protocol" -m addrtype --dst-type LOCAL \\
      -m "$protocol" --dport "$port" -m comment --comment "$mark" -j DNAT --to-destination "$address:$port"
  done
done
echo '${READY}'
while [ -d "/proc/$process" ]; do
  sleep 1 &
  wait $!
done
clear
`;

/**
 * checkDiverting throws a UserError when connections cannot be diverted on a server. It changes nothing but rules
 * that a divert left behind which was killed.
 */
export async function checkDiverting(server: Server, image: string, clock: Clock): Promise<void> {
  if (await isDiverting(server)) return;
  const id = await create(server, image, []);
  await awaitEnd(server, id, clock);
}

/** isDiverting tells whether new connections to some ports of a server go to its bridge. */
export async function isDiverting({ engine }: Server): Promise<boolean> {
  return (await engine.findContainer(EDGE_DIVERT_NAME))?.State?.Running === true;
}

/** divert lets all new connections to these ports of a server go to the bridge, until endDiverting. */
export async function divert(
  { server, id, address }: NginxInstance,
  image: string,
  ports: readonly EdgePort[],
  clock: Clock,
): Promise<void> {
  const process = (await server.engine.inspectContainer(id)).State?.Pid ?? 0;
  const command = [address, String(process), ...ports];
  const found = await server.engine.findContainer(EDGE_DIVERT_NAME);
  const isThere = found?.State?.Running && found.Config?.Cmd?.join(' ') === command.join(' ');
  const helper = isThere ? found.Id! : await create(server, image, command);
  await awaitReady(server, helper, clock);
}

/** endDiverting gives a server's ports back to who holds them. */
export async function endDiverting(server: Server): Promise<void> {
  const { engine } = server;
  // Asked to end, it takes its rules away; removed at once, it would leave them.
  await engine.stopContainer(EDGE_DIVERT_NAME, TIMEOUT_MS / 1_000);
  await engine.removeContainer(EDGE_DIVERT_NAME);
}

async function create(server: Server, image: string, command: string[]): Promise<string> {
  const { engine } = server;
  await endDiverting(server);
  const id = await engine
    .createContainer(EDGE_DIVERT_NAME, {
      Image: image,
      Entrypoint: ['chroot', '/host', '/bin/sh', '-c', SCRIPT, EDGE_DIVERT_NAME],
      Cmd: command,
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      StopSignal: 'SIGTERM',
      Labels: { [LABEL.role]: 'edge-divert' },
      HostConfig: {
        NetworkMode: 'host',
        Binds: ['/:/host'],
        CapAdd: ['NET_ADMIN', 'NET_RAW'],
        SecurityOpt: ['label=disable'],
        RestartPolicy: { Name: 'no' },
      },
    })
    .catch(async (error) => {
      // Another run was quicker.
      if (isStatus(error, 409)) return (await engine.inspectContainer(EDGE_DIVERT_NAME)).Id!;
      throw error;
    });
  await engine.startContainer(id);
  return id;
}

async function awaitReady(server: Server, id: string, clock: Clock): Promise<void> {
  const found = await poll(clock, { everyMs: POLL_MS, timeoutMs: TIMEOUT_MS }, async () => {
    const { stdout } = await server.engine.logs(id, { tail: 5 });
    if (stdout.includes(READY)) return 'ready';
    return (await server.engine.findContainer(id))?.State?.Running === true ? undefined : 'ended';
  });
  if (found !== 'ready') throw await failure(server, id);
}

async function awaitEnd(server: Server, id: string, clock: Clock): Promise<void> {
  const exitCode = await poll(clock, { everyMs: POLL_MS, timeoutMs: TIMEOUT_MS }, async () => {
    const { State: state } = await server.engine.inspectContainer(id);
    return state?.Status === 'exited' ? state.ExitCode : undefined;
  });
  if (exitCode !== 0) throw await failure(server, id);
  await server.engine.removeContainer(id);
}

async function failure(server: Server, id: string): Promise<UserError> {
  const { stdout, stderr } = await server.engine.logs(id, { tail: 5 });
  await endDiverting(server);
  const words = `${stdout}${stderr}`.trim().split('\n').at(-1) || 'no answer';
  return new UserError(`${server.name}: connections cannot be diverted to the edge: ${words}`, {
    hint: 'A front is taken over, and an edge upgraded, without a gap by the iptables of the server. Without them stop and remove the old one at a quiet time, and run again: the edge then takes its ports.',
  });
}
