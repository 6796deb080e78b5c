import { allOrErrors } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { messageOf } from '../../model/errors.ts';
import { scopeName } from '../../model/names.ts';
import { isAccepted } from '../../nginx/accepted.ts';
import { type Composition, compose, isServed, type ScopeWish } from '../../nginx/compose.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import { withEdgeLocks } from '../../nginx/lock.ts';
import { type Proof, prove } from '../../nginx/prove.ts';
import { backendsOf, type Route } from '../../nginx/routes.ts';
import type { Slot } from '../../nginx/tree.ts';
import { inTime } from '../in-time.ts';
import type { SwitchStep } from '../planning/plan.ts';
import { wishOf } from '../planning/planned-routes.ts';
import { nginxKey, placeKey, type RunContext } from './context.ts';
import { PartialSwitch, soleHome } from './partial-switch.ts';
import { perform } from './perform.ts';

/** An nginx of a step: what it shall serve next, undefined where it serves that already. */
interface Switched {
  instance: NginxInstance;
  next: Next | undefined;
  /** By which proofs know what it serves then; undefined when it serves nothing of the environment. */
  generation: string | undefined;
}

/** What an nginx shall serve next. */
interface Next {
  composition: Composition;
  /** Files that are not on the server yet: those of a configuration that nginx has accepted before. */
  unwritten: ReadonlyMap<string, string>;
  /** What to go back to. */
  before: { slot: Slot; generation: string | undefined };
}

/** Says when the new sides may have the traffic. */
export interface Readiness {
  /** Resolves when they are about to be ready; rejects when they will not be. */
  soon: Promise<void>;
  /** Resolves when they are; rejects when they will not be. */
  now: Promise<void>;
}

const READY: Readiness = { soon: Promise.resolve(), now: Promise.resolve() };
/** Other projects wait while a run holds the locks of the edges. */
const LONGEST_HOLD_MS = 5_000;

/**
 * switchRoutes gives every edge and sidecar the routes of a step. Nothing goes live anywhere before every nginx has
 * accepted its new configuration and the new sides are ready; then each reload and each moved service is proven on
 * every server. When anything is not proven, all go back to what they served, and the error says why.
 */
export async function switchRoutes(context: RunContext, step: SwitchStep, ready = READY): Promise<void> {
  await ready.soon;
  await perform(context.log, step, async () => {
    if (await trySwitch(context, step, () => isInTime(ready.now))) return;
    await ready.now;
    await trySwitch(context, step, async () => true);
  });
}

/** Returns false, with nothing changed, when the new sides are not ready in time. */
async function trySwitch(
  context: RunContext,
  step: SwitchStep,
  isReady: () => Promise<boolean>,
): Promise<boolean> {
  const { fleet, guard, timeline } = context;
  const servers = step.hosts.map((host) => fleet.server(host));
  return await withEdges(context, servers, step, async (edges) => {
    const all = await timeline.measure({ phase: 'check routes' }, async () => {
      const looking = [
        ...servers.map((server) => composeNext(context, step, server, 'sidecar')),
        ...edges.map((server) => composeNext(context, step, server, 'edge')),
      ];
      return await allOrErrors(looking);
    });
    if (!(await isReady())) return false;
    await guard.confirm();
    await timeline.measure({ phase: 'switch' }, async () => {
      for (const service of step.moved) context.unused.delete(service);
      const switching = all.map((one) => switchOne(context, step, one));
      try {
        await allOrErrors(switching);
      } catch (error) {
        const failures = keptFailures(context, step, all, await Promise.allSettled(switching));
        await goBack(
          context,
          failures === undefined ? all : all.filter(({ instance }) => failures.has(instance.server.host)),
        );
        throw failures === undefined ? error : new PartialSwitch(failures);
      }
    });
    return true;
  });
}

/** The servers on which a switch failed, where the others are to keep it; a run that is over keeps nothing. */
function keptFailures(
  { onPartialFailure, guard, servers, log }: RunContext,
  { hosts, routes }: SwitchStep,
  all: readonly Switched[],
  outcomes: readonly PromiseSettledResult<void>[],
): Map<string, unknown> | undefined {
  const failures = new Map(
    outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[all[index]!.instance.server.host, outcome.reason] as const] : [],
    ),
  );
  if (onPartialFailure === 'revert' || guard.signal.aborted || failures.size === hosts.length)
    return undefined;
  const lost = soleHome(new Set(failures.keys()), routes, servers);
  if (lost === undefined) return failures;
  const where = [...failures.keys()].join(', ');
  log.warning(`${where} cannot be left out, since ${lost} stands nowhere else: all servers go back`);
  return undefined;
}

