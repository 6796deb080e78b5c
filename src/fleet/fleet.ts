import { failTogether, UserError } from '../model/errors.ts';
import type { ServerSpec } from '../model/spec.ts';
import { explainCutOff } from './engine-failure.ts';
import type { Provider, Server } from './server.ts';

/** Fleet is the servers of an environment, connected. */
export class Fleet {
  readonly servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.servers = servers;
    for (const { host, engine } of servers) engine.http.explain = (error) => explainCutOff(host, error);
  }

  /**
   * connect opens all connections at once. When any server cannot be reached it closes the others and
   * throws, with every failure named.
   */
  static async connect(provider: Provider, specs: readonly ServerSpec[]): Promise<Fleet> {
    const outcomes = await Promise.allSettled(specs.map((spec) => provider.connect(spec)));
    const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (failures.length > 0) {
      await Promise.all(servers.map((server) => server.close()));
      for (const failure of failures) if (!(failure instanceof UserError)) throw failure;
      failTogether(failures);
    }
    return new Fleet(servers);
  }

  /** server returns the server with this host. */
  server(host: string): Server {
    const found = this.servers.find((server) => server.host === host);
    if (found === undefined) throw new Error(`no server ${host} in the fleet`);
    return found;
  }

  /** onAll runs `work` on all servers at once and waits for all of them; failures are thrown together. */
  async onAll<T>(work: (server: Server) => Promise<T>, servers = this.servers): Promise<T[]> {
    return await allOrErrors(servers.map(work));
  }

  /** guardWith has `guard` asked before every request that may change something on a server; it throws to forbid it. */
  guardWith(guard: () => void): void {
    for (const { engine } of this.servers) engine.http.guard = guard;
  }

  /** calls returns how many Engine API requests were sent so far, over all servers. */
  calls(): number {
    return this.servers.reduce((sum, server) => sum + server.engine.http.requests, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/**
 * allOrErrors waits for every promise and returns their values; when some failed it throws the users' mistakes
 * together, or the first other error.
 */
export async function allOrErrors<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(work);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (const failure of failures) if (!(failure instanceof UserError)) throw failure;
  // A cancelled run ends with the same error everywhere.
  failTogether([...new Set(failures)]);
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
