import { randomUUID } from 'node:crypto';
import { isStatus } from '../../docker/http.ts';
import type { Server } from '../../fleet/server.ts';
import { poll } from '../../model/clock.ts';
import { LABEL } from '../../model/labels.ts';
import { type Connection, ConnectionWatch, connectionsTo, type Openness } from './connections.ts';
import type { LookContext, RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Waiting until nobody is connected to a container any more that gets no new traffic. */
export interface DrainStep extends DrainTarget {
  kind: 'drain';
  server: string;
  /** A successor starts only after it: the run keeps the lease, however long it takes. */
  isAwaited?: true;
  /** It never spoke HTTP: no client of nginx is idle that could bring it one more request. */
  isOfStreams?: true;
  /** What would come by old workers of nginx waits there as well. */
  isHeld?: true;
}

/** The container that nobody shall be connected to any more. */
export interface DrainTarget {
  service: string;
  id: string;
  /** The container's name. */
  name: string;
  /** Ports whose connections count; undefined is every port that it listens on. */
  ports: readonly number[] | undefined;
  /** 0 is without limit. */
  timeoutMs: number;
}

const POLL_MS = 1_000;
/** A connection may be between two requests of one user: only three empty looks in a row are an end. */
const EMPTY_LOOKS_NEEDED = 3;
/** Between empty looks: the old copy has to stop within 5 s of its last connection, also on a busy server. */
const EMPTY_POLL_MS = 250;
/** So many looks come as soon as empty ones, also while somebody is connected: what nginx keeps idle ends within a second. */
const FIRST_LOOKS = 4;
const FEEDBACK_EVERY_MS = 5_000;
/**
 * An old worker of nginx takes no new connection, but one that it has just taken may be on its way to the old copy: what is
 * lost of it in between is sent again after 1 s (RFC 6298 §2), and after 2 s nginx gives a server up that does not answer,
 * which only another server can be, and tries the next one.
 */
const CONNECTING_MS = { alone: 1_000, amongOthers: 3_000 };
/** Beyond the time in which old workers may bring one more request of a connection that was idle. */
const AFTER_OLD_WORKERS_MS = 1_000;

/** Waits until old workers of nginx have nothing to bring any more, and nobody is connected, or the time is over. */
export const drain: StepKind<DrainStep> = {
  mayOutlastLease: ({ isAwaited }) => isAwaited !== true,
  describe({ name, server, timeoutMs }) {
    const limit = timeoutMs === 0 ? 'without limit' : `at most ${timeoutMs / 1000} s`;
    return `drain ${name} on ${server} (${limit})`;
  },
  async run(step, context) {
    if (!step.isHeld) {
      tellOfOldWorkers(step, context);
      await outlastOldWorkers(context, step);
    }
    const cut = await awaitNobody(context, step.server, step);
    context.known.cut += cut;
    warnOfCut(context, step, cut, 'cut');
  },
};

/** Nothing is counted meanwhile: who waits should know what for. */
function tellOfOldWorkers(step: DrainStep, context: RunContext): void {
  const seconds = Math.ceil(oldWorkersMs(context, step) / 1000);
  if (seconds <= 1) return;
  const { name, server, isOfStreams } = step;
  context.log.info(
    isOfStreams
      ? `${name} on ${server} gets nothing new; in ${seconds} s all connections have arrived that nginx had just taken, then its own are counted`
      : `${name} on ${server} gets nothing new; idle connections of users to nginx may bring it one more request for ${seconds} s, then its own are counted`,
  );
}

/**
 * Old workers look at the flags too, and yet may send requests to where they went before: a name that they did not know
 * when they were told to go they never ask for.
 */
function oldWorkersMs(
  { clock, known, nginx, servers }: RunContext,
  { isOfStreams }: Pick<DrainStep, 'isOfStreams'>,
): number {
  const connecting = servers.length === 1 ? CONNECTING_MS.alone : CONNECTING_MS.amongOthers;
  const bringMs = isOfStreams ? connecting : Math.max(nginx.keepaliveMinTimeoutMs, known.keepaliveMs);
  return Math.max(0, known.reloadedAt + bringMs + AFTER_OLD_WORKERS_MS - clock.now());
}

/** outlastOldWorkers waits until old workers of nginx bring no more requests to where the routes led before. */
export async function outlastOldWorkers(
  context: RunContext,
  of: Pick<DrainStep, 'isOfStreams'> = {},
): Promise<void> {
  await context.clock.sleep(oldWorkersMs(context, of));
}

/** warnOfCut says that a drain was not over in time. */
export function warnOfCut(
  { log }: Pick<LookContext, 'log'>,
  { name, server, timeoutMs }: Pick<DrainStep, 'name' | 'server' | 'timeoutMs'>,
  open: number,
  fate: string,
): void {
  if (open === 0) return;
  const what = open === 1 ? '1 connection is' : `${open} connections are`;
  log.warning(`${name} on ${server}: ${what} ${fate}, the drain timeout of ${timeoutMs / 1000} s is over`);
}

/**
 * awaitNobody waits until nobody is connected to a container any more, or the time is over; it returns how many
 * connections somebody may use then, and tells of those that it has not waited for. A helper in the container's network
 * namespace reads the kernel's table: that works for every image, also without a shell, and needs no right but Docker's.
 */
export async function awaitNobody(
  context: LookContext,
  serverName: string,
  target: DrainTarget,
): Promise<number> {
  const { clock, log } = context;
  const server = context.fleet.server(serverName);
  const begun = clock.now();
  const limitMs = target.timeoutMs || Number.POSITIVE_INFINITY;
  let helper = await startHelper(context, server, target);
  const watch = new ConnectionWatch();
  let { open, used, abandoned }: Openness = watch.look([], begun);
  let emptyLooks = 0;
  let toldAt = begun;
  /** True when the last connection has ended. */
  const lookOnce = async (): Promise<true | undefined> => {
    // The container to drain has ended by itself, or another run has removed it.
    if (helper === undefined) return true;
    const seen = await look(server, helper, target.ports);
    if (seen === undefined) {
      helper = await startHelper(context, server, target);
      return undefined;
    }
    ({ open, used, abandoned } = watch.look(seen, clock.now()));
    emptyLooks = open === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks === EMPTY_LOOKS_NEEDED) return true;
    if (open > 0 && clock.now() - toldAt >= FEEDBACK_EVERY_MS) {
      toldAt = clock.now();
      log.info(
        `${target.name} on ${serverName} waits for ${openText(open, target.ports)} to end: ${Math.round((toldAt - begun) / 1000)} s of ${limitText(limitMs)}`,
      );
    }
    return undefined;
  };
  try {
    const everyMs = (looks: number) => (open === 0 || looks <= FIRST_LOOKS ? EMPTY_POLL_MS : POLL_MS);
    const isOver = await poll(clock, { everyMs, timeoutMs: limitMs }, lookOnce);
    tellOfAbandoned(log, serverName, target, abandoned);
    return isOver ? 0 : used;
  } finally {
    if (helper !== undefined) await server.engine.removeContainer(helper);
  }
}

