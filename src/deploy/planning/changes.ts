import type { Copy } from '../../model/copy.ts';
import { isWorker, toldRoutes } from '../../model/spec.ts';
import type { PlanInput } from './input.ts';
import { copiesOn, standingCopies } from './observed-copies.ts';
import type { Change, Effect } from './plan.ts';
import { explainChange } from './reasons.ts';
import { servingCopies } from './routed-copies.ts';
import type { ServicePlan } from './service-plan.ts';
import { leftOutSenders } from './standby.ts';
import { partHashes, type WantedService } from './wanted.ts';

/** planChanges says what happens to every service, and why: for people. Pure. */
export function planChanges(input: PlanInput, plans: ReadonlyMap<string, ServicePlan>): Change[] {
  return [
    ...input.services.flatMap((service) => {
      const plan = plans.get(service.name);
      return plan === undefined ? [] : [changeOf(input, service, plan)];
    }),
    ...input.removes
      .filter((service) => !isGoneButForStandby(input, service))
      .map((service) => removalOf(input, service)),
  ];
}

/** An earlier run has removed it, as far as servers that are left out let it. */
function isGoneButForStandby(input: PlanInput, service: string): boolean {
  if (input.state.services[service] !== undefined) return false;
  const standing = standingCopies(input, service);
  return standing.length > 0 && standing.every(({ on, copy }) => leftOutSenders(input, on, copy).length > 0);
}

function changeOf(input: PlanInput, service: WantedService, plan: ServicePlan): Change {
  const effect = effectOf(input, service, plan);
  const counted = explainNumbers(input, service, plan);
  const reasons =
    effect === 'scale'
      ? counted
      : [...explainChange(service, plan.rollout, input), ...explainAdoption(plan), ...counted];
  const servers = [...new Set(plan.copies.map(({ server }) => server))];
  const onEach = new Set(servers.map((server) => countOn(plan.copies, server)));
  const [each = 1] = onEach;
  return {
    service: service.name,
    from: service.known.current?.number ?? input.state.services[service.name]?.release ?? 0,
    to: service.release.number,
    effect,
    strategy: service.spec.policy.strategy,
    reasons: effect === 'record' && reasons.length === 0 ? ['the record names other copies'] : reasons,
    servers,
    ...(onEach.size === 1 && each > 1 && { copiesOnEach: each }),
    image: service.spec.container.image,
    domains: toldRoutes(service.spec.route),
    ...(isWorker(service.spec) && { isWorker: true }),
  };
}

function effectOf(input: PlanInput, service: WantedService, plan: ServicePlan): Effect {
  const { rollout, isMoving, isPostponed } = plan;
  if (isPostponed) return 'none';
  if (isScaled(input, service, plan)) return 'scale';
  if (rollout.start.length + rollout.check.length > 0) {
    return isStanding(input, service.name) ? service.spec.policy.strategy : 'create';
  }
  if (isMoving) return 'reload';
  if (service.release.isNew || service.known.rollout !== undefined) {
    return isRouteChanged(service) ? 'reload' : 'record';
  }
  return rollout.retire.length > 0 || !isRecorded(input, service.name, plan) ? 'record' : 'none';
}

function countOn(copies: readonly Pick<Copy, 'server'>[], server: string): number {
  return copies.filter((copy) => copy.server === server).length;
}

/** Where copies stand before and after, how many. */
function numbersOf(input: PlanInput, service: WantedService, { copies }: ServicePlan) {
  const before = servingCopies(input, service.name);
  return input.reached
    .map((server) => ({ server, was: countOn(before, server), is: countOn(copies, server) }))
    .filter(({ was, is }) => was > 0 && is > 0);
}

/** On each server it stands on stays what is there, or what is left of it; nothing is replaced. */
function isScaled(input: PlanInput, service: WantedService, plan: ServicePlan): boolean {
  const before = servingCopies(input, service.name);
  const numbers = numbersOf(input, service, plan);
  const stays = plan.copies.filter((copy) =>
    before.some(({ server, slot }) => server === copy.server && slot === copy.slot),
  );
  const isWhole = [...before, ...plan.copies].every(({ server }) =>
    numbers.some((one) => one.server === server),
  );
  const areKept = numbers.every(({ server, was, is }) => countOn(stays, server) === Math.min(was, is));
  return isWhole && areKept && numbers.some(({ was, is }) => was !== is) && service.release.isNew === false;
}

function explainNumbers(input: PlanInput, service: WantedService, plan: ServicePlan): string[] {
  return numbersOf(input, service, plan).flatMap(({ server, was, is }) =>
    was === is ? [] : [`${is} ${is === 1 ? 'copy' : 'copies'} on ${server} instead of ${was}`],
  );
}

function explainAdoption({ takenOver, isPostponed }: ServicePlan): string[] {
  const adopted = takenOver.map(({ name, server }) => `adopts ${name} on ${server}`);
  return isPostponed ? [...adopted, 'its change follows when that has left'] : adopted;
}

function isRouteChanged({ known: { current }, spec }: WantedService): boolean {
  return current !== undefined && partHashes(current).route !== partHashes(spec).route;
}

/** The record may name a server that left the file, or a slot that changed before a run could say so. */
function isRecorded(input: PlanInput, service: string, { copies }: ServicePlan): boolean {
  const recorded = input.state.services[service]?.copies.filter(({ state }) => state === 'serving') ?? [];
  return (
    recorded.length === copies.length &&
    copies.every(({ server, slot, name }) =>
      recorded.some((copy) => copy.server === server && copy.slot === slot && copy.container === name),
    )
  );
}

function isStanding(input: PlanInput, service: string): boolean {
  return input.reached.some((server) => copiesOn(input, service, server).length > 0);
}

function removalOf(input: PlanInput, service: string): Change {
  const recorded = input.state.services[service];
  return {
    service,
    from: recorded?.release ?? 0,
    to: 0,
    effect: 'remove',
    strategy: undefined,
    reasons: ['no longer in the file; its volumes stay'],
    servers: input.observed
      .filter(({ name }) => copiesOn(input, service, name).length > 0)
      .map(({ name }) => name),
    image: recorded?.image ?? '',
    domains: [],
  };
}
