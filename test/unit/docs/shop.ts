import { resultOf } from '../../../src/commands/result.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { deploy } from '../../../src/deploy/deploy.ts';
import { dryRun } from '../../../src/deploy/dry-run.ts';
import type { ChangeRequest, DeployReport, DryRunReport, Reach } from '../../../src/deploy/request.ts';
import { status } from '../../../src/deploy/status.ts';
import { renderStatus } from '../../../src/report/status.ts';
import { Store } from '../../../src/state/store.ts';
import { type Means, Simulation } from '../../simulation/simulation.ts';

const ENVIRONMENT = 'production';
/** Who deploys, for the record and its log. */
const AUTHOR = { actor: 'octocat', run: 'https://github.com/acme/shop/actions/runs/17' };
const EVERYTHING = { services: undefined, zones: undefined, excludedServers: undefined };

/** Shop is the shop of a document, on servers in memory: what Switchyard says of it is what the document may show. */
export class Shop {
  readonly #simulation = new Simulation({ images: 'digests' });

  /** deploy deploys a configuration; it throws when the run fails. */
  async deploy(file: string): Promise<DeployReport> {
    const report = await this.#run(file, ({ request, means: { signal } }) =>
      deploy({
        ...request,
        leaseWaitMs: 0,
        author: { ...AUTHOR, commit: '4f1c2d8' },
        signal,
        onPlan: () => undefined,
      }),
    );
    if (report.failure !== undefined) throw report.failure;
    return report;
  }

  /** plan returns what a deploy of a configuration would do. */
  async plan(file: string): Promise<DryRunReport> {
    return await this.#run(file, ({ request }) => dryRun(request));
  }

  /** status returns what the log of `status` says. */
  async status(file: string): Promise<string> {
    const report = await this.#run(file, ({ request }) =>
      status({ ...request, zones: undefined, excludedServers: undefined }),
    );
    return `${renderStatus(report).lines.join('\n')}\n`;
  }

  /** record returns the state file. */
  record(): string {
    return (
      this.#simulation.remote.file('refs/heads/switchyard-state', `state/shop/${ENVIRONMENT}.json`) ?? ''
    );
  }

  async #run<T>(
    file: string,
    work: (tools: { request: ChangeRequest; means: Means }) => Promise<T>,
  ): Promise<T> {
    const wanted = resolveEnvironment(loadConfig(file, 'switchyard.yml', {}), ENVIRONMENT);
    this.#simulation.addServers(wanted.servers);
    const ended = await this.#simulation.run((means) =>
      work({
        means,
        request: {
          ...this.#reach(means),
          wanted,
          secrets: {},
          narrowing: EVERYTHING,
          scope: 'services',
          hide: () => undefined,
        },
      }),
    );
    if (ended.how === 'failed') throw ended.error;
    if (ended.how === 'killed') throw new Error('nobody kills a run here');
    return ended.value;
  }

  #reach({ provider, clock, log, wire }: Means): Reach {
    const scope = { project: 'shop', environment: ENVIRONMENT };
    const self = { identity: { host: 'runner', pid: 1 }, isRunning: () => true };
    return {
      provider,
      clock,
      log,
      openStore: async () =>
        new Store(this.#simulation.remote.branch(scope, { wire }), {
          scope,
          clock,
          log,
          self,
          run: AUTHOR,
          random: () => 0.5,
        }),
    };
  }
}

/** resultText returns the output `result` of a deploy to several servers, in JSON. */
export function resultText(report: DeployReport): string {
  return `${JSON.stringify(resultOf(report, true), null, 2)}\n`;
}
