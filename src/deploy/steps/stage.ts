import { allOrErrors } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { scopeName } from '../../model/names.ts';
import { isAccepted } from '../../nginx/accepted.ts';
import {
  type Composition,
  compose,
  type FlagChange,
  flagChanges,
  isWritten,
  type ScopeWish,
  unusedFlags,
} from '../../nginx/compose.ts';
import type { NginxInstance, Served } from '../../nginx/instance.ts';
import { type EdgeLocks, takeEdgeLocks } from '../../nginx/lock.ts';
import type { NginxKind, Route } from '../../nginx/routes.ts';
import { directFlag } from '../../nginx/sides.ts';
import { type Folder, flagsRead, routesOf, servedScope } from '../../nginx/tree.ts';
import { wishOf } from '../planning/planned-routes.ts';
import { instanceAt, nginxKey, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Making the next configuration of edges and sidecars ready, without a change for anybody. */
export interface StageStep {
  kind: 'stage';
  /** Names the move of traffic that it is for. */
  move: string;
  /** All routes of the environment after it. */
  routes: Route[];
  servers: string[];
}

/** Other projects wait while a run holds the locks of the edges. */
const LONGEST_HOLD_MS = 5_000;

/**
 * Nothing goes live anywhere before every nginx has accepted its new configuration. The edges stay locked until the
 * traffic has moved, or the run has waited for too long for something else.
 */
export const stage: StepKind<StageStep> = {
  moments: ['locked'],
  describe: ({ servers }) => `make the new routes ready on ${servers.join(', ')}`,
  async run(step, context) {
    const staging = await stageRoutes(context, step);
    context.known.stagings.set(step.move, Promise.resolve(staging));
    // Whoever is ended meanwhile takes the step back.
    void context.clock
      .sleep(LONGEST_HOLD_MS)
      .then(() => staging.abandon())
      .catch(() => undefined);
  },
  async undo({ move }, { known }) {
    await (await known.stagings.get(move)?.catch(() => undefined))?.abandon();
  },
};

/** An edge or sidecar, and what it shall serve next. */
export interface StagedNginx {
  instance: NginxInstance;
  /** Undefined where the configuration is that already. */
  next: NextConfiguration | undefined;
  /** The flags that have to change. */
  flags: StagedFlag[];
  /** Flags that are there from the switch until its proof: what moves goes to the copy on the server itself directly. */
  directs: FlagChange[];
  /** What it serves of the environment, and what it shall serve. */
  routes: { before: Route[]; after: readonly Route[] };
  /** By which proofs know what it serves then; undefined when it serves nothing of the environment. */
  generation: string | undefined;
}

/** A flag that has to change, and whether the configuration that is live looks at it: then traffic moves at once. */
export interface StagedFlag extends FlagChange {
  isRead: boolean;
}

/** A configuration that goes live next. */
export interface NextConfiguration {
  composition: Composition;
  /** Files that are not on the server yet: those of a configuration that nginx has accepted before. */
  unwritten: ReadonlyMap<string, string>;
  /** What to go back to. */
  before: { folder: Folder; generation: string | undefined };
}

/** Staging is what was made ready for one move of traffic, and the locks of the edges that hold it so. */
export class Staging {
  readonly #all: readonly StagedNginx[];
  readonly #locks: EdgeLocks;
  /** Names of servers that have not begun to switch, and of those that have and are not finished. */
  readonly #unclaimed: Set<string>;
  readonly #claimed = new Set<string>();
  #isAbandoned = false;

  constructor(servers: readonly string[], all: readonly StagedNginx[], locks: EdgeLocks) {
    this.#unclaimed = new Set(servers);
    this.#all = all;
    this.#locks = locks;
  }

  /** What was made ready may not be what fits any more: others may have changed the edges. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** on returns edge and sidecar of a server. */
  on(server: string): StagedNginx[] {
    return this.#all.filter(({ instance }) => instance.server.name === server);
  }

  /** claim says that a server begins to switch: from then on it holds the locks, until it is `finished`. */
  claim(server: string): void {
    this.#unclaimed.delete(server);
    this.#claimed.add(server);
  }

  /** finished says that a server's switch is proven, or was taken back. */
  async finished(server: string): Promise<void> {
    this.#claimed.delete(server);
    if (this.#claimed.size + this.#unclaimed.size === 0) await this.#locks.release();
  }

  /** abandon gives the locks back, unless a server has begun to switch: then for its own part only. */
  async abandon(): Promise<void> {
    this.#unclaimed.clear();
    if (this.#claimed.size > 0) return;
    this.#isAbandoned = true;
    await this.#locks.release();
  }
}

/** A move of traffic, as far as it has to be made ready. */
type Move = Omit<StageStep, 'kind'>;

/**
 * stagingOf returns what is ready for a move of traffic. Where it was abandoned, since the proof of health took longer
 * than the edges may be locked, it is made ready again, once for all servers of the move.
 */
export async function stagingOf(context: RunContext, move: Move): Promise<Staging> {
  const { stagings } = context.known;
  const pending = stagings.get(move.move);
  const staging = await pending;
  if (staging === undefined) throw new Error(`nothing is ready for the move of traffic "${move.move}"`);
  if (!staging.isAbandoned) return staging;
  // Another server of the move may have begun that meanwhile.
  if (stagings.get(move.move) === pending) stagings.set(move.move, stageRoutes(context, move));
  return await stagings.get(move.move)!;
}

/** Where flags alone move the traffic, nothing that projects share changes, and there is nothing to lock. */
async function stageRoutes(context: RunContext, move: Move): Promise<Staging> {
  const { fleet, guard, log, nginx, scope, clock } = context;
  const servers = move.servers.map((name) => fleet.server(name));
  const edges = await edgesOf(context, move, servers);
  const all = await allOrErrors([
    ...servers.map((server) => lookAt(context, move, server, 'sidecar')),
    ...edges.map((server) => lookAt(context, move, server, 'edge')),
  ]);
  const changing = all.filter((look) => !isConfigured(look));
  const locked = changing.flatMap(({ kind, instance }) => (kind === 'edge' ? [instance.server] : []));
  const holder = { run: guard.run, fence: guard.fence, scope };
  const locks = await takeEdgeLocks(locked, nginx.image, holder, clock, log);
  context.moment('locked');
  try {
    const staged = await allOrErrors(
      all.map(async (look) => {
        if (!changing.includes(look)) return withFlags(look);
        // Others may have changed it until it was locked.
        return await configure(await lookAt(context, move, look.instance.server, look.kind));
      }),
    );
    return new Staging(move.servers, staged, locks);
  } catch (error) {
    await locks.release();
    throw error;
  }
}

/** The servers whose edge has to change: those that get domains, and those that had some. */
async function edgesOf(context: RunContext, move: Move, servers: readonly Server[]): Promise<Server[]> {
  const found = await Promise.all(
    servers.map(async (server) => ((await needsEdge(context, move, server)) ? [server] : [])),
  );
  return found.flat();
}

async function needsEdge(context: RunContext, move: Move, server: Server): Promise<boolean> {
  if (wishAt(context, move, server, 'edge').files.size > 0) return true;
  const edge = context.known.instances.get(nginxKey(server.name, 'edge'));
  if (edge === undefined) return false;
  const scope = scopeName(context.scope);
  const { tree, generation } = await edge.lookAgain(scope, context.clock);
  return generation !== undefined || tree.folders[tree.live].manifest?.scopes[scope] !== undefined;
}

function wishAt(
  context: RunContext,
  { routes }: Pick<StageStep, 'routes'>,
  server: Server,
  kind: NginxKind,
): ScopeWish {
  return wishOf(kind, context, server.spec, routes);
}

/** An nginx as it is, and what it shall serve. */
interface Look extends Served {
  kind: NginxKind;
  instance: NginxInstance;
  wanted: ScopeWish;
}

async function lookAt(context: RunContext, move: Move, server: Server, kind: NginxKind): Promise<Look> {
  const instance = instanceAt(context, server.name, kind);
  const served = await instance.lookAgain(scopeName(context.scope), context.clock);
  // An edge that was not there when the run looked.
  context.known.noteKeepalive(served.tree);
  return { ...served, kind, instance, wanted: wishAt(context, move, server, kind) };
}

/** Tells whether no more than flags have to change. */
function isConfigured({ kind, tree, generation, wanted }: Look): boolean {
  const written = tree.folders[tree.live].manifest?.scopes[scopeName(wanted.scope)]?.generation;
  return generation === written && isWritten(kind, tree, wanted);
}

/** What nginx looks at is what the folder that it has read tells. */
function withFlags({ instance, tree, folder, generation, wanted }: Look): StagedNginx {
  const read = flagsRead(tree, folder, scopeName(wanted.scope));
  const changes = flagChanges(tree, wanted).map((change) => ({ ...change, isRead: read.has(change.name) }));
  const directs = changes.flatMap(({ service, name, isRead }) => {
    const flag = wanted.flags.get(service);
    const isMoving = isRead && flag?.name === name && flag.own !== undefined;
    return isMoving ? [{ service, name: directFlag(name), isSet: true }] : [];
  });
  const flags = changes.filter(({ name }) => directs.every((direct) => direct.name !== name));
  const before = routesOf(servedScope(tree, folder, scopeName(wanted.scope)));
  const routes = { before, after: wanted.routes };
  return { instance, next: undefined, flags, directs, routes, generation };
}

/** Writes beside what an nginx serves what it shall serve, where that differs. */
async function configure(look: Look): Promise<StagedNginx> {
  const staged = withFlags(look);
  if (isConfigured(look)) return staged;
  const { kind, instance, tree, folder, generation, wanted } = look;
  // A run that was cut off, of any project, left the pointer on a folder that nginx never read: that folder is free.
  if (folder !== tree.live) await instance.pointTo(folder, tree.toldAt);
  const composition = compose(kind, { ...tree, live: folder }, wanted);
  const before = { folder, generation };
  const isKnown = isAccepted(tree, folder, generation, composition);
  if (!isKnown) await instance.stage(composition);
  const next = { composition, unwritten: isKnown ? composition.files : new Map(), before };
  const isGone = !composition.scopes.includes(scopeName(wanted.scope));
  const flags = [...staged.flags, ...unusedFlags(tree, wanted).map((one) => ({ ...one, isRead: false }))];
  return { ...staged, flags, next, generation: isGone ? undefined : composition.generation };
}
