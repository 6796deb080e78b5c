import { setTimeout as sleep } from 'node:timers/promises';
import { allOrErrors } from '../../fleet/fleet.ts';
import { divert } from '../../nginx/divert.ts';
import type { DivertStep, Takeover } from '../planning/plan.ts';
import { nginxKey, type RunContext } from './context.ts';
import { type DrainOutcome, drain, warnOfCut } from './drain.ts';
import { perform } from './perform.ts';
import { prepare } from './prepare.ts';
import { type Retiring, retireAll, settledAfter } from './run-level.ts';

/** A connection that the kernel has for the front already is accepted within this time. */
const SETTLE_MS = 1_000;

/**
 * takeOver lets what ran before Switchyard leave, when all services have their traffic. This is the order that loses
 * no request: the front keeps all it needs for as long as anybody is connected to it, and its ports until new
 * connections go past it.
 */
export function takeOver(context: RunContext, takeover: Takeover): Retiring {
  const done = leaveInOrder(context, takeover, settledAfter(context, Date.now()));
  // Whoever waits for all drains hears of it; nobody else has to.
  done.catch(() => undefined);
  return { done, probes: Promise.resolve(new Map()) };
}

async function leaveInOrder(
  context: RunContext,
  takeover: Takeover,
  settledAt: number,
): Promise<Map<string, DrainOutcome>> {
  const { log, fleet, scope, nginx, guard } = context;
  await allOrErrors(takeover.divert.map((step) => perform(log, step, () => goPast(context, step))));
  const services = await retireAll(context, takeover.leave, settledAt);
  const fronts = await retireAll(context, takeover.nginx, settledAt);
  await allOrErrors(
    takeover.open.map((step) =>
      perform(log, step, () => prepare(fleet.server(step.host), step, { scope, nginx, log, guard })),
    ),
  );
  return new Map([...services, ...fronts]);
}

async function goPast(context: RunContext, step: DivertStep): Promise<void> {
  const { fleet, guard, instances, log, nginx, scope, timeline } = context;
  const server = fleet.server(step.host);
  const bridge = instances.get(nginxKey(step.host, 'edge'));
  if (bridge === undefined) throw new Error(`${step.host}: there is no running edge`);
  await timeline.measure({ phase: 'divert', host: step.host }, async () => {
    await guard.confirm();
    await divert(bridge, nginx.image, step.ports);
    await sleep(SETTLE_MS, undefined, { signal: guard.signal });
    const target = { ...step, service: 'nginx', ports: step.containerPorts };
    const outcome = await drain(server, target, {
      scope,
      helperImage: nginx.image,
      log,
      signal: guard.signal,
    });
    warnOfCut(log, `${step.name} on ${step.host}`, outcome, step.drainTimeoutMs, 'still open');
  });
}