/** Whoever has left a connection half-open is named: the app that leaks, or those who were connected to it. */
function tellOfAbandoned(
  log: RunContext['log'],
  server: string,
  { name, service }: DrainTarget,
  { CLOSE_WAIT: byApp, FIN_WAIT2: byOthers }: Openness['abandoned'],
): void {
  const connections = (count: number) => (count === 1 ? '1 connection' : `${count} connections`);
  const told = `${name} on ${server}: the drain did not wait for`;
  if (byApp > 0)
    log.warning(
      `${told} ${connections(byApp)} that ${service} left half-open (CLOSE_WAIT): everybody has gone, and the app does not close its end`,
    );
  if (byOthers > 0)
    log.info(
      `${told} ${connections(byOthers)} that ${service} has closed and the other end has not (FIN_WAIT2)`,
    );
}

/** `2 connections to its port 3000`. */
function openText(open: number, ports: readonly number[] | undefined): string {
  const where = ports === undefined ? '' : ` to its port ${ports.join(', ')}`;
  return `${open} connection${open === 1 ? '' : 's'}${where}`;
}

function limitText(limitMs: number): string {
  return Number.isFinite(limitMs) ? `${limitMs / 1000} s` : 'unlimited time';
}

/**
 * startHelper starts a helper in a container's network namespace, and returns its id: undefined when that container does
 * not run any more; that alone says so, never a missing helper. `cat` without an argument waits on its open input for
 * ever; it is asked for files by exec.
 */
export async function startHelper(
  { scope, nginx }: LookContext,
  { engine }: Server,
  target: Pick<DrainTarget, 'service' | 'id' | 'name'>,
): Promise<string | undefined> {
  try {
    const id = await engine.createContainer(`${target.name}_drain_${randomUUID()}`, {
      Image: nginx.image,
      Entrypoint: ['cat'],
      Cmd: [],
      OpenStdin: true,
      NetworkDisabled: false,
      Labels: {
        [LABEL.role]: 'helper',
        [LABEL.project]: scope.project,
        [LABEL.environment]: scope.environment,
        [LABEL.service]: target.service,
      },
      HostConfig: {
        NetworkMode: `container:${target.id}`,
        AutoRemove: true,
        CapDrop: ['ALL'],
        ReadonlyRootfs: true,
      },
    });
    await engine.startContainer(id);
    return id;
  } catch (error) {
    // One that has crashed counts as running while its engine waits before it starts it again.
    const state = (await engine.findContainer(target.id))?.State;
    if (state?.Running !== true || state.Restarting === true) return undefined;
    throw error;
  }
}

/** Returns undefined when the helper has gone. */
async function look(
  server: Server,
  helper: string,
  ports: readonly number[] | undefined,
): Promise<Connection[] | undefined> {
  try {
    const { stdout } = await server.engine.exec(helper, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    return connectionsTo(stdout, ports);
  } catch (error) {
    if (isStatus(error, 404, 409)) return undefined;
    throw error;
  }
}
