import { blueprintHash, settingsOf } from '../../../src/deploy/planning/blueprint.ts';
import { buildInput, buildKeptInput, type Facts } from '../../../src/deploy/planning/build-input.ts';
import type { PlanInput } from '../../../src/deploy/planning/input.ts';
import type { ObservedCopy, ObservedNginx, ObservedServer } from '../../../src/deploy/planning/observed.ts';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import { wishOf } from '../../../src/deploy/planning/planned-routes.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { WantedService } from '../../../src/deploy/planning/wanted.ts';
import { keptDigests, outcomeOf, type RunProgress } from '../../../src/deploy/record/outcome.ts';
import { recordIntent, recordOutcome, releaseOf } from '../../../src/deploy/record/record.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';
import type { PrepareStep } from '../../../src/deploy/steps/prepare.ts';
import type { StartStep } from '../../../src/deploy/steps/start.ts';
import type { SwitchStep } from '../../../src/deploy/steps/switch.ts';
import { scopeName } from '../../../src/model/names.ts';
import type { EnvironmentState, Release } from '../../../src/model/release.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { compose, firstFiles } from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import type { NginxKind } from '../../../src/nginx/routes.ts';
import { parseTree } from '../../../src/nginx/tree.ts';
import { emptyState } from '../../../src/state/environment-file.ts';
import { REPOSITORY } from '../../simulation/stories/specs.ts';

const SCOPE = { project: 'shop', environment: 'production' };
const NOW = new Date('2026-11-01T12:00:00Z');
const AUTHOR = { run: 'run-1', actor: 'ann', commit: undefined };

/** How a run is asked for, beside what is wanted. */
export interface Asked {
  services?: string[];
  zones?: string[];
  excludedServers?: string[];
  /** Values by service and name. */
  secrets?: Facts['secrets'];
  /** All containers are left as they are. */
  routesOnly?: true;
}

/** What happens to a run. */
interface Drawn {
  /** The kind of the step before which it is killed. */
  killedBefore?: Step['kind'];
  /** What registries know the images of services by. */
  digests?: Record<string, string>;
}

/**
 * Picture is an environment as a run finds it: what servers and record say. Nothing runs in it and nothing is proven by it.
 * It is what plans, findings and records are made of; a test changes in it what it likes.
 */
export class Picture {
  readonly #servers = new Map<string, ObservedServer>();
  readonly #releases = new Map<string, Release>();
  #containers = 0;
  #digests: Record<string, string> = {};
  state: EnvironmentState = emptyState(SCOPE);

  /** deploy draws how it looks after a deploy, or after one that did not come to its end. */
  deploy(wanted: EnvironmentSpec, { killedBefore, digests = {}, ...asked }: Asked & Drawn = {}): void {
    const input = this.input(wanted, asked);
    const plan = planDeploy(input);
    this.#digests = digests;
    for (const { step } of plan.steps) {
      if (step.kind === killedBefore) return;
      this.#draw(input, step);
    }
    if (killedBefore !== undefined) throw new Error(`that deploy has no step of the kind ${killedBefore}`);
    this.#record(input, plan);
  }

  /** plan returns what a deploy would do. */
  plan(wanted: EnvironmentSpec, asked?: Asked): Plan {
    return planDeploy(this.input(wanted, asked));
  }

  /** input returns what that plan is made of. */
  input(wanted: EnvironmentSpec, asked: Asked = {}): PlanInput {
    const facts = this.facts(wanted, asked);
    return asked.routesOnly ? buildKeptInput(facts) : buildInput(facts);
  }

  /** facts returns what that is put together from; nothing of it changes with the picture. */
  facts(wanted: EnvironmentSpec, { services, zones, excludedServers = [], secrets = {} }: Asked = {}): Facts {
    const reached = wanted.servers.filter(
      ({ name, zone }) => !excludedServers.includes(name) && (zones?.includes(zone) ?? true),
    );
    const known = Object.entries(this.state.services).map(([name, { release, rollout }]) => {
      const at = (number: number | undefined) => this.#releases.get(`${name}/${number}`);
      return [name, { current: at(release), rollout: at(rollout?.release) }] as const;
    });
    const images = [...this.#releases.values()].map(({ container }) => container.image);
    return structuredClone({
      wanted,
      repository: REPOSITORY,
      secrets,
      keptSecrets: new Map(),
      narrowing: { services, zones, excludedServers },
      observed: reached.map(({ name }) => this.server(name)),
      state: this.state,
      known: new Map(known),
      drainedElsewhere: new Set<string>(),
      now: NOW,
      retainedImages: images.length === 0 ? undefined : new Set(images),
    });
  }

  /** server returns what is seen of a server; one that nothing was deployed to is empty. */
  server(name: string): ObservedServer {
    const found = this.#servers.get(name) ?? emptyServer(name);
    this.#servers.set(name, found);
    return found;
  }

  /** copy returns a copy by its container's name; it throws where there is none. */
  copy(name: string, server = 'a'): ObservedCopy {
    const found = this.server(server).copies.find((copy) => copy.name === name);
    if (found === undefined) throw new Error(`there is no ${name} on ${server}`);
    return found;
  }

  /** remove takes a container away. */
  remove(server: string, id: string): void {
    const seen = this.server(server);
    seen.copies = seen.copies.filter((copy) => copy.id !== id);
  }

  /** loseRecord takes the state branch away. */
  loseRecord(): void {
    this.state = emptyState(SCOPE);
    this.#releases.clear();
  }

  /** What a step leaves behind, as far as it is seen by the next run. */
  #draw(input: PlanInput, step: Step): void {
    switch (step.kind) {
      case 'pull':
        this.server(step.server).images.set(step.image, { id: `sha256:${step.image}`, digest: undefined });
        break;
      case 'prepare':
        this.#prepare(input, step);
        break;
      case 'record intent':
        this.state = recordIntent(this.state, step.begun, AUTHOR, NOW);
        this.#write(step.begun.map(({ service }) => service));
        break;
      case 'start':
        this.#start(step);
        break;
      case 'stop':
        for (const copy of this.server(step.server).copies) if (copy.id === step.id) copy.isRunning = false;
        break;
      case 'switch':
        this.#switch(input, step);
        break;
      case 'remove':
        this.remove(step.server, step.id);
        break;
      case 'teardown':
        this.#servers.delete(step.server);
    }
  }

