import { docker, mustRun } from './command.ts';
import type { LabServer } from './server.ts';

/**
 * resetServer makes a server again what it was when its lab started, whatever was done to it: it runs, is reached,
 * and has these images and nothing else. A server that nobody touched costs half a second. Throws when the server
 * cannot be mended.
 */
export async function resetServer(server: LabServer, images: readonly string[]): Promise<void> {
  const [status = '', ...networks] = (await docker(['inspect', '--format', STATE, server.container])).split(
    ' ',
  );
  if (status === 'paused') await server.unpause();
  if (!networks.some((network) => network.endsWith('-outside'))) await server.reconnect();
  if (status === 'exited') await server.start();
  await mustRun(['docker', 'exec', server.container, 'sh', '-ec', RESET, 'lab-reset', ...images]);
}

/** Whether it runs, and the networks that it is in. */
const STATE = '{{.State.Status}}{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}';

const RESET = `
iptables -w -F INPUT
iptables -w -F OUTPUT
if mountpoint -q /mnt; then
  lab-engine stop
  sed -n 's#^[^ ]* \\(/var/lib/docker/[a-z]*\\) .*#\\1#p' /proc/mounts | while read -r part; do umount "$part"; done
  umount /mnt
fi
lab-engine start
lab-engine wait
# Asked to end, a divert takes its rules in the kernel away; killed, it does not. Most servers have none.
docker stop switchyard_edge_divert >/dev/null 2>&1 || true
docker ps --quiet --filter status=paused | xargs --no-run-if-empty docker unpause >/dev/null
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
docker network prune --force >/dev/null
docker volume ls --quiet | xargs --no-run-if-empty docker volume rm --force >/dev/null
names=$(docker image ls --format '{{.Repository}}:{{.Tag}}')
for image in "$@"; do
  echo "$names" | grep -qxF "$image" || docker pull --quiet "$image" >/dev/null
done
kept=$(docker image inspect --format '{{.Id}}' "$@")
docker image ls --no-trunc --quiet | sort -u | grep -vxF "$kept" | xargs --no-run-if-empty docker image rm --force >/dev/null
`;
