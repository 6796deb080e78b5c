import type { EnvironmentSpec } from '../model/spec.ts';
import { holderOf } from '../state/lease.ts';
import { withEnvironment } from './environment.ts';
import { type StatusReport, statusOf } from './observation/status.ts';
import { survey } from './observation/survey.ts';
import { buildKeptInput } from './planning/build-input.ts';
import type { Reach } from './request.ts';
import { Timeline } from './timeline.ts';

/** What status looks at. */
export interface StatusRequest extends Reach {
  wanted: EnvironmentSpec;
  zones: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
}

/** status asks servers and record and compares; it changes nothing and needs no lease. */
export async function status(request: StatusRequest): Promise<StatusReport> {
  const { wanted: file, zones, excludedServers, clock } = request;
  const narrowing = { services: undefined, zones, excludedServers };
  const opening = { wanted: file, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async ({ wanted, repository, fleet, journal }) => {
    const { snapshot } = journal;
    const facts = await survey(fleet, snapshot, { wanted, repository, secrets: {}, narrowing, clock });
    return statusOf(buildKeptInput(facts), holderOf(snapshot.lease, clock.now()));
  });
}
