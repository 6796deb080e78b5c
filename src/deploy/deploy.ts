import { failTogether } from '../model/errors.ts';
import { type LookAhead, type OpenEnvironment, withEnvironment } from './environment.ts';
import { follow, reportOf } from './follow.ts';
import { keptOf, withKeptImages } from './kept-images.ts';
import { backupAges, lateBackups } from './observation/backups.ts';
import { forgottenServers } from './observation/drift.ts';
import { isEmpty, type Plan } from './planning/plan.ts';
import { refuseUnfinished } from './planning/unfinished-hook.ts';
import { errorsOf, type Finding } from './preflight/findings.ts';
import { judgeClock } from './preflight/judge-server.ts';
import { certainFailures } from './preflight/preflight.ts';
import { lookAtTransfers } from './preflight/transfers.ts';
import { takeVitals, type Vitals } from './preflight/vitals.ts';
import type { DeployReport, DeployRequest } from './request.ts';
import { restore } from './restore.ts';
import { lookFor, Run } from './run.ts';
import { describeSpan, Timeline } from './timeline.ts';

/**
 * deploy brings an environment to what is wanted: it looks at the servers and the record, plans, runs the plan and
 * records. It throws before the first change for whatever can be known before; a failure after that is in the report,
 * beside what was done.
 */
export async function deploy(request: DeployRequest): Promise<DeployReport> {
  const { author, clock, leaseWaitMs, log, narrowing, signal, wanted } = request;
  const timeline = new Timeline(clock, (span) => log.info(describeSpan(span)));
  const lookAhead = async (ahead: LookAhead) => {
    const kept = await withKeptImages(ahead.wanted, await keptOf(request, ahead), ahead.snapshot);
    return await lookFor(request, timeline, { ...ahead, wanted: kept });
  };
  const opening = {
    ...{ wanted, narrowing, timeline, access: { author, leaseWaitMs, signal } },
    // What a rollback looks for the record has to say first.
    ...(request.rollback === undefined && { lookAhead }),
  };
  return await withEnvironment(request, opening, async (environment) => {
    const asked = await restore(request, environment);
    const ages = await backupAges(environment.journal.snapshot, asked.wanted, clock.now());
    for (const sentence of lateBackups(ages)) log.warning(sentence);
    return await deployTo(new Run(request, asked, { ...environment, timeline }), request, environment);
  });
}

async function deployTo(
  run: Run,
  request: DeployRequest,
  environment: OpenEnvironment,
): Promise<DeployReport> {
  const { clock, log } = request;
  for (;;) {
    const { input, plan } = await log.group('Look at what runs', () => run.plan());
    announce(plan, request, forgottenServers(input));
    refuseUnfinished(plan.unfinished);
    if (plan.steps.length > 0) await run.reachAgain(input);
    if (plan.gate.length > 0) {
      await run.clearTheWay(plan);
      continue;
    }
    if (isEmpty(plan)) return reportOf(run, { input, plan });
    // Not before: most runs of a workflow find nothing to do, and need not ask.
    const { fleet } = environment;
    const [vitals, transfers] = await Promise.all([
      fleet.onAll((server) => takeVitals(server, clock)),
      lookAtTransfers(fleet, plan, request.wanted.project, request.layouts),
    ]);
    checkServers(certainFailures(vitals, plan, transfers), vitals, request);
    const report = await follow(run, { input, plan });
    if (plan.postponed.length === 0 || report.failure !== undefined) return report;
    // What stood in their way has been taken over: they can change now.
    await environment.journal.reopen();
  }
}

function announce(plan: Plan, { log, onPlan }: DeployRequest, forgotten: readonly string[]): void {
  onPlan(plan);
  for (const sentence of [...plan.staying, ...plan.undecided]) log.warning(sentence);
  for (const server of forgotten) {
    log.warning(
      `${server} left the file: what still runs there stays, serves, and is no longer looked after. Remove it there, or put the server back`,
    );
  }
}

/** Before the first change: what is certain to fail fails now. */
function checkServers(
  failures: readonly Finding[],
  vitals: readonly (Vitals | undefined)[],
  { log }: DeployRequest,
): void {
  for (const one of vitals.filter((known) => known !== undefined)) {
    const { server, level, message } = judgeClock(one);
    if (level === 'warning') log.warning(`${server}: ${message}`);
  }
  failTogether(errorsOf(failures));
}
