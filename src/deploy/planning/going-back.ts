import type { Route } from '../../nginx/routes.ts';
import { blueprintOf } from './blueprint.ts';
import { type PlannedStep, StepGraph } from './graph.ts';
import type { PlanInput } from './input.ts';
import type { ObservedCopy, ObservedServer } from './observed.ts';
import { copiesOn, handMadeOn, serversWithSidecar } from './observed-copies.ts';
import { servesAlready } from './planned-routes.ts';
import { isCreating, planPrepare } from './prepare-plan.ts';
import { releasesOf, waitingServices } from './queue-plan.ts';
import { retire, retireUnused } from './retirement.ts';
import { layOut, type Rollout } from './rollout.ts';
import { servingCopies } from './routed-copies.ts';
import { checkOf, isAloneEverywhere, planService } from './service-plan.ts';
import type { WantedService } from './wanted.ts';

/** What has happened to a rollout that has failed. */
export interface FailedRollout {
  services: readonly string[];
  /** All routes of the environment as they were before it. */
  before: Route[];
  /** Ids of containers that the run has created. */
  created: ReadonlySet<string>;
  /** Those of them that never had traffic. */
  unused: ReadonlySet<string>;
  /** What is there now, on the servers that can still be asked. */
  observed: readonly ObservedServer[];
}

/**
 * planGoingBack returns the steps that bring the services of a failed rollout back to what had their traffic when the run
 * began: what was stopped for the new copies starts again, routes are as before, and the new copies go. `input` is what
 * the failed plan was made of. Pure.
 */
export function planGoingBack(input: PlanInput, failed: FailedRollout): PlannedStep[] {
  const now = { ...input, observed: failed.observed, reached: failed.observed.map(({ name }) => name) };
  const services = input.services.filter(({ name }) => failed.services.includes(name));
  const graph = new StepGraph();
  const parts: GoingBack = { stop: [], start: [], check: [], retire: [] };
  for (const service of services) goBack(input, now, service, failed, parts);
  const moved = [...new Set(parts.check.map(({ service }) => service))];
  const isServed = now.reached.every((server) => servesAlready(now, server, failed.before));
  const routes = failed.before;
  const move = { name: 'back', routes, before: routes, moved, servers: serversWithSidecar(now) };
  // What has stopped since is started; what never was there is not made for going back.
  const stopped = now.reached.flatMap((server) => planPrepare(now, server, [move]));
  const prepared = graph.add(stopped.filter((step) => !isCreating(step)));
  const isMoving = !isServed || moved.length > 0;
  const waiting = waitingServices(now).filter((name) => failed.services.includes(name));
  const queue = { hold: [], release: releasesOf(now, waiting) };
  const moving = { ...queue, withdraw: undefined, move: isMoving ? move : undefined, keeping: [] };
  layOut(graph, { ...parts, ...moving, preDeploy: [], watch: [], postDeploy: [] }, prepared);
  return graph.steps;
}

type GoingBack = Pick<Rollout, 'stop' | 'start' | 'check' | 'retire'>;

function goBack(
  before: PlanInput,
  now: PlanInput,
  service: WantedService,
  { created, unused }: FailedRollout,
  parts: GoingBack,
): void {
  const serving = servingCopies(before, service.name);
  // An nginx that cannot be asked may send traffic to what had some: that stays for the next run.
  const isSeen = before.reached.every((server) => now.reached.includes(server));
  const isAlone = service.spec.policy.strategy === 'recreate';
  const mayGo = ({ id }: ObservedCopy) => isSeen || isAlone || unused.has(id);
  const mayStart = !mayWorkUnseen(before, now, service);
  for (const server of now.reached) {
    const were = copiesOn(before, service.name, server);
    const are = copiesOn(now, service.name, server);
    const isNew = ({ id }: ObservedCopy) => were.every((copy) => copy.id !== id);
    // Somebody may have renamed one meanwhile.
    const renamed = handMadeOn(now, service.name, server).filter(({ id }) => created.has(id));
    for (const copy of [...are.filter(isNew), ...renamed]) {
      if (mayGo(copy)) addRetired(service, server, copy, unused, parts);
    }
    for (const copy of were) {
      const found = are.find(({ id }) => id === copy.id);
      const isServing = serving.some((one) => one.server === server && one.name === copy.name);
      // One that had just crashed was stopped before its engine could start it again.
      const mayRun = copy.isRunning || (isAlone && isServing);
      if (found === undefined || found.isRunning || !mayRun || !mayStart) continue;
      addRestarted(now, service, server, found, isServing, parts);
    }
  }
}

/**
 * The new copy of a worker of which two must not work at once may have been started on a server that cannot be asked any
 * more: then nothing is started here, and the next run sees what is there.
 */
function mayWorkUnseen(before: PlanInput, now: PlanInput, service: WantedService): boolean {
  if (!isAloneEverywhere(service)) return false;
  const { start } = planService(before, service).rollout;
  return start.some(({ server }) => !now.reached.includes(server));
}

/** Where two must not write one volume together, the new copy stops before the old one starts. */
function addRetired(
  service: WantedService,
  server: string,
  copy: ObservedCopy,
  unused: ReadonlySet<string>,
  parts: GoingBack,
): void {
  const retirement = unused.has(copy.id)
    ? retireUnused(service, server, copy)
    : retire(service, server, copy);
  if (service.spec.policy.strategy === 'recreate') {
    const stopped = { ...retirement, drainTimeoutMs: undefined };
    parts.stop.push({ ...stopped, isWorking: copy.isRunning });
    parts.retire.push(stopped);
  } else parts.retire.push(retirement);
}

function addRestarted(
  now: PlanInput,
  service: WantedService,
  server: string,
  { id, name, slot, release, isAdopted }: ObservedCopy,
  isServing: boolean,
  parts: GoingBack,
): void {
  const on = now.servers.find((one) => one.name === server)!;
  const blueprint = blueprintOf(now, service, on);
  parts.start.push({
    kind: 'start',
    service: service.name,
    server,
    slot,
    name,
    release,
    blueprint,
    existing: id,
  });
  const { current } = service.known;
  if (!isServing || isAdopted) return;
  parts.check.push(checkOf({ ...service, spec: current ?? service.spec }, server, slot, name));
}
