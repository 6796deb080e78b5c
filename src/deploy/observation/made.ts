import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import type { EdgePort } from '../../model/spec.ts';
import { portsOfEdge } from '../../nginx/agreed.ts';
import type { MadeNginx } from '../planning/observed.ts';
import { helpersOf } from './leftovers.ts';

/**
 * findMade returns what the container of an edge or sidecar is made of; undefined where there is none. The list of containers
 * says it of one that runs, unless another image has taken the name of its own: then, as for a stopped one, the engine is
 * asked. `own` are the containers of the environment.
 */
export async function findMade(
  server: Server,
  summary: ContainerSummary | undefined,
  own: readonly ContainerSummary[],
): Promise<MadeNginx | undefined> {
  if (summary === undefined) return undefined;
  const { Id, Names, State, Image = '', Ports = [] } = summary;
  const facts = {
    id: Id!,
    name: Names?.[0]?.replace(/^\//, '') ?? '',
    isRunning: State === 'running',
    networks: Object.keys(summary.NetworkSettings?.Networks ?? {}),
    helpers: helpersOf(own, Id!),
  };
  const published = Ports.flatMap(({ PublicPort, Type }) =>
    PublicPort && Type ? [`${PublicPort}/${Type}` as EdgePort] : [],
  );
  if (facts.isRunning && !Image.startsWith('sha256:'))
    return { ...facts, image: Image, ports: sorted(published) };
  // It may have gone since it was listed.
  const found = await server.engine.findContainer(Id!);
  if (found === undefined) return undefined;
  const bound = Object.keys(found.HostConfig?.PortBindings ?? {}) as EdgePort[];
  return { ...facts, image: found.Config?.Image ?? Image, ports: sorted(bound) };
}

/** A port on several addresses of the server is one. */
function sorted(ports: readonly EdgePort[]): EdgePort[] {
  return ports.length === 0 ? [] : portsOfEdge([{ ports }]);
}
