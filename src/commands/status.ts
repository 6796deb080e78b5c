import { describeBackup } from '../deploy/observation/backups.ts';
import { describeEnd } from '../deploy/observation/certificates.ts';
import type { StatusReport } from '../deploy/observation/status.ts';
import { status as look } from '../deploy/status.ts';
import type { Urgency } from '../model/certificate.ts';
import { UserError } from '../model/errors.ts';
import { type CommandResult, command } from './command.ts';
import { PROJECT } from './inputs.ts';
import { openProject } from './project.ts';

/** What runs where, and what differs from the record. */
export interface Status extends CommandResult<'releases' | 'result'> {
  kind: 'status';
  report: StatusReport;
}

/** endingIn returns the failure of a status that has found certificates which have expired, or are about to. */
export function endingIn({ certificates }: Pick<StatusReport, 'certificates'>): UserError | undefined {
  const named = (wanted: Urgency) => {
    const found = certificates.filter(({ urgency }) => urgency === wanted);
    return [...new Set(found.map((one) => `${one.domain}, ${describeEnd(one)}`))].join('; ');
  };
  const [expired, ending] = [named('expired'), named('ending')];
  if (expired === '' && ending === '') return undefined;
  const told = [
    expired && `certificates have expired: ${expired}`,
    ending && `certificates end soon: ${ending}`,
  ];
  return new UserError(told.filter((one) => one !== '').join('; '), {
    hint: 'Run the action certificates, or a deploy: it says why they cannot be renewed. Those of "mode: files" are renewed by whoever issued them.',
  });
}

/** lateIn returns the failure of a status whose backups are older than the file allows. */
function lateIn({ backups }: Pick<StatusReport, 'backups'>): UserError | undefined {
  const late = backups.filter(({ isLate }) => isLate);
  if (late.length === 0) return undefined;
  return new UserError(late.map(describeBackup).join('; '), {
    hint: 'Run the action backup, and see why the scheduled one does not: "max_age" in the file says how old a backup may be.',
  });
}

/** status shows what runs where in an environment. */
export const status = command({
  title: 'Switchyard status',
  description: 'Show what runs where in an environment, and where it differs from the record.',
  inputs: [...PROJECT, 'zones', 'exclude-servers', 'secrets'],
  outputs: ['releases', 'result'],
  meanings: {
    secrets:
      'The values of secrets by name, as a JSON object: all with the expression `toJSON(secrets)`. With them it is told which of them the state branch has in the clear. Not needed otherwise.',
    result:
      'JSON: by service its release, when and by which run it was deployed, its `copies` with `server`, `slot`, `container`, `release`, `image`, `isRunning` and `isActive`, what became of its last releases (`history`), and what the edges have served of it in the last minutes (`traffic`: `seconds`, `requests`, `requestsPerSecond`, `errors`, `failures`, `bytesReceived`, `bytesSent`, `latencyMs` with `p50`, `p95` and `p99`, `connections`, and the same for each of its `copies`).',
  },
  async run(inputs, surroundings): Promise<Status> {
    const { reach, wanted } = await openProject(inputs, surroundings);
    const { zones, 'exclude-servers': excludedServers } = inputs;
    const { secrets = {} } = inputs;
    const report = await look({ ...reach, wanted, zones, excludedServers, secrets });
    return {
      kind: 'status',
      report,
      outputs: { releases: report.releases, result: report.services },
      failure: endingIn(report) ?? lateIn(report),
    };
  },
});
