import { EngineError, isStatus } from '../../docker/http.ts';
import { UserError } from '../../model/errors.ts';
import { LABEL } from '../../model/labels.ts';
import { networkName } from '../../model/names.ts';
import { containerRequest } from '../planning/container.ts';
import type { CheckStep, StartStep } from '../planning/plan.ts';
import { placeKey, type RunContext } from './context.ts';

/** A container that was started, as far as its health check has to know it. */
export interface Started {
  /** Its `placeKey`. */
  place: string;
  id: string;
  name: string;
  /** On the environment's network. */
  address: string;
  /** The test of its HEALTHCHECK, empty without one. */
  imageTest: readonly string[];
}

/**
 * start creates a container and starts it, or starts again the one that the step names. It throws a UserError when
 * the engine refuses; what it created is gone then.
 */
export async function start(context: RunContext, step: StartStep): Promise<Started> {
  const { engine } = context.fleet.server(step.host);
  return await context.timeline.measure({ ...step, phase: 'start' }, async () => {
    const id = step.existing ?? (await create(context, step));
    try {
      await engine.startContainer(id);
    } catch (error) {
      if (step.existing === undefined) await engine.removeContainer(id);
      throw startFailure(step, error);
    }
    return await inspectStarted(context, step, id);
  });
}

/** inspectStarted returns the container with this id or name, and notes its address for the routes. */
export async function inspectStarted(
  context: RunContext,
  step: StartStep | CheckStep,
  id: string,
): Promise<Started> {
  const place = placeKey(step.host, step.service, step.side);
  const container = await context.fleet.server(step.host).engine.inspectContainer(id);
  const address = container.NetworkSettings?.Networks?.[networkName(context.scope)]?.IPAddress ?? '';
  context.addresses.set(place, address);
  const name = container.Name?.replace(/^\//, '') ?? '';
  return { place, id: container.Id!, name, address, imageTest: container.Config?.Healthcheck?.Test ?? [] };
}

async function create(context: RunContext, step: StartStep): Promise<string> {
  const { engine } = context.fleet.server(step.host);
  const { side, release } = step;
  const secrets = context.secrets[step.service] ?? {};
  try {
    const request = containerRequest(step.blueprint, { side, release, secrets });
    const id = await engine.createContainer(step.name, request).catch(async (error: unknown) => {
      if (!isStatus(error, 409) || !(await removeLatecomer(context, step))) throw error;
      return await engine.createContainer(step.name, request);
    });
    const unused = context.unused.get(step.service) ?? new Set();
    context.unused.set(step.service, unused.add(id));
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
  const { engine } = fleet.server(step.host);
  const latecomer = await engine.findContainer(step.name);
  const labels = latecomer?.Config?.Labels ?? {};
  const isOurs =
    labels[LABEL.role] === 'service' &&
    labels[LABEL.project] === scope.project &&
    labels[LABEL.environment] === scope.environment &&
    labels[LABEL.service] === step.service;
  if (latecomer === undefined || !isOurs) return false;
  log.info(`${step.host}: ${step.name} came late, from a run that was cut off; it is replaced`);
  await engine.removeContainer(latecomer.Id!);
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
      : 'The Docker engine refused it; what ran before still serves.';
  return new UserError(`${step.host}: ${step.name} cannot start: ${message}`, { hint, cause: error });
}