function isInTime(work: Promise<void>): Promise<boolean> {
  return inTime(
    work.then(() => true),
    LONGEST_HOLD_MS,
    false,
  );
}

/** Locks the edges that have to change. */
async function withEdges<T>(
  context: RunContext,
  servers: readonly Server[],
  step: SwitchStep,
  work: (edges: Server[]) => Promise<T>,
): Promise<T> {
  const candidates = await Promise.all(
    servers.map(async (server) => ((await needsEdge(context, step, server)) ? [server] : [])),
  );
  const edges = candidates.flat();
  const { run, fence, signal } = context.guard;
  const holder = { run, fence, signal, scope: context.scope };
  return await withEdgeLocks(edges, context.nginx.image, holder, context.log, () => work(edges));
}

async function needsEdge(context: RunContext, step: SwitchStep, server: Server): Promise<boolean> {
  if (wish(context, step, server, 'edge').files.size > 0) return true;
  // The environment may have had a domain before: then it leaves the edge.
  const edge = context.instances.get(nginxKey(server.host, 'edge'));
  if (edge === undefined) return false;
  const scope = scopeName(context.scope);
  const { tree, generation } = await edge.lookAgain(scope);
  return generation !== undefined || tree.slots[tree.live].manifest?.scopes[scope] !== undefined;
}

function wish(context: RunContext, step: SwitchStep, server: Server, kind: 'edge' | 'sidecar'): ScopeWish {
  return wishOf(kind, context, server.spec, step.routes);
}

/** Looks at an nginx, and writes beside what it serves what it shall serve, where that differs. */
async function composeNext(
  context: RunContext,
  step: SwitchStep,
  server: Server,
  kind: 'edge' | 'sidecar',
): Promise<Switched> {
  const instance = context.instances.get(nginxKey(server.host, kind));
  if (instance === undefined) throw new Error(`${server.host}: there is no running ${kind}`);
  const scope = scopeName(context.scope);
  const { tree, slot, generation } = await instance.lookAgain(scope);
  const wanted = wish(context, step, server, kind);
  const written = tree.slots[tree.live].manifest?.scopes[scope]?.generation;
  if (isServed(kind, tree, wanted) && generation === written) {
    return { instance, next: undefined, generation };
  }
  // A run that was cut off, of any project, left the pointer on a slot that nginx never read: that slot is free.
  if (slot !== tree.live) await instance.pointTo(slot);
  const composition = compose(kind, { ...tree, live: slot }, wanted);
  const before = { slot, generation };
  const isWritten = !isAccepted(tree, slot, generation, composition);
  if (isWritten) await instance.stage(composition);
  const next = { composition, unwritten: isWritten ? new Map() : composition.files, before };
  const isGone = !composition.scopes.includes(scope);
  return { instance, next, generation: isGone ? undefined : composition.generation };
}

/** A container that was started again is proven too: its nginx may know another address of it for a second. */
async function switchOne(
  context: RunContext,
  step: SwitchStep,
  { instance, next, generation }: Switched,
): Promise<void> {
  if (next !== undefined) {
    await instance.commit(next.composition.slot, next.unwritten);
    await instance.awaitGeneration(scopeName(context.scope), generation);
  }
  if (generation === undefined) return;
  const proofs = step.routes
    .filter((route) => step.moved.includes(route.service))
    .filter((route) => instance.kind === 'sidecar' || route.domains.length > 0)
    .map((route) => proofOf(context, route, instance.server))
    .filter((proof) => proof.all.length > 0);
  await allOrErrors(proofs.map((proof) => prove(instance, context.scope, generation, proof)));
}

/** proofOf returns the addresses that may answer for a route on a server: those of the sides that have the traffic. */
function proofOf(context: RunContext, route: Route, server: Server): Proof {
  const backends = backendsOf(context.scope, route, server.spec, context.servers).filter(
    ({ isBackup }) => !isBackup,
  );
  const addresses = backends.map((backend) => {
    const name = placeKey(backend.server, route.service, backend.side);
    const address = backend.isLocal ? (context.addresses.get(name) ?? name) : backend.address;
    return { isLocal: backend.isLocal, text: `${address}:${backend.port}` };
  });
  return {
    route,
    own: addresses.filter(({ isLocal }) => isLocal).map(({ text }) => text),
    all: addresses.map(({ text }) => text),
  };
}

async function goBack(context: RunContext, all: readonly Switched[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    all.map(async ({ instance, next }) => {
      if (next === undefined) return;
      await instance.commit(next.before.slot);
      await instance.awaitGeneration(scopeName(context.scope), next.before.generation);
    }),
  );
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') context.log.warning(`going back: ${messageOf(outcome.reason)}`);
  }
}
