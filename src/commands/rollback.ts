import { parseTarget } from '../deploy/record/choose-release.ts';
import { type PastReleases, pastReleases } from '../deploy/record/past-releases.ts';
import { UserError } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { type ChangeResult, change } from './change.ts';
import { type CommandResult, command } from './command.ts';
import { CHANGING, type Inputs, PROJECT, REGISTRY } from './inputs.ts';
import { openProject, type ProjectInputs } from './project.ts';
import type { Surroundings } from './surroundings.ts';

/** The releases that there are to go back to. */
export interface ReleaseList extends CommandResult<'changed' | 'releases' | 'result' | 'evidence'> {
  kind: 'releases';
  /** For people: `shop production`. */
  title: string;
  past: PastReleases;
}

/** rollback brings services back to earlier releases, or shows which there are. */
export const rollback = command({
  title: 'Switchyard rollback',
  description:
    'Bring services back to an earlier release, with its image, settings, routes and secrets, without losing a request.',
  inputs: [...PROJECT, ...CHANGING, ...REGISTRY, 'service', 'zones', 'to'],
  meanings: {
    service:
      'The services to bring back, one a line. They change in the order of their dependencies. Needed, but for `to: list`, which then shows all.',
    result:
      'JSON: by service its release, the `effect` of the run, its `copies` with `server`, `slot`, `container`, `port` and durations in ms, and the counts of the probe. With `to: list` the last releases of each service instead, the newest first.',
  },
  outputs: ['changed', 'releases', 'result', 'evidence'],
  async run(inputs, surroundings): Promise<ChangeResult | ReleaseList> {
    if (inputs.to === 'list') return await list(inputs, surroundings);
    return await change(inputs, surroundings, {
      scope: 'services',
      rollback: { to: parseTarget(inputs.to) },
      check: ({ wanted }) => requireServices(inputs.service, wanted),
    });
  },
});

/** Services have a past each: somebody has to say which of them go back. */
function requireServices(services: readonly string[] | undefined, wanted: EnvironmentSpec): void {
  if (services !== undefined) return;
  throw new UserError('no service to roll back is named', {
    hint: `The input "service" takes one of ${wanted.services.map(({ name }) => name).join(', ')} a line.`,
  });
}

async function list(
  inputs: ProjectInputs & Pick<Inputs, 'service'>,
  surroundings: Surroundings,
): Promise<ReleaseList> {
  const { wanted, reach, title } = await openProject(inputs, surroundings);
  const past = await pastReleases(wanted, reach.openStore, inputs.service);
  return {
    kind: 'releases',
    title,
    past,
    outputs: { changed: false, releases: past.current, result: past.services, evidence: '' },
    failure: undefined,
  };
}
