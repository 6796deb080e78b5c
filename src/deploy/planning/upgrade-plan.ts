import { repositoryOf, versionText } from '../../model/image-name.ts';
import { scopeName } from '../../model/names.ts';
import { domainsOf, type EdgePort, publishedOf } from '../../model/spec.ts';
import type { DivertStep } from '../steps/divert.ts';
import type { PrepareStep } from '../steps/prepare.ts';
import type { PullStep } from '../steps/pull.ts';
import type { UpgradeStep } from '../steps/upgrade.ts';
import { frontOf } from './adopted.ts';
import type { After, StepGraph } from './graph.ts';
import type { PlanInput } from './input.ts';
import type { MadeNginx, ObservedServer } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { addRetirements, type Retirement } from './retirement.ts';
import { longestDrain, NGINX_GRACE_MS } from './takeover-plan.ts';
import { wantedEdge } from './wanted-edge.ts';

/** How the edge of a server is replaced by another one: that takes all new connections, and the old one goes with its last. */
export interface Upgrade {
  pulls: PullStep[];
  begin: UpgradeStep;
  divert: DivertStep;
  old: Retirement;
  open: PrepareStep;
}

/**
 * isOutdated tells whether the edge of a server is made of something else than it has to be, so that it is replaced: where
 * this environment is served by it, or will be. Pure.
 */
export function isOutdated(input: PlanInput, server: string): boolean {
  return differences(input, observedOn(input, server)).length > 0;
}

/** planUpgrades returns how the edges leave that are not made of what they have to be, server by server. Pure. */
export function planUpgrades(input: PlanInput): Upgrade[] {
  return input.reached.flatMap((server) => {
    const observed = observedOn(input, server);
    const changes = differences(input, observed);
    return changes.length === 0 ? [] : [upgradeOf(input, observed, observed.madeEdge!, changes)];
  });
}

/**
 * layOutUpgrades adds the steps of upgrades. The first server shows whether the new nginx comes up and answers for every
 * route, and the others follow side by side: what is wrong with it is found out once, where nothing has changed yet. It returns
 * the ids of the steps by which they have their ports; none where there are no upgrades.
 */
export function layOutUpgrades(graph: StepGraph, upgrades: readonly Upgrade[], after: After): string[] {
  let shown: string[] = [];
  const opened: string[] = [];
  for (const { pulls, begin, divert, old, open } of upgrades) {
    const pulled = graph.add(pulls, after);
    const begun = graph.add(begin, [pulled, shown]);
    if (shown.length === 0) shown = begun;
    const diverted = graph.add(divert, begun);
    opened.push(...graph.add(open, addRetirements(graph, [old], diverted)));
  }
  return opened;
}

/** What has to become of the edge, for people: `nginx 1.28 → 1.30`, `publish 443`. */
function differences(input: PlanInput, observed: ObservedServer): string[] {
  const { madeEdge: made, edge } = observed;
  if (input.removesAll || made === undefined || edge === undefined) return [];
  if (frontOf(observed) !== undefined || !isNeeded(input, observed)) return [];
  // Nothing keeps its place: it is started, and then it can be seen what it serves.
  if (!made.isRunning && observed.bridge === undefined) return [];
  const wanted = wantedEdge(input, observed);
  const isIn = (ports: readonly EdgePort[]) => (port: EdgePort) => ports.includes(port);
  const added = wanted.ports.filter((port) => !isIn(made.ports)(port));
  const dropped = made.ports.filter((port) => !isIn(wanted.ports)(port));
  return [
    ...(made.image === wanted.image ? [] : [imageChange(made.image, wanted.image)]),
    ...(added.length === 0 ? [] : [`publish ${portsText(added)}`]),
    ...(dropped.length === 0 ? [] : [`give up ${portsText(dropped)}`]),
  ];
}

/** An environment without domains and published ports has nothing to say about the edge. */
function isNeeded({ scope, services }: PlanInput, { edge }: ObservedServer): boolean {
  const isServed = edge?.tree.folders[edge.folder].manifest?.scopes[scopeName(scope)] !== undefined;
  return isServed || services.some(({ spec }) => domainsOf(spec.route).length + publishedOf(spec).length > 0);
}

function upgradeOf(input: PlanInput, observed: ObservedServer, made: MadeNginx, changes: string[]): Upgrade {
  const { name: server, images } = observed;
  const wanted = wantedEdge(input, observed);
  const { id, name, networks, helpers } = made;
  const timeoutMs = longestDrain(input);
  const doors = [...new Set([...made.ports, ...wanted.ports])];
  const tcp = made.ports.filter((port) => port.endsWith('/tcp')).map((port) => Number.parseInt(port, 10));
  const lacking = wanted.ports.filter((port) => !made.ports.includes(port));
  return {
    // That of this environment is pulled with what all steps need.
    pulls:
      wanted.image === input.nginx.image || images.has(wanted.image)
        ? []
        : [{ kind: 'pull', server, image: wanted.image, policy: 'missing' }],
    begin: { kind: 'upgrade', server, old: { id, name, networks }, wanted, lacking, changes },
    divert: { kind: 'divert', server, id, name, ports: tcp, containerPorts: tcp, timeoutMs, doors },
    old: {
      service: 'nginx',
      server,
      id,
      name,
      ports: tcp,
      release: 0,
      helpers,
      // It has been waited for already.
      drainTimeoutMs: undefined,
      graceMs: NGINX_GRACE_MS,
    },
    open: { kind: 'prepare', server, sidecar: undefined, edge: 'open', wanted },
  };
}

/** imageChange tells of another image, `nginx 1.28-alpine → 1.30-alpine`; by the whole names where it is of another repository. Pure. */
export function imageChange(from: string, to: string): string {
  if (repositoryOf(from) !== repositoryOf(to)) return `${from} → ${to}`;
  return `${repositoryOf(to).split('/').at(-1)} ${versionText(from)} → ${versionText(to)}`;
}

/** `443 and 53/udp`. */
function portsText(ports: readonly EdgePort[]): string {
  return ports.map((port) => port.replace(/\/tcp$/, '')).join(' and ');
}
