import type { Release } from '../../model/release.ts';
import { isOverHttp, type PortsSpec, portsOf } from '../../model/spec.ts';
import type { DrainStep } from '../steps/drain.ts';
import type { RemoveStep } from '../steps/remove.ts';
import type { StopStep } from '../steps/stop.ts';
import type { After, StepGraph } from './graph.ts';
import type { ObservedCopy } from './observed.ts';
import type { KnownReleases, ReleaseSpec } from './wanted.ts';

/** A container that gets no new traffic, and goes: it is drained, stopped and removed. */
export interface Retirement {
  service: string;
  server: string;
  id: string;
  name: string;
  /** The ports whose connections count; undefined is every port that it listens on. */
  ports: readonly number[] | undefined;
  /** No release of it speaks HTTP: idle clients of nginx bring it nothing. */
  isOfStreams?: true;
  release: number;
  /** Ids of the helpers of killed runs that watch it still: they go with it. */
  helpers: string[];
  /** Undefined drains nothing: it never had traffic, or does not run. 0 is without limit. */
  drainTimeoutMs: number | undefined;
  graceMs: number;
}

/** A service as far as its copies can go by it: also one that left the file. */
export interface RetiringService {
  name: string;
  /** Without `isUnknown`, its ports are those that it says. */
  spec: PortsSpec & {
    /** Nobody knows any more what it was. */
    isUnknown?: true;
    policy: Pick<ReleaseSpec['policy'], 'strategy' | 'drainTimeoutMs' | 'stopGracePeriodMs'>;
  };
  /** Its releases before this run; left out of one that left the file. */
  known?: Pick<KnownReleases, 'current' | 'rollout'>;
}

/** A container that never had traffic has nothing to finish, and a cancelled run has 7 s to undo what it did. */
const UNUSED_GRACE_MS = 3_000;

/**
 * retire returns how a container goes: with a drain, unless nobody can be connected. What an earlier run left running may
 * have had traffic, whatever became of that run. Pure.
 */
export function retire(
  service: RetiringService,
  server: string,
  container: Pick<
    ObservedCopy,
    'id' | 'name' | 'release' | 'isRunning' | 'condition' | 'helpers' | 'isAdopted'
  > &
    Partial<Pick<ObservedCopy, 'internalPort'>>,
): Retirement {
  const { id, name, release, isRunning, condition, helpers } = container;
  const { policy } = service.spec;
  const ports = portsOfCopy(service, container);
  // Nobody is connected to a worker; one that has crashed serves again as soon as its engine has started it.
  const isDrained = ports?.length !== 0 && (isRunning || condition?.state === 'restarting');
  return {
    service: service.name,
    server,
    id,
    name,
    ports,
    ...(isOfStreams(service, container) && { isOfStreams: true }),
    release,
    helpers,
    drainTimeoutMs: isDrained ? drainTimeoutOf(service) : undefined,
    graceMs: policy.stopGracePeriodMs,
  };
}

/** Its label says whether a copy has a port at all, also where nobody knows its release any more. */
function portsOfCopy(
  service: RetiringService,
  { isAdopted, internalPort }: Partial<Pick<ObservedCopy, 'isAdopted' | 'internalPort'>>,
): number[] | undefined {
  if (isAdopted) return undefined;
  if (Number.isNaN(internalPort)) return [];
  const ports = portsOfAll(service);
  return ports?.length === 0 && internalPort !== undefined ? undefined : ports;
}

/** A worker says nothing of drains: what had a port before it was promised what its own release says. */
function drainTimeoutOf({ spec, known }: RetiringService): number {
  const isPortless = !spec.isUnknown && portsOf(spec).length === 0;
  return (isPortless ? known?.current : undefined)?.policy.drainTimeoutMs ?? spec.policy.drainTimeoutMs;
}

/** The ports that every release of a service has: a copy of an older one may listen on others, where its users are. */
function portsOfAll({ spec, known }: RetiringService): number[] | undefined {
  if (spec.isUnknown) return undefined;
  // A client of UDP has no connection: nginx forgets it with the reload that moves the port.
  const numbers = (release: PortsSpec) =>
    portsOf(release).flatMap(({ port, protocol }) => (protocol === 'udp' ? [] : [port]));
  const before = releasesBefore(known);
  // The record was lost, or never written.
  if (known !== undefined && before.length === 0) return undefined;
  const ports = numbers(spec);
  return before.every((release) => numbers(release).join() === ports.join()) ? ports : undefined;
}

function releasesBefore(known: RetiringService['known']): Release[] {
  return [known?.current, known?.rollout].filter((release) => release !== undefined);
}

/** Where its releases are not known it may have spoken HTTP. */
function isOfStreams(
  { spec, known }: RetiringService,
  { isAdopted }: Pick<ObservedCopy, 'isAdopted'>,
): boolean {
  const before = releasesBefore(known);
  if (isAdopted || spec.isUnknown || (known !== undefined && before.length === 0)) return false;
  return [spec, ...before].every((release) =>
    portsOf(release).every(({ protocol }) => !isOverHttp(protocol)),
  );
}

/** retireUnused returns how a container goes that this run has started and that never had traffic: at once. Pure. */
export function retireUnused(
  service: RetiringService,
  server: string,
  container: Parameters<typeof retire>[2],
): Retirement {
  const { strategy, stopGracePeriodMs } = service.spec.policy;
  // What may write to a volume gets the time it was promised, whatever was asked of it.
  const graceMs = strategy === 'recreate' ? stopGracePeriodMs : Math.min(stopGracePeriodMs, UNUSED_GRACE_MS);
  return { ...retire(service, server, container), drainTimeoutMs: undefined, graceMs };
}

/** addRetirement adds the steps by which a container goes, and returns the ids of the last one. */
function addRetirement(graph: StepGraph, retirement: Retirement, after: After): string[] {
  const drained = graph.add(drainOf(retirement), after);
  const stopped = graph.add(stopOf(retirement), drained);
  return graph.add(removeOf(retirement), stopped);
}

/** addRetirements adds those of several containers, side by side. */
export function addRetirements(graph: StepGraph, all: readonly Retirement[], after: After): string[] {
  if (all.length === 0) return graph.add([], after);
  return all.flatMap((one) => addRetirement(graph, one, after));
}

/** drainOf returns the step that waits until nobody is connected any more; none where nobody can be. */
export function drainOf({ drainTimeoutMs, ...retirement }: Retirement): DrainStep[] {
  if (drainTimeoutMs === undefined) return [];
  const { service, server, id, name, ports, isOfStreams } = retirement;
  const step = { service, server, id, name, ports, ...(isOfStreams && { isOfStreams }) };
  return [{ kind: 'drain', ...step, timeoutMs: drainTimeoutMs }];
}

/** stopOf returns the step that stops the container. */
export function stopOf({ service, server, id, name, graceMs }: Retirement): StopStep {
  return { kind: 'stop', service, server, id, name, graceMs };
}

/** removeOf returns the step that removes it, with the helpers that watch it. */
export function removeOf({ service, server, id, name, helpers }: Retirement): RemoveStep {
  return { kind: 'remove', service, server, id, name, helpers };
}
