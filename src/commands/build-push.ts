import { tmpdir } from 'node:os';
import type { Ejected } from '../build/eject.ts';
import type { BuiltImage } from '../build/images.ts';
import { requireBuilds } from '../config/required-builds.ts';
import { findRegistryAuth, registryOf } from '../docker/credentials.ts';
import { readCheckout } from '../git/checkout.ts';
import { githubRun } from '../github/run.ts';
import { UserError } from '../model/errors.ts';
import { RegistryClient } from '../registry/client.ts';
import { type CommandResult, command } from './command.ts';
import type { Inputs } from './inputs.ts';
import type { Outputs } from './outputs.ts';
import { type ReadProject, readProject } from './project.ts';
import type { ConcealingLog } from './surroundings.ts';

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
    'push',
    'registry-username',
    'registry-password',
    'allow-dirty',
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
    const { env, log, clock, signal } = surroundings;
    const project = await readProject(inputs, surroundings);
    const services = chosenServices(project, inputs.service);
    const builds = requireBuilds(project, services, project.sources);
    // One that comes from the env of the step is in no input that is hidden.
    for (const { secrets } of builds) for (const value of Object.values(secrets)) log.hide(value.toString());
    const { workspace, folder, title } = project;
    // What only this action needs is not read by the others.
    const { buildImages, dockerConfigFolder, ejectDockerfiles } = await import('../build/index.ts');
    const checkout = await readCheckout({ workspace, env });
    if (inputs.eject) {
      const ejected = await ejectDockerfiles(builds, { folder, workspace, checkout, log });
      return { kind: 'built', title, images: [], ejected, outputs: outputsOf([]), failure: undefined };
    }
    const given = givenLogin(inputs, log);
    const ownRegistries = new Set(builds.map(({ repository }) => registryOf(repository)));
    checkLogin(given, ownRegistries);
    checkPush(project, services, inputs.push);
    const loginFor = async (image: string) => {
      if (given !== undefined && ownRegistries.has(registryOf(image))) return given;
      const { username, password } = (await findRegistryAuth(image, dockerConfigFolder(env))) ?? {};
      return username === undefined || password === undefined ? undefined : { username, password };
    };
    const { repository, serverUrl } = githubRun(env);
    const images = await buildImages({
      builds,
      folder,
      workspace,
      checkout,
      project: project.wanted.project,
      source: repository && `${serverUrl}/${repository}`,
      env,
      temporary: env.RUNNER_TEMP ?? tmpdir(),
      login: given && { registry: [...ownRegistries][0]!, ...given },
      registry: new RegistryClient(loginFor, signal),
      isPushed: inputs.push,
      mayBeDirty: inputs['allow-dirty'],
      isDryRun: inputs['dry-run'],
      log,
      clock,
      signal,
    });
    return { kind: 'built', title, images, outputs: outputsOf(images), failure: undefined };
  },
});

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

function givenLogin(
  {
    'registry-username': username,
    'registry-password': password,
  }: Pick<Inputs, 'registry-username' | 'registry-password'>,
  log: ConcealingLog,
): { username: string; password: string } | undefined {
  if (password !== undefined) log.hide(password.trim());
  if (username === undefined && password === undefined) return undefined;
  if (username !== undefined && password !== undefined) return { username, password: password.trim() };
  throw new UserError(`registry-${username === undefined ? 'username' : 'password'} is missing`, {
    hint: 'Give both registry-username and registry-password, or neither. A secret that is not set is empty.',
  });
}

/** One login is for one registry. */
function checkLogin(login: object | undefined, registries: ReadonlySet<string>): void {
  if (login === undefined || registries.size < 2) return;
  throw new UserError(
    `images go to several registries (${[...registries].join(', ')}), and one login is given`,
    {
      hint: 'Log in to each of them before this step (docker/login-action), and leave registry-username and registry-password out.',
    },
  );
}

/** An image without a registry in its name would go to Docker Hub, which nobody has asked for. */
function checkPush({ builds, config }: ReadProject, services: readonly string[], isPushed: boolean): void {
  if (!isPushed || config.config.registry !== undefined) return;
  const nameless = services.find((service) => builds[service]?.isNamed === false);
  if (nameless === undefined) return;
  throw new UserError(`${nameless} has no registry to be pushed to`, {
    hint: 'Write registry: ghcr.io/<account> at the top of the file, or give the input push: false to keep images in the engine of this machine.',
  });
}

function outputsOf(images: readonly BuiltImage[]): Pick<Outputs, 'images' | 'digests' | 'built'> {
  const there = images.filter(({ outcome }) => outcome !== 'missing');
  return {
    images: there.map(({ service, image }) => `${service}=${image}`).join('\n'),
    digests: Object.fromEntries(there.flatMap(({ service, digest }) => (digest ? [[service, digest]] : []))),
    built: Object.fromEntries(
      images.map(({ service, repository: _repository, hash: _hash, ...told }) => [service, told]),
    ),
  };
}
