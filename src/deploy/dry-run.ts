import type { Log } from '../../model/log.ts';
import { holderOf } from '../../state/lease.ts';
import { assemble, assembleKept } from '../planning/assemble.ts';
import { checkNarrowing, serversOf } from '../planning/narrowing.ts';
import { isEmpty, type Plan } from '../planning/plan.ts';
import type { WantedService } from '../planning/plan-input.ts';
import { planDeploy } from '../planning/planner.ts';
import type { DeployRequest } from '../request.ts';
import { type Drift, driftOf } from './drift.ts';
import type { Finding } from './findings.ts';
import { lookAt, type Ways } from './look.ts';
import { preflight } from './preflight.ts';
import { survey } from './survey.ts';

/** What a dry run is asked to look at. */
export interface DryRunRequest extends Ways, Pick<DeployRequest, 'wanted' | 'secrets' | 'narrowing'> {
  log: Log;
}

/** What a deploy would do now, and what it would meet. */
export interface DryRunReport {
  plan: Plan;
  services: readonly WantedService[];
  /** A deploy would change something. */
  changed: boolean;
  /** Where servers and record differ. */
  drift: Drift[];
  /** What the look at the servers before a deploy has found; with an error among it, a deploy would fail. */
  findings: Finding[];
}

/** dryRun plans a deploy, and looks at all that it would need on the servers. It changes nothing, and takes no lease. */
export async function dryRun(request: DryRunRequest): Promise<DryRunReport> {
  const { wanted, secrets, narrowing, log } = request;
  checkNarrowing(wanted, narrowing);
  return await lookAt(request, serversOf(wanted, narrowing), async (fleet, snapshot) => {
    const facts = await log.group('Look at what runs', () =>
      survey(fleet, snapshot, wanted, secrets, narrowing),
    );
    const input = assemble(facts);
    const plan = planDeploy(input);
    const kept = assembleKept(facts);
    const findings = await log.group('Look at what a deploy would need', () =>
      preflight(fleet, input, plan, holderOf(snapshot.lease)),
    );
    return {
      plan,
      services: input.services,
      changed: !isEmpty(plan),
      drift: driftOf(kept, planDeploy(kept)),
      findings,
    };
  });
}
