import { failTogether, UserError } from '../model/errors.ts';
import type { ServerSpec } from '../model/spec.ts';
import { explainCutOff } from './engine-failure.ts';
import type { Provider, Server } from './server.ts';

/** Fleet is the servers of an environment, connected. */
export class Fleet {
  readonly servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.servers = servers;
    for (const { name, engine } of servers) engine.explainWith((error) => explainCutOff(name, error));
  }

  /**
   * connect opens connections to all these servers at once. When any of them cannot be reached it closes the others
   * and throws, with every failure named.
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

  /** server returns the server of this name; it throws when the fleet has none. */
  server(name: string): Server {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`no server ${name} in the fleet`);
    return found;
  }

  /** onAll runs `work` on all servers at once and waits for all of them; failures are thrown together. */
  async onAll<T>(work: (server: Server) => Promise<T>, servers = this.servers): Promise<T[]> {
    return await allOrErrors(servers.map(work));
  }

  /** guardWith has `guard` asked before every request that may change something on a server; it throws to forbid it. */
  guardWith(guard: () => void): void {
    for (const { engine, http } of this.servers) {
      engine.guardWith(guard);
      http.guardWith(guard);
    }
  }

  /** calls returns how many Engine API requests were sent so far, over all servers. */
  calls(): number {
    return this.servers.reduce((sum, server) => sum + server.engine.requests, 0);
  }

  /** close ends all connections. */
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
