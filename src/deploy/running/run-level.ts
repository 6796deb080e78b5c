import { setTimeout as sleep } from 'node:timers/promises';
import { allOrErrors } from '../../fleet/fleet.ts';
import type { CheckStep, Level, RetireStep, StopStep } from '../planning/plan.ts';
import { placeKey, type RunContext } from './context.ts';
import { type DrainOutcome, drain, warnOfCut } from './drain.ts';
import { awaitHealthy } from './health.ts';
import { runHook } from './hook.ts';
import { perform } from './perform.ts';
import type { ProbeReport } from './probe.ts';
import { startProbes } from './probing.ts';
import { inspectStarted, type Started, start } from './start.ts';
import { type Readiness, switchRoutes } from './switch.ts';

/** What a level has left to do when its traffic has moved. */
export interface Retiring {
  /** Resolves when the old containers are gone. */
  done: Promise<Map<string, DrainOutcome>>;
  /** What the probe saw of each service. */
  probes: Promise<Map<string, ProbeReport>>;
}

/**
 * runLevel replaces the services of one level. This is the order that loses no request (DESIGN §5.1): nothing
 * touches an old side before the switch is proven. The old sides drain while the next level begins.
 */
export async function runLevel(context: RunContext, level: Level): Promise<Retiring> {
  await allOrErrors(level.preDeploy.map((step) => runHook(context, step)));
  await allOrErrors(level.stop.map((step) => perform(context.log, step, () => stop(context, step))));
  const started = await allOrErrors(
    level.start.map((step) => perform(context.log, step, () => start(context, step))),
  );
  const health = checkAll(context, level, started);
  await health.soon;
  const probes = await startProbes(context, level);
  try {
    if (level.switch !== undefined) await switchRoutes(context, level.switch, health);
    else await health.now;
  } catch (error) {
    await Promise.all([health.end(), probes.endAfter(Promise.resolve())]);
    throw error;
  }
  const done = retireAll(context, level.retire, settledAfter(context, Date.now()));
  return { done, probes: probes.endAfter(done) };
}

/** The health of a level's new containers. */
interface Health extends Readiness {
  /** end asks no more, and returns when nobody is asked any more. */
  end(): Promise<void>;
}

/** Asks all new containers at once. The switch is made ready as soon as every one of them has answered once. */
function checkAll(context: RunContext, level: Level, started: readonly Started[]): Health {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.guard.signal, stop.signal]);
  const checks = level.check.map((step) => {
    const first = Promise.withResolvers<void>();
    const healthy = perform(context.log, step, () => check(context, step, started, signal, first.resolve));
    return { healthy, answered: first.promise };
  });
  const now = allOrErrors(checks.map(({ healthy }) => healthy)).then(() => undefined);
  const answered = Promise.all(checks.map((one) => one.answered)).then(() => undefined);
  const isOver = now.catch(() => undefined);
  return {
    soon: Promise.race([answered, now]),
    now,
    end: async () => {
      stop.abort();
      await isOver;
    },
  };
}

async function stop(context: RunContext, step: StopStep): Promise<void> {
  const { engine } = context.fleet.server(step.host);
  await context.timeline.measure({ ...step, phase: 'stop' }, () =>
    engine.stopContainer(step.id, Math.ceil(step.graceMs / 1000)),
  );
}

async function check(
  context: RunContext,
  step: CheckStep,
  started: readonly Started[],
  signal: AbortSignal,
  answered: () => void,
): Promise<void> {
  const server = context.fleet.server(step.host);
  await context.timeline.measure({ ...step, phase: 'healthy' }, async () => {
    const place = placeKey(step.host, step.service, step.side);
    // Where an earlier run was cut off, the container has been running since then.
    const container =
      started.find((one) => one.place === place) ?? (await inspectStarted(context, step, step.name));
    await awaitHealthy(server, { ...step, ...container }, signal, answered);
  });
}

/** retireAll ends containers side by side; it returns how their drains ended, by id. */
export async function retireAll(
  context: RunContext,
  steps: readonly RetireStep[],
  settledAt: number,
): Promise<Map<string, DrainOutcome>> {
  const outcomes = await allOrErrors(
    steps.map(async (step) => [step.id, await retire(context, step, settledAt)] as const),
  );
  return new Map(outcomes);
}

/**
 * settledAfter returns when old workers have nothing to bring any more after a reload: until then they may bring
 * one more request of a connection that was idle.
 */
export function settledAfter({ nginx }: RunContext, reloadedAt: number): number {
  return reloadedAt + nginx.keepaliveMinTimeoutMs + 1_000;
}

/** retire drains, stops and removes a container that gets no new traffic. All calls name its id. */
export function retire(context: RunContext, step: RetireStep, settledAt: number): Promise<DrainOutcome> {
  return perform(context.log, step, () => drainAndStop(context, step, settledAt));
}

async function drainAndStop(context: RunContext, step: RetireStep, settledAt: number): Promise<DrainOutcome> {
  const { timeline, guard, log, scope, nginx } = context;
  const server = context.fleet.server(step.host);
  let outcome: DrainOutcome = { ms: 0, cut: 0 };
  if (step.drainTimeoutMs !== undefined) {
    outcome = await timeline.measure({ ...step, phase: 'drain' }, async () => {
      await sleep(Math.max(0, settledAt - Date.now()), undefined, { signal: guard.signal });
      const target = {
        ...step,
        ports: step.containerPort === undefined ? undefined : [step.containerPort],
        drainTimeoutMs: step.drainTimeoutMs ?? 0,
      };
      return await drain(server, target, { scope, helperImage: nginx.image, log, signal: guard.signal });
    });
    warnOfCut(log, `${step.name} on ${step.host}`, outcome, step.drainTimeoutMs, 'cut');
  }
  await timeline.measure({ ...step, phase: 'stop' }, async () => {
    await server.engine.stopContainer(step.id, Math.ceil(step.graceMs / 1000));
    await server.engine.removeContainer(step.id);
    await Promise.all(step.helpers.map((id) => server.engine.removeContainer(id)));
  });
  return outcome;
}
