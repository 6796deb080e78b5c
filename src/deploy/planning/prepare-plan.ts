import { networkName } from '../../model/names.ts';
import { domainsOf, publishedOf } from '../../model/spec.ts';
import { publishedOfRoute } from '../../nginx/published.ts';
import { domainsOfRoute } from '../../nginx/routes.ts';
import type { DisplacedSidecar, PrepareStep } from '../steps/prepare.ts';
import { frontOf, oldSidecarOf } from './adopted.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';
import type { TrafficMove } from './rollout.ts';
import { servedBy } from './routed-copies.ts';
import { isOutdated } from './upgrade-plan.ts';
import { wantedEdge } from './wanted-edge.ts';

/** planPrepare returns what a server lacks before services can stand on it; `moves` are those of the plan. Pure. */
export function planPrepare(input: PlanInput, server: string, moves: readonly TrafficMove[]): PrepareStep[] {
  const { sidecar } = observedOn(input, server);
  const missing = input.removesAll ? undefined : 'create';
  const displaced = displacedSidecar(input, server);
  const edge = prepareEdge(input, server, moves);
  const step: PrepareStep = {
    kind: 'prepare',
    server,
    sidecar: sidecar === undefined ? missing : sidecar.isRunning ? undefined : 'start',
    edge,
    ...(edge === 'open' && { wanted: wantedEdge(input, observedOn(input, server)) }),
    ...(sidecar === undefined && displaced && { displaced }),
  };
  return step.sidecar === undefined && step.edge === undefined ? [] : [step];
}

/** isCreating tells whether a server gets something new; else what is there is only started, or joined. */
export function isCreating({ sidecar, edge }: Pick<PrepareStep, 'sidecar' | 'edge'>): boolean {
  return sidecar === 'create' || edge === 'create' || edge === 'bridge' || edge === 'open';
}

/** Domains that leave need an edge too, until the last switch. */
function prepareEdge(input: PlanInput, server: string, moves: readonly TrafficMove[]): PrepareStep['edge'] {
  const observed = observedOn(input, server);
  const { sidecar, edge } = observed;
  const hasFront = frontOf(observed) !== undefined;
  // Nobody holds the ports any more, or the new edge has them: a run was cut off while it took a front over, or upgraded.
  if (observed.bridge !== undefined && !hasFront && !isOutdated(input, server)) return 'open';
  const wanted = input.services.flatMap(({ spec }) => [...domainsOf(spec.route), ...publishedOf(spec)]);
  const given = moves.filter(({ servers }) => servers.includes(server)).flatMap(({ routes }) => routes);
  const hasDomains =
    wanted.length + given.flatMap(domainsOfRoute).length + given.flatMap(publishedOfRoute).length > 0;
  const isServing = sidecar !== undefined && servedBy(input.scope, edge) !== undefined;
  if (!hasDomains && !isServing) return undefined;
  if (edge === undefined) return hasFront ? 'bridge' : 'create';
  if (!edge.isRunning) return hasFront ? 'bridge' : 'start';
  if (edge.isInNetwork) return undefined;
  return observed.bridge === undefined ? 'join' : 'bridge';
}

/** The nginx that has the sidecar's name on a server, or had it. */
function displacedSidecar(input: PlanInput, server: string): DisplacedSidecar | undefined {
  const found = oldSidecarOf(input.scope, observedOn(input, server));
  if (found === undefined) return undefined;
  const { id, name, networks } = found;
  return { id, name, isInNetwork: networks.includes(networkName(input.scope)) };
}
