import type { Server } from '../fleet/server.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { NginxInstance } from '../nginx/instance.ts';
import { type Figures, trafficOf } from '../nginx/traffic.ts';
import { holderOf } from '../state/lease.ts';
import type { Snapshot } from '../state/snapshot.ts';
import { withEnvironment } from './environment.ts';
import { backupAges, restoresOf } from './observation/backups.ts';
import { exposedSecrets } from './observation/exposed-secrets.ts';
import { type StatusReport, statusOf } from './observation/status.ts';
import { survey } from './observation/survey.ts';
import { buildKeptInput } from './planning/build-input.ts';
import type { ObservedServer } from './planning/observed.ts';
import type { Reach } from './request.ts';
import { Timeline } from './timeline.ts';

/** What status looks at. */
export interface StatusRequest extends Reach {
  wanted: EnvironmentSpec;
  zones: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
  /** Values of secrets by name, to be looked for on the record. */
  secrets: Readonly<Record<string, string>>;
}

/** status asks servers and record and compares; it changes nothing and needs no lease. */
export async function status(request: StatusRequest): Promise<StatusReport> {
  const { wanted: file, zones, excludedServers, clock } = request;
  const narrowing = { services: undefined, zones, excludedServers };
  const opening = { wanted: file, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async ({ wanted, repository, fleet, journal }) => {
    const { snapshot } = journal;
    const facts = await survey(fleet, snapshot, { wanted, repository, secrets: {}, narrowing, clock });
    const [backups, restores, exposed, figures] = await Promise.all([
      backupAges(snapshot, wanted, clock.now()),
      restoresOf(snapshot, wanted),
      exposedOn(snapshot, request.secrets),
      fleet.onAll((server) =>
        figuresOf(
          server,
          facts.observed.find(({ name }) => name === server.name),
        ),
      ),
    ]);
    const traffic = trafficOf(
      wanted,
      figures.filter((one) => one !== undefined),
    );
    return {
      ...statusOf(buildKeptInput(facts), holderOf(snapshot.lease, clock.now()), traffic),
      backups,
      restores,
      exposed,
    };
  });
}

/** What the edge of a server has counted; undefined where there is none that says so. */
async function figuresOf(server: Server, observed: ObservedServer | undefined): Promise<Figures | undefined> {
  const { id, name, address, isRunning } = observed?.edge ?? {};
  if (!isRunning || id === undefined || name === undefined || address === undefined) return undefined;
  return await new NginxInstance('edge', server, { id, name, address }).figures();
}

/** All releases that the tip of the state branch has, also of services that have left. */
async function exposedOn(snapshot: Snapshot, secrets: StatusRequest['secrets']): Promise<string[]> {
  if (Object.keys(secrets).length === 0) return [];
  const { services, release_numbers = {} } = snapshot.state;
  const names = new Set([...Object.keys(services), ...Object.keys(release_numbers)]);
  const releases = await Promise.all([...names].map((name) => snapshot.releases(name)));
  return exposedSecrets(releases.flat(), secrets);
}
