import { holderOf } from '../state/lease.ts';
import { withEnvironment } from './environment.ts';
import { hideSecrets } from './hide-secrets.ts';
import { backupAges, lateBackups } from './observation/backups.ts';
import { driftOf } from './observation/drift.ts';
import { leftToDeploys } from './observation/left-to-deploys.ts';
import { describeMaintenance, maintenanceOf } from './observation/maintenance.ts';
import { renewalsOf } from './observation/renewals.ts';
import { survey } from './observation/survey.ts';
import { buildInput, buildKeptInput } from './planning/build-input.ts';
import { withConnectionValues } from './planning/connection-values.ts';
import { checkOwner } from './planning/ownership.ts';
import { isEmpty } from './planning/plan.ts';
import { planDeploy } from './planning/planner.ts';
import { judgeCertificates } from './preflight/judge-certificates.ts';
import { preflight } from './preflight/preflight.ts';
import type { ChangeRequest, DryRunReport } from './request.ts';
import { checkImages, restore } from './restore.ts';
import { Timeline } from './timeline.ts';

/** dryRun plans a change, and looks at all that it would need on the servers. It changes nothing, and takes no lease. */
export async function dryRun(request: ChangeRequest): Promise<DryRunReport> {
  const { scope, unfinishedHook, takeOverFrom, log, clock } = request;
  const opening = {
    wanted: request.wanted,
    narrowing: request.narrowing,
    access: 'read' as const,
    timeline: new Timeline(clock),
  };
  return await withEnvironment(request, opening, async (environment) => {
    const { repository, fleet } = environment;
    const { snapshot } = environment.journal;
    const asked = await restore(request, environment);
    const { wanted, restored, reconnected, notes = [] } = asked;
    const seen = await log.group('Look at what runs', () =>
      survey(fleet, snapshot, { ...asked, repository, clock }),
    );
    checkOwner(wanted, { repository, takeOverFrom }, seen.observed);
    const { authority, tlsSecrets: given, forcedCertificates: forced = [] } = request;
    const { revokedCertificates: revoke } = request;
    const ask = (pem: string) => authority.renewalAt(wanted.nginx.tls!.acme, pem);
    const certificates = { given, renewAt: await renewalsOf(wanted, seen.observed, ask), forced, revoke };
    const facts = withConnectionValues({
      ...{ ...seen, unfinishedHook, certificates },
      ...(restored !== undefined && { restored }),
      ...(reconnected !== undefined && { reconnected }),
    });
    hideSecrets(request, facts);
    const kept = buildKeptInput(facts);
    const input = scope === 'routes' ? kept : buildInput(facts);
    const plan = planDeploy(input);
    checkImages(input, plan);
    const holder = holderOf(snapshot.lease, clock.now());
    const findings = await log.group('Look at what a deploy would need', () =>
      preflight(fleet, input, plan, holder, request),
    );
    return {
      plan,
      services: input.services,
      changed: !isEmpty(plan),
      notes: [
        ...notes,
        ...(input.compared.with === 'deployed' ? leftToDeploys(kept, plan, wanted) : []),
        ...lateBackups(await backupAges(snapshot, wanted, clock.now())),
        ...describeMaintenance(maintenanceOf(input.scope, input.observed)),
      ],
      drift: driftOf(kept, planDeploy(kept)),
      findings: [...findings, ...judgeCertificates(input, plan)],
    };
  });
}
