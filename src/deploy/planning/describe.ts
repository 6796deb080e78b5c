import type { Change, Plan, PrepareStep, SecretSet, Step } from './plan.ts';
import { isCreating, isEmpty } from './plan.ts';
import { describeUnfinished } from './unfinished-hook.ts';

const EFFECTS: Record<Change['effect'], string> = {
  create: 'new',
  toggle: 'new containers beside the old ones',
  recreate: 'RESTART: the old container stops before the new one starts',
  reload: 'routes only, no new container',
  record: 'the record only',
  remove: 'removed',
  none: 'unchanged',
};

const EDGE_WORK: Record<NonNullable<PrepareStep['edge']>, string> = {
  create: 'create the edge',
  start: 'start the edge',
  join: 'join the edge',
  bridge: 'create the edge beside the front',
  open: 'give the edge its ports',
};

/** describePlan returns the plan as lines for a log. */
export function describePlan(plan: Plan): string[] {
  const title = `${plan.scope.project} ${plan.scope.environment}`;
  if (isEmpty(plan)) return [`${title}: nothing to do, everything is as the file says`];
  const stale = [
    ...plan.stale.left.map((host) => `  ${host} is left out: it gets no traffic, and stays as it is`),
    ...plan.stale.returned.map((host) => `  ${host} is no longer left out`),
  ];
  const steps = stepsOf(plan).map((step) => `  · ${describeStep(step)}`);
  return [
    `${title}: plan`,
    ...plan.changes.map((change) => `  ${describeChange(change)}`),
    ...stale,
    ...plan.unfinished.map((hook) => `  ${describeUnfinished(hook)}`),
    ...steps,
  ];
}

/** describeChange returns what happens to a service, and why, in one line. */
export function describeChange(change: Change): string {
  const { service, from, to, effect, reasons, hosts } = change;
  const number =
    effect === 'remove' ? `${from} → none` : from === to ? String(to) : `${from || 'none'} → ${to}`;
  const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : '';
  const where = hosts.length > 0 ? ` on ${hosts.join(', ')}` : '';
  return `${service} ${number}: ${EFFECTS[effect]}${where}${why}`;
}

/** stepsOf returns all steps of a plan in the order they run. */
export function stepsOf(plan: Plan): Step[] {
  return [
    ...plan.prepare.filter((step) => !isCreating(step)),
    ...(plan.settle === undefined ? [] : [plan.settle]),
    ...plan.awaited,
    ...plan.pulls,
    ...plan.prepare.filter(isCreating),
    ...plan.keepSecrets,
    ...plan.vacate,
    ...plan.levels.flatMap((level) => [
      ...level.preDeploy,
      ...level.stop,
      ...level.start,
      ...level.check,
      ...(level.switch === undefined ? [] : [level.switch]),
      ...level.postDeploy,
      ...level.retire,
    ]),
    ...plan.takeover.divert,
    ...plan.takeover.leave,
    ...plan.takeover.nginx,
    ...plan.takeover.open,
    ...plan.forgetSecrets,
    ...plan.teardown,
    ...plan.sweep,
  ];
}

/** describeStep returns a step as a sentence without a subject. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'pull':
      return `pull ${step.image} on ${step.host}`;
    case 'prepare': {
      const parts = [
        step.displaced && `rename ${step.displaced.name}`,
        step.sidecar && `${step.sidecar} the sidecar`,
        step.edge && EDGE_WORK[step.edge],
      ];
      return `${parts.filter(Boolean).join(' and ')} on ${step.host}`;
    }
    case 'keep-secrets':
      return `keep the secrets of ${servicesOf(step.sets)} on ${step.host}`;
    case 'forget-secrets':
      return `forget old secrets of ${servicesOf(step.sets)} on ${step.host}`;
    case 'stop':
      return `stop ${step.name} on ${step.host}`;
    case 'start': {
      const isVersioned = step.blueprint.container.naming === 'version';
      const called = isVersioned ? `, called ${step.name}` : '';
      return `start ${step.service} release ${step.release} as ${step.side} on ${step.host}${called}`;
    }
    case 'check':
      return `wait until ${step.service} (${step.side}) on ${step.host} is healthy`;
    case 'hook':
      return `run ${step.hook} of ${step.service} release ${step.release} on ${step.host}`;
    case 'await':
      return `wait until ${step.hook} of ${step.service} release ${step.release} on ${step.host} has ended`;
    case 'switch': {
      const what = step.moved.length > 0 ? `switch ${step.moved.join(', ')}` : 'give the routes';
      return `${what} on ${step.hosts.join(', ')}, and prove it`;
    }
    case 'retire': {
      if (step.drainTimeoutMs === undefined) return `remove ${step.name} on ${step.host}`;
      const limit = step.drainTimeoutMs === 0 ? 'without limit' : `at most ${step.drainTimeoutMs / 1000} s`;
      return `drain ${step.name} on ${step.host} (${limit}), then stop and remove it`;
    }
    case 'sweep':
      return `remove ${step.what} ${step.name} from ${step.host}: nothing refers to it`;
    case 'divert':
      return `send new connections to port ${step.ports.join(' and ')} of ${step.host} to the edge, past ${step.name}, and wait until those of ${step.name} are over`;
    case 'teardown':
      return `remove sidecar, network and kept secrets from ${step.host}; volumes of services stay`;
  }
}

function servicesOf(sets: readonly SecretSet[]): string {
  return [...new Set(sets.map(({ service }) => service))].join(', ');
}
