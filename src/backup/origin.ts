import { withEnvironment } from '../deploy/environment.ts';
import type { Reach } from '../deploy/request.ts';
import { Timeline } from '../deploy/timeline.ts';
import type { Server } from '../fleet/server.ts';
import type { BackupReceipt, BackupSpec } from '../model/backup.ts';
import { UserError } from '../model/errors.ts';
import { backupsVolumeName, type Scope } from '../model/names.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { repositorySecrets, type SecretsRequest } from './secrets.ts';

/** Another environment of the file, whose data comes to the one of the run. */
export interface OriginRequest extends Reach, SecretsRequest {
  wanted: EnvironmentSpec;
  /** The environment's servers are asked for the secrets that only they know. */
  excludedServers: readonly string[] | undefined;
}

/** Where the backups of another environment lie, with what opens that, and which its record knows. */
export interface Origin {
  scope: Scope;
  spec: BackupSpec;
  secrets: Readonly<Record<string, string>>;
  /** The oldest first. */
  receipts: readonly BackupReceipt[];
}

/**
 * openOrigin reads where the backups of a service lie in another environment. Nothing of that is written, no lease is taken,
 * and its servers are asked only for secrets that were generated there. It throws a UserError where it backs up no such service.
 */
export async function openOrigin(request: OriginRequest, service: string): Promise<Origin> {
  const { wanted, clock, generated, excludedServers } = request;
  const scope = { project: wanted.project, environment: wanted.environment };
  const spec = wanted.services.find(({ name }) => name === service)?.backup;
  if (spec === undefined) {
    throw new UserError(
      `${service} is not backed up in ${wanted.environment}, from where its data shall come`,
      {
        hint: 'Is the name of the environment right? What is backed up in one, its "services" or those at the top of the file say.',
      },
    );
  }
  if (generated === undefined) {
    const store = await request.openStore();
    try {
      const snapshot = await store.read();
      return { scope, spec, secrets: request.secrets, receipts: await snapshot.receipts(service) };
    } finally {
      await store.close();
    }
  }
  const narrowing = { services: undefined, zones: undefined, excludedServers };
  const opening = { wanted, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async (environment) => {
    const secrets = await repositorySecrets(request, environment);
    return { scope, spec, secrets, receipts: await environment.journal.snapshot.receipts(service) };
  });
}

/** requireWithinReach throws a UserError where the backups of another environment lie on the disk of servers that it shares none with. */
export async function requireWithinReach(
  { engine, name }: Server,
  { scope, spec }: Pick<Origin, 'scope' | 'spec'>,
): Promise<void> {
  if (spec.to.kind !== 'disk' || (await engine.hasVolume(backupsVolumeName(scope)))) return;
  throw new UserError(
    `backups of ${scope.environment} lie on the disks of its servers, and ${name} is none of them`,
    {
      hint: 'Name a place that both reach, by "to" of "backup" in the file, and make a backup there.',
    },
  );
}
