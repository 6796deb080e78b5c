import { allOrErrors, type Fleet } from '../../fleet/fleet.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import type { PrepareStep, PullStep } from '../planning/plan.ts';
import type { Journal } from '../recording/journal.ts';
import type { DeployRequest } from '../request.ts';
import { type Guard, nginxKey, type RunContext } from './context.ts';
import { pull } from './images.ts';
import { announce, perform } from './perform.ts';
import { prepare } from './prepare.ts';
import type { Timeline } from './timeline.ts';

/** Means is what a run works with from its beginning to its end: connections, record, lease, and what it has learned. */
export class Means {
  readonly request: DeployRequest;
  readonly timeline: Timeline;
  readonly fleet: Fleet;
  readonly journal: Journal;
  /** See RunContext. */
  readonly addresses: RunContext['addresses'] = new Map();
  readonly instances: RunContext['instances'] = new Map<string, NginxInstance>();
  readonly unused: RunContext['unused'] = new Map();
  /** When edges and sidecars last read new routes. A run that was cut off may have done it just before this one began. */
  reloadedAt = Date.now();

  constructor(request: DeployRequest, timeline: Timeline, fleet: Fleet, journal: Journal) {
    this.request = request;
    this.timeline = timeline;
    this.fleet = fleet;
    this.journal = journal;
    // What a run may do was confirmed before; this stops one that slept meanwhile, at the cost of no round trip.
    fleet.guardWith(() => journal.lease?.assertMayChange());
  }

  /** guard returns the right to change the environment, as of the lease that is held now. */
  guard(): Guard {
    const { lease } = this.journal;
    return {
      run: this.request.author.run,
      fence: lease?.fence ?? 0,
      signal: this.#signal(),
      confirm: async () => await lease?.confirm(),
    };
  }

  /** context returns what the steps of a plan need. */
  context(guard = this.guard()): RunContext {
    const { wanted, secrets, log } = this.request;
    return {
      fleet: this.fleet,
      scope: { project: wanted.project, environment: wanted.environment },
      servers: wanted.servers,
      nginx: wanted.nginx,
      onPartialFailure: 'revert',
      secrets,
      log,
      timeline: this.timeline,
      guard,
      noteHook: (step, progress) =>
        this.record(
          'record hook',
          () => this.journal.notes(step, progress),
          `record hook: ${step.hook} of ${step.service} is ${progress}`,
        ),
      addresses: this.addresses,
      unused: this.unused,
      instances: this.instances,
    };
  }

  /** record does and announces `work`, a write of the record. */
  record(phase: string, work: () => Promise<void>, what = phase): Promise<void> {
    return this.timeline.measure({ phase }, () => announce(this.request.log, what, work));
  }

  /** pull brings an image to a server. It throws a UserError, see images.ts. */
  pull({ host, image, policy }: Omit<PullStep, 'kind'>): Promise<void> {
    const { log } = this.request;
    return this.timeline.measure({ phase: 'pull', host }, () =>
      pull(this.fleet.server(host), image, policy, log, this.#signal()),
    );
  }

  /** pullAll runs pulls side by side, each image of a server once. */
  async pullAll(steps: readonly PullStep[]): Promise<void> {
    const once = new Map(steps.map((step) => [`${step.host} ${step.image}`, step]));
    await allOrErrors(
      [...once.values()].map((step) => perform(this.request.log, step, () => this.pull(step))),
    );
  }

  /** pullNginx is pullAll for what comes before all else: that needs the image of edge and sidecar, and no other. */
  pullNginx(steps: readonly PullStep[]): Promise<void> {
    return this.pullAll(steps.filter(({ image }) => image === this.request.wanted.nginx.image));
  }

  /** prepare gives servers what they lack, and remembers the edges and sidecars that it made or started. */
  async prepare(steps: readonly PrepareStep[]): Promise<void> {
    const { log } = this.request;
    const { scope, nginx, guard } = this.context();
    if (steps.length === 0) return;
    const prepared = await this.timeline.measure({ phase: 'prepare' }, () =>
      allOrErrors(
        steps.map((step) =>
          perform(log, step, () => prepare(this.fleet.server(step.host), step, { scope, nginx, log, guard })),
        ),
      ),
    );
    for (const instance of prepared.flat()) {
      this.instances.set(nginxKey(instance.server.host, instance.kind), instance);
    }
  }

  #signal(): AbortSignal {
    const { lease } = this.journal;
    return lease === undefined ? this.request.signal : AbortSignal.any([this.request.signal, lease.lost]);
  }
}
