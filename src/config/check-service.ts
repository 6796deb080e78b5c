import { DEFAULTS } from './defaults.ts';
import type { ServiceInput } from './schema/service.ts';

/** Report is told of a mistake in a service, at the path of a key below it. */
export type Report = (path: readonly (string | number)[], message: string, hint?: string) => void;

/** checkService reports what is wrong among keys of a service that are right each by itself. */
export function checkService(input: ServiceInput, report: Report): void {
  checkVolumes(input, report);
  checkSecrets(input, report);
  checkReservation(input, report);
}

/** No two containers of a stateful service ever share a volume for writing. */
function checkVolumes(input: ServiceInput, report: Report): void {
  if (input.share_volumes) return;
  const strategy = input.strategy ?? DEFAULTS.strategy;
  const servers = input.servers ?? DEFAULTS.servers;
  input.volumes?.forEach((volume, index) => {
    if (volume.readOnly || volume.type === 'tmpfs') return;
    const what = `${volume.type === 'bind' ? 'directory' : 'volume'} ${JSON.stringify(volume.source)}`;
    if (strategy === 'toggle') {
      report(
        ['volumes', index],
        `two containers would write to ${what} at the same time during a toggle`,
        'Write strategy: recreate, or mount it read-only (:ro), or write share_volumes: true if that is safe (uploads, caches; never a database).',
      );
    } else if (servers > 1 && volume.type === 'volume') {
      report(
        ['volumes', index],
        `each of ${servers} servers would have a ${what} of its own, with other data`,
        'Write servers: 1, or share_volumes: true if the servers need not have the same data.',
      );
    }
  });
}

function checkSecrets(input: ServiceInput, report: Report): void {
  input.secrets?.forEach((secret, index) => {
    if (Object.hasOwn(input.environment ?? {}, secret)) {
      report(
        ['secrets', index],
        `"${secret}" is both a secret and a variable of the environment`,
        'Keep one of the two.',
      );
    }
  });
}

/** Docker refuses to create a container that reserves more than it may use. */
function checkReservation(input: ServiceInput, report: Report): void {
  const { limits, reservations } = input.deploy?.resources ?? {};
  if ((reservations?.memory ?? 0) > (limits?.memory ?? Number.POSITIVE_INFINITY)) {
    report(['deploy', 'resources', 'reservations', 'memory'], 'is more than the limit');
  }
}
