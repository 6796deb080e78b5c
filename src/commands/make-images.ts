import { tmpdir } from 'node:os';
import type { BuiltImage } from '../build/images.ts';
import { requireBuilds } from '../config/required-builds.ts';
import { readCheckout } from '../git/checkout.ts';
import { githubRun } from '../github/run.ts';
import { UserError } from '../model/errors.ts';
import { RegistryClient } from '../registry/client.ts';
import { isGivenBuilt, keptImages } from './built-images.ts';
import { gitCredentialsOf } from './git-credentials.ts';
import type { BUILDING, Inputs } from './inputs.ts';
import { layoutsOf } from './layouts.ts';
import type { Outputs } from './outputs.ts';
import type { Project, ReadProject } from './project.ts';
import { loginsOf, type RegistryAccess } from './registry-access.ts';
import type { Surroundings } from './surroundings.ts';

/** Which images are to be made, and by what. */
export interface ImageRequest {
  project: ReadProject & { access: RegistryAccess };
  services: readonly string[];
  inputs: Omit<Pick<Inputs, (typeof BUILDING)[number] | 'dry-run'>, 'build-secrets'> & {
    /** Undefined where nothing is built, and no secret is needed. */
    'build-secrets': Inputs['build-secrets'] | undefined;
  };
  surroundings: Surroundings;
}

/**
 * makeImages makes sure of the images of services that have a `build`: those that the registry does not have are built and
 * pushed; in a dry run it is only told which. It throws UserErrors for all that is wrong, and for builds that fail.
 */
export async function makeImages(request: ImageRequest): Promise<BuiltImage[]> {
  const { project, services, inputs, surroundings } = request;
  const { env, log, clock, signal } = surroundings;
  const { sources } = project;
  const { 'build-secrets': own } = inputs;
  const all = own && { ...sources, given: { ...sources.given, ...own } };
  const builds = requireBuilds(project, services, all).map((spec) => ({
    ...spec,
    platforms: inputs.platforms ?? spec.platforms,
  }));
  // One that comes from the env of the step is in no input that is hidden.
  for (const { secrets } of builds) for (const value of Object.values(secrets)) log.hide(value.toString());
  const gitCredentials = gitCredentialsOf(inputs, builds, log);
  const { workspace, folder, access, config } = project;
  const isTransferred = builds.some(({ service }) => project.builds[service]?.isTransferred);
  const isPushed = inputs.push ?? !staysHere(project);
  if (isPushed) checkRegistry(project, services);
  // What only a run needs that builds is not read by the others.
  const { buildImages } = await import('../build/index.ts');
  const { repository, serverUrl, run, runId } = githubRun(env);
  return await buildImages({
    builds,
    folder,
    workspace,
    checkout: await readCheckout({ workspace, env }),
    project: project.wanted.project,
    source: repository && `${serverUrl}/${repository}`,
    run: runId === undefined ? undefined : run,
    env,
    temporary: env.RUNNER_TEMP ?? tmpdir(),
    login: access.login,
    registry: new RegistryClient(loginsOf(access), signal),
    gitCredentials,
    isPushed: isPushed && config.config.registry !== 'none',
    layouts: isPushed && isTransferred ? layoutsOf(env) : undefined,
    cache: inputs.cache,
    mayBeDirty: inputs['allow-dirty'],
    isDryRun: inputs['dry-run'],
    log,
    clock,
    signal,
  });
}

/** What says which images a run has, and how it makes the others. */
export type SupplyInputs = ImageRequest['inputs'] & Pick<Inputs, 'images'> & Partial<Pick<Inputs, 'service'>>;

/** A project with the images that a run has for it. */
export interface Supplied {
  project: Project;
  /** All that the run was given, or has made. */
  images: Inputs['images'];
  /** What was made, or was there. */
  built: readonly BuiltImage[];
}

/**
 * supplyImages makes the images of the services that a run works on and that have a `build`, unless it was given some of
 * them: then it was another step that built. It throws what {@link makeImages} throws.
 */
export async function supplyImages(
  project: Project,
  inputs: SupplyInputs,
  surroundings: Surroundings,
): Promise<Supplied> {
  const { images: given, service } = inputs;
  const services = keptImages(project, { images: given, service });
  if (services.length === 0 || isGivenBuilt(project, given)) return { project, images: given, built: [] };
  const built = await makeImages({ project, services, inputs, surroundings });
  const images = { ...given, ...Object.fromEntries(built.map(({ service, image }) => [service, image])) };
  return { project: { ...project, ...project.withImages(images) }, images, built };
}

/** unbuiltOf returns the images that a dry run would have made, and that are nowhere yet. Pure. */
export function unbuiltOf(built: readonly BuiltImage[]): string[] {
  return built.filter(({ outcome }) => outcome === 'missing').map(({ image }) => image);
}

/** The engine that builds is the one that runs it, and there is no other place for images. */
function staysHere({ wanted, config, builds }: ReadProject): boolean {
  const isNamed = Object.values(builds).some((build) => build.isNamed);
  const { registry } = config.config;
  return wanted.provider === 'local' && (registry === undefined || registry === 'none') && !isNamed;
}

/** An image without a registry in its name would go to Docker Hub, which nobody has asked for. */
function checkRegistry({ builds, config }: ReadProject, services: readonly string[]): void {
  if (config.config.registry !== undefined) return;
  const nameless = services.find((service) => builds[service]?.isNamed === false);
  if (nameless === undefined) return;
  throw new UserError(`${nameless} has no registry to be pushed to`, {
    hint: 'Write registry: ghcr.io/<account> at the top of the file, or give the input push: false to keep images in the engine of this machine.',
  });
}

/** builtOutputs returns the outputs that tell of images, for the programs that come after. Pure. */
export function builtOutputs(images: readonly BuiltImage[]): Pick<Outputs, 'images' | 'digests' | 'built'> {
  const there = images.filter(({ outcome }) => outcome !== 'missing');
  return {
    images: there.map(({ service, image }) => `${service}=${image}`).join('\n'),
    digests: Object.fromEntries(there.flatMap(({ service, digest }) => (digest ? [[service, digest]] : []))),
    built: Object.fromEntries(
      images.map(({ service, repository: _repository, hash: _hash, ...told }) => [service, told]),
    ),
  };
}
