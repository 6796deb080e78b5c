import type { Change, Effect, Plan } from '../deploy/planning/plan.ts';
import { isEmpty, type PlannedRollout } from '../deploy/planning/plan.ts';
import { describeUnfinished } from '../deploy/planning/unfinished-hook.ts';
import { allowedMs } from '../deploy/steps/healthy.ts';
import { describeStep, type Step } from '../deploy/steps/index.ts';

const EFFECTS: Record<Effect, string> = {
  create: 'new',
  toggle: 'new containers beside the old ones',
  recreate: 'RESTART: the old container stops before the new one starts',
  scale: 'the number of its containers',
  reload: 'routes only, no new container',
  record: 'the record only',
  remove: 'removed',
  none: 'unchanged',
};

/** New containers come. */
const STARTING: readonly Effect[] = ['create', 'toggle', 'recreate'];

/** describePlan returns a plan as lines for a log. */
export function describePlan(plan: Plan): string[] {
  const title = `${plan.scope.project} ${plan.scope.environment}`;
  if (isEmpty(plan)) return [`${title}: ${describeNothing(plan)}`];
  const lines = [
    ...plan.changes.map(describeChange),
    ...describeStale(plan),
    ...describeHealthWait(plan),
    ...describeWatches(plan),
    ...plan.unfinished.map(describeUnfinished),
    ...plan.steps.map(({ step }) => `· ${describeStep(step)}`),
  ];
  return [`${title}: plan`, ...lines.map((line) => `  ${line}`)];
}

/** describeNothing says what was compared, where there is nothing to do. */
export function describeNothing({ compared }: Pick<Plan, 'compared'>): string {
  const { services, servers, deployed } = compared;
  const where = servers === undefined ? '' : ` on ${servers.join(', ')}`;
  const releases = Object.entries(deployed)
    .filter(([service]) => services?.includes(service) ?? true)
    .map(([service, number]) => `${service} ${number}`)
    .join(', ');
  switch (compared.with) {
    case 'file':
      return services === undefined
        ? `nothing to do, everything${where} is as the file says`
        : `nothing to do${where} for ${services.join(', ')}, as the file says; other services were not compared`;
    case 'deployed':
      return `nothing to do: edge and sidecar${where} serve what is deployed (${releases || 'nothing'}). Images and settings of the file were not compared, a deploy does that`;
    case 'releases':
      return `nothing to do: what was asked for runs already${where} (${releases})`;
  }
}

/** describeChange returns what happens to a service, why, and what it is then, in one line. */
export function describeChange(change: Change): string {
  const { service, from, to, effect, reasons, servers, copiesOnEach } = change;
  const number =
    effect === 'remove' ? `${from} → none` : from === to ? String(to) : `${from || 'none'} → ${to}`;
  const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : '';
  const each = copiesOnEach === undefined ? '' : `, ${copiesOnEach} on each`;
  const where = servers.length > 0 ? ` on ${servers.join(', ')}${each}` : '';
  const isNew = effect !== 'remove' && (from !== to || STARTING.includes(effect));
  return `${service} ${number}: ${EFFECTS[effect]}${where}${why}${isNew ? `; ${describeImage(change)}` : ''}`;
}

/** describeImage returns what a service is, and where people find it: `ghcr.io/acme/api:1.2.3 at api.example.com`. */
export function describeImage({
  image,
  domains,
  isWorker,
}: Pick<Change, 'image' | 'domains' | 'isWorker'>): string {
  if (isWorker) return `${image}, a worker without a port`;
  return domains.length === 0 ? image : `${image} at ${domains.join(', ')}`;
}

/** describeStale says which servers a plan leaves out, which it brings up to date, and what stays for their sake, a line each. */
export function describeStale({ stale, standby }: Pick<Plan, 'stale' | 'standby'>): string[] {
  return [
    ...stale.left.map((server) => `${server} is left out: it gets no traffic, and stays as it is`),
    ...stale.returned.map((server) => `${server} is no longer left out`),
    ...standby.map(
      (copy) =>
        `${copy.name} on ${copy.server} stands by for ${copy.for.join(', ')}: requests may still come to it from there`,
    ),
  ];
}

/** describeHealthWait says how long a run may wait for health, where it waits: a line, or none. */
export function describeHealthWait({ steps, rollouts }: Pick<Plan, 'steps' | 'rollouts'>): string[] {
  const checks = new Map(
    steps.flatMap(({ id, step }) => (step.kind === 'healthy' ? [[id, step] as const] : [])),
  );
  const waits = rollouts
    .map((rollout) => healthWaitOf(rollout, checks))
    .filter(({ services }) => services.length > 0);
  if (waits.length === 0) return [];
  const inAll = waits.reduce((sum, { ms }) => sum + ms, 0);
  const parts = waits.map(({ services, ms }) => `${seconds(ms)} for ${services.join(', ')}`);
  const each = parts.length > 1 ? ` (${parts.join(', then ')})` : '';
  const ofImages = waits.some(({ mayBeLonger }) => mayBeLonger)
    ? ', unless the HEALTHCHECK of an image says otherwise'
    : '';
  return [`waits at most ${seconds(inAll)} for health${each}${ofImages}`];
}

/** describeWatches says which services are watched once they have the traffic, and for how long. */
export function describeWatches({ steps }: Pick<Plan, 'steps'>): string[] {
  return steps.flatMap(({ step }) =>
    step.kind === 'watch'
      ? [`watches ${step.service} for ${seconds(step.monitor.periodMs)} before its old containers go`]
      : [],
  );
}

type Check = Extract<Step, { kind: 'healthy' }>;

/** Services that change together are waited for side by side. */
function healthWaitOf({ steps }: PlannedRollout, checks: ReadonlyMap<string, Check>) {
  const own = steps.flatMap((id) => checks.get(id) ?? []);
  return {
    services: [...new Set(own.map(({ service }) => service))],
    ms: Math.max(0, ...own.map(({ healthcheck }) => allowedMs(healthcheck))),
    mayBeLonger: own.some(({ healthcheck }) => healthcheck.unsaid !== undefined),
  };
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
