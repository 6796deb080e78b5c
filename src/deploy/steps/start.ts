import type { HealthConfig } from '@docker/node-sdk';
import { EngineError, isStatus } from '../../docker/http.ts';
import { removeWithFiles } from '../../fleet/delivered-files.ts';
import { copyKey, type Slot } from '../../model/copy.ts';
import { UserError } from '../../model/errors.ts';
import { LABEL } from '../../model/labels.ts';
import { networkName } from '../../model/names.ts';
import type { HealthTimes } from '../../model/spec.ts';
import { type Blueprint, settingsOf } from '../planning/blueprint.ts';
import type { LookContext, RunContext } from './context.ts';
import { createContainer } from './create-container.ts';
import type { StepKind } from './kind.ts';

/** A new copy beside the old one, or an existing one that is started again. */
export interface StartStep {
  kind: 'start';
  service: string;
  server: string;
  slot: Slot;
  /** The container's name. */
  name: string;
  release: number;
  blueprint: Blueprint;
  /** Id of a stopped container that already is what is wanted. */
  existing: string | undefined;
}

/** The HEALTHCHECK of an image, as the engine knows it of a container; times that it does not say are left out. */
export interface ImageCheck extends Partial<HealthTimes> {
  /** Empty without one, and `['NONE']` where there shall be none. */
  test: readonly string[];
}

/** A copy that runs, as far as its health check has to know it. */
export interface StartedCopy {
  id: string;
  name: string;
  /** On the environment's network. */
  address: string;
  imageCheck: ImageCheck;
  /** Ports that it exposes, whoever says so. */
  exposed: readonly number[];
  /** How often its engine had started it again by then. */
  restarts: number;
  /** From when on the time counts that it has to become healthy. */
  since: number;
}

/** Creates a container and starts it. It throws a UserError when the engine refuses; what it created is gone then. */
export const start: StepKind<StartStep> = {
  moments: ['created'],
  describe({ service, release, slot, server, name, blueprint, existing }) {
    if (existing !== undefined) return `start ${name} on ${server} again`;
    const called = blueprint.container.naming === 'version' ? `, called ${name}` : '';
    return `start ${service} release ${release} as ${slot} on ${server}${called}`;
  },
  async run(step, context) {
    const server = context.fleet.server(step.server);
    const id = step.existing ?? (await create(context, step));
    context.moment('created');
    try {
      await server.engine.startContainer(id);
    } catch (error) {
      if (step.existing === undefined) await removeWithFiles(server, id);
      throw startFailure(step, error);
    }
    await inspectStarted(context, step, id);
  },
};

/** inspectStarted returns the copy with this id or container name, and notes its address for the routes. */
export async function inspectStarted(
  { fleet, scope, known, clock }: LookContext,
  place: Pick<StartStep, 'server' | 'service' | 'slot'>,
  id: string,
): Promise<StartedCopy> {
  const container = await fleet.server(place.server).engine.inspectContainer(id);
  const copy: StartedCopy = {
    id: container.Id!,
    name: container.Name?.replace(/^\//, '') ?? '',
    address: container.NetworkSettings?.Networks?.[networkName(scope)]?.IPAddress ?? '',
    imageCheck: imageCheckOf(container.Config?.Healthcheck),
    exposed: Object.keys(container.Config?.ExposedPorts ?? {}).map((port) => Number.parseInt(port, 10)),
    restarts: container.RestartCount ?? 0,
    since: clock.now(),
  };
  known.addresses.set(copyKey(place), copy.address);
  known.started.set(copyKey(place), copy);
  return copy;
}

/** The engine tells durations in nanoseconds, and 0 for what nobody has said. */
function imageCheckOf({ Test, Interval, Timeout, Retries, StartPeriod }: HealthConfig = {}): ImageCheck {
  return {
    test: Test ?? [],
    ...(Interval && { intervalMs: Interval / 1e6 }),
    ...(Timeout && { timeoutMs: Timeout / 1e6 }),
    ...(Retries && { retries: Retries }),
    ...(StartPeriod && { startPeriodMs: StartPeriod / 1e6 }),
  };
}

async function create(context: RunContext, step: StartStep): Promise<string> {
  const { service, server, name, blueprint } = step;
  const settings = settingsOf(blueprint, step);
  const { platform } = blueprint.container.options ?? {};
  try {
    const id = await createContainer(context, { service, server, name, settings, platform }, (create) =>
      create().catch(async (error: unknown) => {
        if (!isStatus(error, 409) || !(await removeLatecomer(context, step))) throw error;
        return await create();
      }),
    );
    context.known.created.add(id);
    context.known.unused.add(id);
    return id;
  } catch (error) {
    throw startFailure(step, error);
  }
}

/**
 * removeLatecomer removes a container of this service whose name was free when this run looked; it returns whether
 * there was one. A run that was cut off may have had one call on its way: TCP delivers it when the network is back,
 * after the run has ended and the next one has looked. Nothing but a switch gives a container traffic, and this run
 * holds the lease: it has had none.
 */
async function removeLatecomer({ fleet, scope, log }: RunContext, step: StartStep): Promise<boolean> {
  const server = fleet.server(step.server);
  const latecomer = await server.engine.findContainer(step.name);
  const labels = latecomer?.Config?.Labels ?? {};
  const isOurs =
    labels[LABEL.role] === 'service' &&
    labels[LABEL.project] === scope.project &&
    labels[LABEL.environment] === scope.environment &&
    labels[LABEL.service] === step.service;
  if (latecomer === undefined || !isOurs) return false;
  log.info(`${step.server}: ${step.name} came late, from a run that was cut off; it is replaced`);
  await removeWithFiles(server, latecomer.Id!);
  return true;
}

/** Without the engine's answer nobody knows what became of the call: that error says so, and what to do. */
function startFailure(step: StartStep, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { message } = error;
  const hint = /already in use by container/.test(message)
    ? 'A container that Switchyard did not create has that name. Rename or remove it.'
    : /port is already allocated|address already in use|cannot assign requested address/.test(message)
      ? 'Is private_ip an address of that server, and does something else listen on that port?'
      : 'The Docker engine refused it, in the words above.';
  return new UserError(`${step.server}: ${step.name} cannot start: ${message}`, { hint, cause: error });
}
