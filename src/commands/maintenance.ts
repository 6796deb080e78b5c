import { type MaintenanceReport, switchMaintenance } from '../deploy/maintenance.ts';
import type { Maintenance } from '../deploy/observation/maintenance.ts';
import type { Author } from '../model/release.ts';
import { type CommandResult, command } from './command.ts';
import { PROJECT } from './inputs.ts';
import { openProject } from './project.ts';

/** What was switched. */
export interface MaintenanceSwitched extends CommandResult<'changed' | 'result'> {
  kind: 'maintenance';
  /** For people: `shop production`. */
  title: string;
  report: MaintenanceReport;
}

/** maintenance switches maintenance on and off at once, without a deploy. */
export const maintenance = command({
  title: 'Switchyard maintenance',
  description:
    'Put services of an environment into maintenance on all servers at once, or take them out of it, without a deploy.',
  inputs: [...PROJECT, 'state', 'service', 'reason', 'exclude-servers'],
  outputs: ['changed', 'result'],
  meanings: {
    result:
      'JSON: by service that is in maintenance now, `from` (`action` or `file`), its `servers`, `since`, `by` and `reason`.',
  },
  async run(inputs, surroundings): Promise<MaintenanceSwitched> {
    const { reach, wanted, title, author } = await openProject(inputs, surroundings);
    const { state, service, reason, 'exclude-servers': excludedServers } = inputs;
    const note = { by: nameOf(author), ...(reason !== undefined && { reason }) };
    const report = await switchMaintenance({
      ...reach,
      wanted,
      isOn: state === 'on',
      services: service,
      excludedServers,
      note,
    });
    return {
      kind: 'maintenance',
      title,
      report,
      outputs: { changed: report.changed, result: byService(report.now) },
      failure: undefined,
    };
  },
});

function byService(now: readonly Maintenance[]): Record<string, Maintenance> {
  return Object.fromEntries([...now].reverse().map((one) => [one.service, one]));
}

/** `octocat, run 123`; on somebody's own machine there may be no actor. */
function nameOf({ actor, run }: Author): string {
  return [actor, `run ${run}`].filter(Boolean).join(', ');
}