  #prepare({ nginx }: PlanInput, step: PrepareStep): void {
    const server = this.server(step.server);
    const made = (kind: NginxKind, name: string): ObservedNginx => ({
      id: `${kind} of ${step.server}`,
      name,
      isRunning: true,
      address: '172.18.0.2',
      tree: parseTree(firstFiles(kind, SCOPE, nginx)),
      folder: 'a',
      generation: undefined,
      reloadedMsAgo: Number.POSITIVE_INFINITY,
      isInNetwork: true,
    });
    server.hasNetwork = true;
    server.sidecar ??= made('sidecar', 'shop_production_nginx');
    if (step.edge !== undefined) server.edge ??= made('edge', 'switchyard_edge');
    for (const one of [server.sidecar, server.edge]) {
      if (one !== undefined) Object.assign(one, { isRunning: true, isInNetwork: true });
    }
  }

  #start({ server, service, slot, name, release, blueprint, existing }: StartStep): void {
    const { copies, images } = this.server(server);
    const stopped = copies.find(({ id }) => id === existing);
    if (stopped !== undefined) {
      stopped.isRunning = true;
      return;
    }
    this.#containers += 1;
    const { container, ports, versionPort, secretsVersion } = blueprint;
    copies.push({
      id: `container ${this.#containers}`,
      name,
      service,
      slot,
      release,
      hash: blueprintHash(blueprint),
      secretsVersion,
      image: container.image,
      imageId: images.get(container.image)?.id ?? '',
      isRunning: true,
      condition: { state: 'running', restarts: 0, health: undefined },
      settings: { ...settingsOf(blueprint, { slot, release }), command: [], entrypoint: [] },
      hostPort: ports?.host ?? 0,
      versionPort,
      internalPort: ports?.internal ?? 0,
      address: `172.18.0.${this.#containers + 2}`,
      helpers: [],
    });
  }

  #switch(input: PlanInput, { server: name, routes }: SwitchStep): void {
    const { sidecar, edge } = this.server(name);
    const spec = input.servers.find((server) => server.name === name)!;
    for (const [kind, nginx] of [
      ['sidecar', sidecar],
      ['edge', edge],
    ] as const) {
      if (nginx === undefined) continue;
      const wanted = wishOf(kind, input, spec, routes);
      const { folder, files, generation, scopes } = compose(kind, nginx.tree, wanted);
      const flags = [...wanted.flags.values()].filter(({ isSet }) => isSet);
      const set = flags.map(({ name }) => [`flags/${name}`, 'set'] as const);
      const { a, b } = nginx.tree.folders;
      const before = [...a.files].map(([path, content]) => [`a/${path}`, content] as const);
      const beside = [...b.files].map(([path, content]) => [`b/${path}`, content] as const);
      nginx.tree = parseTree(
        new Map([...before, ...beside, ...files, ...set, ['nginx.conf', renderPointer(folder)]]),
      );
      nginx.folder = folder;
      nginx.generation = scopes.includes(scopeName(SCOPE)) ? generation : undefined;
    }
  }

  #record(input: PlanInput, plan: Plan): void {
    const outcome = outcomeOf(progressOf(input, plan));
    this.#write(outcome.achieved.map(({ service }) => service));
    this.state = recordOutcome(this.state, outcome, input.servers.length > 1, AUTHOR, NOW);
  }

  /** A release is written once. */
  #write(services: readonly WantedService[]): void {
    for (const service of services.filter(({ release }) => release.isNew)) {
      const key = `${service.name}/${service.release.number}`;
      if (!this.#releases.has(key))
        this.#releases.set(key, releaseOf(SCOPE, service, this.#digests[service.name], AUTHOR, NOW));
    }
  }
}

/** progressOf returns what has become of a run that has done all of its plan, or something else. */
export function progressOf(input: PlanInput, plan: Plan, changes: Partial<RunProgress> = {}): RunProgress {
  const { rollouts, copies, standby, stale, sendsTo } = plan;
  return {
    input,
    changes: plan.changes,
    copies,
    standby,
    stale,
    sendsTo,
    done: new Set(rollouts.flatMap(({ services }) => services)),
    undone: new Set(),
    switched: new Set(rollouts.flatMap(({ moved }) => moved)),
    failure: undefined,
    dead: [],
    left: new Map(),
    isUndone: true,
    probes: new Map(),
    digests: keptDigests(input, [plan]),
    draining: [],
    tookMs: 4_200.4,
    ...changes,
  };
}

function emptyServer(name: string): ObservedServer {
  return {
    name,
    owner: undefined,
    copies: [],
    handMade: [],
    hooks: [],
    sidecar: undefined,
    edge: undefined,
    bridge: undefined,
    isDiverted: false,
    foreign: [],
    hasNetwork: false,
    foreignHostPorts: [],
    leftovers: { helpers: [], networks: [], volumes: [], images: [], transfers: [] },
    images: new Map(),
  };
}
