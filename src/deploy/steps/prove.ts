import { allOrErrors } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { copyKey } from '../../model/copy.ts';
import { isOverHttp } from '../../model/spec.ts';
import { type Proof, prove as proveRoute } from '../../nginx/prove.ts';
import { publishedAddress } from '../../nginx/published.ts';
import { backendsOf, type Route, type RoutePort, servedPorts } from '../../nginx/routes.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import type { StagedNginx } from './stage.ts';

/** Proving that the copies which shall have the traffic have it, on one server. */
export interface ProveStep {
  kind: 'prove';
  /** Names the move of traffic that it is part of. */
  move: string;
  server: string;
  /** All routes of the environment. */
  routes: Route[];
  /** The services whose traffic has moved. */
  moved: string[];
}

/**
 * Asks edge and sidecar of a server through the very upstreams until one of the new copies has answered. A copy that was
 * started again in its slot is proven too: its nginx may know another address of it for a second.
 */
export const prove: StepKind<ProveStep> = {
  moments: ['answers directly'],
  describe({ server, moved, routes }) {
    const asked = routes.filter(({ service, ports }) => moved.includes(service) && ports.length > 0);
    return asked.length > 0
      ? `prove that the new copies of ${asked.map(({ service }) => service).join(', ')} answer on ${server}`
      : `see that ${server} has its routes`;
  },
  async run(step, context) {
    const staging = await context.known.stagings.get(step.move);
    await allOrErrors((staging?.on(step.server) ?? []).map((staged) => proveOn(step, staged, context)));
    await staging?.finished(step.server);
  },
};

/** What goes to its copy directly is proven so at first, and does not any more when it is proven through its upstreams. */
async function proveOn(step: ProveStep, staged: StagedNginx, context: RunContext): Promise<void> {
  const { instance, generation, directs } = staged;
  const { scope, clock } = context;
  if (generation === undefined) return;
  const proofs = step.routes
    .filter(({ service }) => step.moved.includes(service))
    .flatMap((route) =>
      servedPorts(instance.kind, route).map((port) =>
        instance.kind === 'edge' && !isOverHttp(port.protocol)
          ? proofOfPublished(context, route, port)
          : proofOf(context, route, port, instance.server),
      ),
    )
    .filter(({ all }) => all.length > 0);
  const isDirect = ({ service, port, own }: Proof) =>
    isOverHttp(port.protocol) && own.length > 0 && directs.some((flag) => flag.service === service);
  const direct = proofs.filter(isDirect).map((proof): Proof => ({ ...proof, isDirect: true }));
  const proveAll = (all: readonly Proof[]) =>
    allOrErrors(all.map((proof) => proveRoute(instance, scope, generation, proof, clock)));
  await proveAll(direct);
  if (direct.length > 0) context.moment('answers directly');
  await proveAll(proofs);
  await instance.setFlags(
    directs.map((flag) => ({ ...flag, isSet: false })),
    clock,
  );
}

/**
 * What the edge passes on by tcp has to come to the sidecar, which is proven by itself. Over UDP nobody can ask it from
 * outside of the server.
 */
function proofOfPublished({ scope }: RunContext, { service }: Route, port: RoutePort): Proof {
  const all = port.protocol === 'udp' ? [] : [publishedAddress(scope, port)];
  return { service, port, own: all, all, isPublished: true };
}

/** The addresses that may answer for a port on a server: those of the copies that have the traffic. */
function proofOf(
  { scope, servers, known }: RunContext,
  route: Route,
  port: RoutePort,
  server: Server,
): Proof {
  const backends = backendsOf(scope, route, port, server.spec, servers).filter(({ weight }) => weight > 0);
  const addresses = backends.map((backend) => {
    const key = copyKey({ ...backend, service: route.service });
    const address = backend.isLocal ? (known.addresses.get(key) ?? key) : backend.address;
    return { isLocal: backend.isLocal, text: `${address}:${backend.port}` };
  });
  return {
    service: route.service,
    port,
    own: addresses.filter(({ isLocal }) => isLocal).map(({ text }) => text),
    all: addresses.map(({ text }) => text),
  };
}
