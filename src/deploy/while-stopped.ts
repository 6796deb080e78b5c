import { allOrErrors } from '../fleet/fleet.ts';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import { portsOf } from '../model/spec.ts';
import { awaitReached } from '../nginx/open-edge.ts';
import type { OpenEnvironment } from './environment.ts';
import { rememberNginx } from './known-nginx.ts';
import { observe } from './observation/observe.ts';
import { checkOf } from './planning/service-plan.ts';
import { Knowledge, type LookContext } from './steps/context.ts';
import { awaitNobody, warnOfCut } from './steps/drain.ts';
import { awaitHealthy } from './steps/healthy.ts';
import { setWaiting } from './steps/queue.ts';

/** The copy of a service that is stopped for a while, and with what. */
export interface Pause {
  service: string;
  /** Names of the server and of the container. */
  server: string;
  id: string;
  run: string;
  log: Log;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * whileStopped stops a copy, does some work and starts it again, whatever has become of the work: healthy, as far as it gets there
 * in the time that it has. Where the service has `queue_requests`, its requests wait meanwhile at all doors, and nobody is connected any
 * more when it stops. Needs the lease. What a killed run leaves stopped, resumeStopped starts, and so does a deploy.
 */
export async function whileStopped<T>(
  environment: OpenEnvironment,
  pause: Pause,
  work: () => Promise<T>,
): Promise<T> {
  const { service, server, log, clock, signal } = pause;
  const copy = await lookAt(environment, pause);
  const { spec, check, context, servers } = copy;
  const { engine } = environment.fleet.server(server);
  const isHeld = spec.route.queueRequestsMs !== undefined;
  const target = { service, id: pause.id, name: check.name, ports: portsOf(spec).map(({ port }) => port) };
  const { drainTimeoutMs, stopGracePeriodMs } = spec.policy;
  const stopping = { ...context, clock: clock.endingWith(signal) };
  await context.guard.confirm();
  try {
    if (isHeld) {
      await setWaiting({ service, servers }, context, true);
      const open = await awaitNobody(stopping, server, { ...target, timeoutMs: drainTimeoutMs });
      warnOfCut(context, { name: check.name, server, timeoutMs: drainTimeoutMs }, open, 'cut');
    }
    log.info(`${server}: ${check.name} is stopped while its files are read`);
    await engine.stopContainer(pause.id, Math.ceil(stopGracePeriodMs / 1000));
    return await work();
  } finally {
    await engine.startContainer(pause.id);
    await resume(copy, stopping);
  }
}

/** resumeStopped starts a copy that a killed run has left stopped, and lets its requests go on. Needs the lease. */
export async function resumeStopped(environment: OpenEnvironment, pause: Pause): Promise<void> {
  const copy = await lookAt(environment, pause);
  const { server, log, id, clock, signal } = pause;
  log.warning(`${server}: ${copy.check.name} was left stopped by a run that was killed, and is started`);
  await copy.context.guard.confirm();
  await environment.fleet.server(server).engine.startContainer(id);
  await resume(copy, { ...copy.context, clock: clock.endingWith(signal) });
}

type Paused = Awaited<ReturnType<typeof lookAt>>;

/** Requests go on in any case: once the time is over they would have an error anyway. */
async function resume({ check, context, servers }: Paused, waiting: LookContext): Promise<void> {
  try {
    await awaitHealthy(check, waiting);
    await allOrErrors(
      [...context.known.instances.values()].map((nginx) =>
        awaitReached(nginx, context.scope, check.service, waiting.clock),
      ),
    );
  } finally {
    await setWaiting({ service: check.service, servers }, context, false);
  }
}

async function lookAt({ wanted, fleet, journal }: OpenEnvironment, pause: Pause) {
  const { service, server, id, run, log, clock, signal } = pause;
  const spec = wanted.services.find(({ name }) => name === service);
  if (spec === undefined) throw new Error(`${service} is not in the file`);
  const scope = { project: wanted.project, environment: wanted.environment };
  const observed = await fleet.onAll((one) => observe(one, scope, wanted, clock));
  const known = new Knowledge();
  for (const one of observed) rememberNginx(known, fleet.server(one.name), one, clock);
  const copy = observed.find(({ name }) => name === server)?.copies.find((one) => one.id === id);
  if (copy === undefined) {
    throw new UserError(`${server}: the container of ${service} was replaced meanwhile`, {
      hint: 'Run again.',
    });
  }
  const { lease } = journal;
  if (lease === undefined) throw new Error('nobody may stop a copy without the lease');
  const context: LookContext = {
    ...{ fleet, scope, servers: wanted.servers, nginx: wanted.nginx, log, clock, known },
    guard: { run, fence: lease.fence, signal, confirm: () => lease.confirm() },
  };
  const check = checkOf({ name: service, spec }, server, copy.slot, copy.name);
  return { spec, check, context, servers: observed.map(({ name }) => name) };
}
