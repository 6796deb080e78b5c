import { allOrErrors } from '../../fleet/fleet.ts';
import { NginxInstance } from '../../nginx/instance.ts';
import type { NginxKind } from '../../nginx/render.ts';
import { findImage } from '../looking/observe.ts';
import { survey } from '../looking/survey.ts';
import { assemble, assembleKept } from '../planning/assemble.ts';
import type { ObservedNginx, ObservedServer } from '../planning/observed.ts';
import type { Plan, RetireStep } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { planDeploy } from '../planning/planner.ts';
import { refuseUnfinished } from '../planning/unfinished-hook.ts';
import { checkImages } from '../restoring/restore.ts';
import { nginxKey, placeKey } from './context.ts';
import { awaitHook } from './hook.ts';
import type { Means } from './means.ts';
import { retire, settledAfter } from './run-level.ts';
import { settle } from './settling.ts';

/** What was seen, and what is to be done about it. */
export interface Outlook {
  input: PlanInput;
  plan: Plan;
}

/**
 * lookAhead looks at servers and record and plans. What an earlier run left in the middle comes first, and then it looks
 * again: a switch that was cut off, hooks that still run, drains where a new side has to stand. In a dry run it only plans.
 */
export async function lookAhead(means: Means): Promise<Outlook> {
  const { log, dryRun } = means.request;
  let outlook = await log.group('Look at what runs', () => lookAndPlan(means));
  if (dryRun) return outlook;
  const { settle: step } = outlook.plan;
  if (step !== undefined) {
    const { plan } = outlook;
    await log.group('Finish an interrupted switch', () => settle(means, means.context(), plan, step));
    outlook = await lookAndPlan(means);
  }
  while (outlook.plan.awaited.length > 0) {
    const { awaited } = outlook.plan;
    await log.group('Wait for hooks of an earlier run', () => awaitHooks(means, awaited));
    outlook = await lookAndPlan(means);
  }
  while (outlook.plan.vacate.some(isDrained)) {
    const { plan } = outlook;
    await log.group('Wait for an earlier drain', () => vacate(means, plan));
    outlook = await lookAndPlan(means);
  }
  return outlook;
}

async function lookAndPlan(means: Means): Promise<Outlook> {
  const { wanted, secrets, narrowing, unfinishedHook, scope, dryRun, restored } = means.request;
  const seen = await means.timeline.measure({ phase: 'observe' }, () =>
    survey(means.fleet, means.journal.snapshot, wanted, secrets, narrowing),
  );
  remember(means, seen.observed);
  const facts = { ...seen, unfinishedHook, ...(restored !== undefined && { restored }) };
  const input = scope === 'routes' ? assembleKept(facts) : assemble(facts);
  const plan = planDeploy(input);
  checkImages(input, plan);
  if (dryRun) return { input, plan };
  refuseUnfinished(plan.unfinished);
  return { input, plan: (await pullAlways(means, input, plan)) ? planDeploy(input) : plan };
}

/** What was seen once need not be asked for again. */
function remember(means: Means, observed: readonly ObservedServer[]): void {
  for (const { host, containers, sidecar, edge } of observed) {
    for (const { service, side, address } of containers) {
      if (address !== undefined) means.addresses.set(placeKey(host, service, side), address);
    }
    for (const [kind, nginx] of Object.entries({ sidecar, edge }) as [
      NginxKind,
      ObservedNginx | undefined,
    ][]) {
      if (!nginx?.isRunning || nginx.address === undefined) continue;
      const { id, name, address } = nginx;
      const instance = new NginxInstance(kind, means.fleet.server(host), { id, name, address }, nginx);
      means.instances.set(nginxKey(host, kind), instance);
    }
  }
}

/** `pull_policy: always` asks the registry before the plan: only then it is known whether anything changed. */
async function pullAlways(means: Means, input: PlanInput, plan: Plan): Promise<boolean> {
  const services = input.services.filter(
    ({ isSelected, spec }) => isSelected && spec.policy.pullPolicy === 'always',
  );
  await Promise.all(
    services.flatMap(({ name, spec: { container } }) =>
      (plan.standing[name] ?? []).map(async ({ host }) => {
        await means.pull({ host, image: container.image, policy: 'always' });
        const found = await findImage(means.fleet.server(host), container.image);
        const images = input.observed.find((observed) => observed.host === host)?.images;
        if (found !== undefined) images?.set(container.image, found);
      }),
    ),
  );
  return services.length > 0;
}

/** With the lease: what a migration changes is this environment's. */
async function awaitHooks(means: Means, steps: Plan['awaited']): Promise<void> {
  const context = means.context();
  await allOrErrors(steps.map((step) => awaitHook(context, step)));
}

/** Waits, without the lease, until sides are free on which an earlier run still drains. */
async function vacate(means: Means, plan: Plan): Promise<void> {
  const { log, signal } = means.request;
  const steps = plan.vacate.filter(isDrained);
  await means.pullNginx(plan.pulls);
  await means.journal.release();
  for (const { name, host } of steps) {
    log.info(
      `${name} on ${host} may be in use since an earlier deploy; its place is needed, so this run waits until it has drained`,
    );
  }
  const context = means.context({ ...means.guard(), signal });
  await Promise.all(steps.map((step) => retire(context, step, settledAfter(context, means.reloadedAt))));
  await means.journal.reopen();
}

function isDrained({ drainTimeoutMs }: RetireStep): boolean {
  return drainTimeoutMs !== undefined;
}
