import type { Server } from '../../fleet/server.ts';
import { type Listening, listeningPorts } from './connections.ts';
import type { LookContext } from './context.ts';
import { type DrainTarget, startHelper } from './drain.ts';
import type { Complaint } from './http-verdict.ts';

/** What a container listens on, and what its image says that it would. */
export interface Listeners {
  listening: readonly Listening[];
  /** Ports that the image exposes, the lowest first. */
  exposed: readonly number[];
}

/**
 * findListeners asks the kernel what a container listens on, by a helper in its network namespace as a drain does, and the
 * engine what its image exposes beside `port`. Undefined where nobody can tell: it has ended, or the helper cannot start.
 */
export async function findListeners(
  context: LookContext,
  server: Server,
  container: Pick<DrainTarget, 'service' | 'id' | 'name'>,
  port: number,
): Promise<Listeners | undefined> {
  const { engine } = server;
  const helper = await startHelper(context, server, container).catch(() => undefined);
  if (helper === undefined) return undefined;
  try {
    const { stdout } = await engine.exec(helper, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    const { Config } = await engine.inspectContainer(container.id);
    const exposed = Object.keys(Config?.ExposedPorts ?? {})
      .map((name) => Number.parseInt(name, 10))
      .filter((one) => one !== port)
      .sort((a, b) => a - b);
    return { listening: listeningPorts(stdout), exposed };
  } catch {
    return undefined;
  } finally {
    await engine.removeContainer(helper).catch(() => undefined);
  }
}

/**
 * explainRefusal says why connections to a port are refused; undefined where the port is open by now. `isOurs` says that a
 * connection by IPv4 was refused from outside, and not one that the container made itself. Pure.
 */
export function explainRefusal(
  port: number,
  { listening, exposed }: Listeners,
  isOurs: boolean,
): Complaint | undefined {
  const own = listening.find((one) => one.port === port);
  if (own?.reach === 'all' || (own?.reach === 'IPv6' && !isOurs)) return undefined;
  if (own?.reach === 'IPv6')
    return {
      why: `the app listens on port ${port} of IPv6 addresses only, and it is reached by IPv4`,
      advice: LISTEN_ON_ALL,
    };
  if (own !== undefined)
    return {
      why: `the app listens on port ${port} of ${own.reach} only, where nobody outside of its container reaches it`,
      advice: LISTEN_ON_ALL,
    };
  const others = listening.map(({ port: other, reach }) => {
    const isOpen = reach === 'all' || reach === 'IPv6';
    return isOpen ? `${other}` : `${other} (of ${reach} only)`;
  });
  const image = exposed.length === 0 ? '' : `; its image exposes ${exposed.join(', ')}`;
  return {
    why: `nothing listens on port ${port} of the container, which listens on ${others.join(', ') || 'no port at all'}${image}`,
    advice:
      others.length > 0
        ? 'Set "port" of the service to the one that the app listens on, or have the app listen on that one.'
        : 'Does the app start, and does it need more time ("healthcheck: { start_period: … }")?',
  };
}

const LISTEN_ON_ALL =
  'Let the app listen on 0.0.0.0 (often a variable or option called HOST, BIND or listen address).';

/** watchRefusals returns a function that is asked after every refused connection to a new copy: see {@link RefusalWatch}. */
export function watchRefusals(
  find: () => Promise<Listeners | undefined>,
  port: number,
  needed: number,
): RefusalWatch {
  let looks = 0;
  let last: string | undefined;
  return async (isOurs) => {
    const found = await find();
    const refusal = found && explainRefusal(port, found, isOurs);
    looks = refusal !== undefined && refusal.why === last ? looks + 1 : 1;
    last = refusal?.why;
    const isElsewhere = (found?.listening.length ?? 0) > 0;
    return { refusal, isCertain: refusal !== undefined && isElsewhere && looks >= Math.max(needed, 2) };
  };
}

/**
 * RefusalWatch says why a connection was refused. It is certain when so many looks in a row have seen the same, and the
 * container listens on something: an app that listens on nothing yet may be starting. One look is never enough: the app may
 * have come up between the connection and the look. For `isOurs` see {@link explainRefusal}.
 */
export type RefusalWatch = (
  isOurs: boolean,
) => Promise<{ refusal: Complaint | undefined; isCertain: boolean }>;
