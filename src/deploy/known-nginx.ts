import type { Server } from '../fleet/server.ts';
import type { Clock } from '../model/clock.ts';
import { NginxInstance } from '../nginx/instance.ts';
import type { ObservedServer } from './planning/observed.ts';
import { type Knowledge, nginxKey } from './steps/context.ts';

/** rememberNginx notes the edge and the sidecar of a server, where they run, for steps that speak to them. */
export function rememberNginx(
  known: Knowledge,
  server: Server,
  { sidecar, edge }: Pick<ObservedServer, 'sidecar' | 'edge'>,
  clock: Clock,
): void {
  for (const [kind, nginx] of [
    ['sidecar', sidecar],
    ['edge', edge],
  ] as const) {
    if (!nginx?.isRunning || nginx.address === undefined) continue;
    const { id, name, address } = nginx;
    const instance = new NginxInstance(kind, server, { id, name, address }, nginx);
    known.instances.set(nginxKey(server.name, kind), instance);
    // A run that was cut off may have left some.
    known.noteReload(clock.now() - nginx.reloadedMsAgo);
    known.noteKeepalive(nginx.tree);
  }
}
