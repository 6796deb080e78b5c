import type { Ejected } from '../build/eject.ts';
import type { BuiltImage } from '../build/images.ts';
import { requireBuilds } from '../config/required-builds.ts';
import { readCheckout } from '../git/checkout.ts';
import { UserError } from '../model/errors.ts';
import { type CommandResult, command } from './command.ts';
import { BUILDING, REGISTRY } from './inputs.ts';
import { builtOutputs, makeImages } from './make-images.ts';
import { type ReadProject, readProject } from './project.ts';
import { registryAccess } from './registry-access.ts';
import type { Surroundings } from './surroundings.ts';

/** What became of the images of an environment. */
export interface Built extends CommandResult<'images' | 'digests' | 'built'> {
  kind: 'built';
  /** For people: `shop production`. */
  title: string;
  images: readonly BuiltImage[];
  /** Dockerfiles that were written down, where that was asked for: nothing was built then. */
  ejected?: readonly Ejected[];
}

/** buildPush makes the images of the services that have a `build`, and pushes them. */
export const buildPush = command({
  title: 'Switchyard build-push',
  description:
    'Build the images of services from source and push them, those alone that the registry does not have yet; the deploy gets exact digests.',
  inputs: [
    'environment',
    'service',
    'working-directory',
    'config',
    'secrets',
    'age-key',
    ...BUILDING,
    ...REGISTRY,
    'eject',
    'dry-run',
  ],
  outputs: ['images', 'digests', 'built'],
  meanings: {
    service: 'The services to build, one a line. All that have a `build` when empty.',
    secrets:
      'The values of the secrets that builds name, as a JSON object. Pass all with the expression `toJSON(secrets)`; only the named ones are used.',
    'dry-run': 'With `true`, tell which images would be built and why, and build nothing.',
  },
  async run(inputs, surroundings): Promise<Built> {
    const project = await readProject(inputs, surroundings);
    const services = chosenServices(project, inputs.service);
    if (inputs.eject) return await eject(project, services, surroundings);
    const access = registryAccess(project, inputs, surroundings);
    const images = await makeImages({ project: { ...project, access }, services, inputs, surroundings });
    const { title } = project;
    return { kind: 'built', title, images, outputs: builtOutputs(images), failure: undefined };
  },
});

/** Writes the Dockerfiles down that templates make. */
async function eject(
  project: ReadProject,
  services: readonly string[],
  { env, log }: Surroundings,
): Promise<Built> {
  const { workspace, folder, title } = project;
  // Nothing is built, so no secret is needed.
  const builds = requireBuilds(project, services, undefined);
  const { ejectDockerfiles } = await import('../build/index.ts');
  const checkout = await readCheckout({ workspace, env });
  const ejected = await ejectDockerfiles(builds, { folder, workspace, checkout, log });
  return { kind: 'built', title, images: [], ejected, outputs: builtOutputs([]), failure: undefined };
}

/** All services with a build, or those that are asked for. */
function chosenServices({ builds, wanted }: ReadProject, asked: readonly string[] | undefined): string[] {
  const known = Object.keys(builds);
  if (known.length === 0) {
    throw new UserError('no service has a build, so there is nothing to do', {
      hint: 'Write build: ./folder at a service, or leave this step out.',
    });
  }
  const unknown = asked?.find((name) => !known.includes(name));
  if (unknown === undefined) return asked === undefined ? known : [...new Set(asked)];
  const isService = wanted.services.some(({ name }) => name === unknown);
  throw new UserError(
    isService ? `${unknown} has no build` : `there is no service ${JSON.stringify(unknown)}`,
    { hint: `Services with a build are ${known.join(', ')}.` },
  );
}
