import type { ResolvedEnvironment } from '../config/resolve.ts';
import {
  dockerConfigFolder,
  type FindRegistryAuth,
  findRegistryAuth,
  registryOf,
} from '../docker/credentials.ts';
import { UserError } from '../model/errors.ts';
import type { Login } from '../registry/client.ts';
import type { Inputs, REGISTRY } from './inputs.ts';
import type { Surroundings } from './surroundings.ts';

/** The inputs that say who a run is at a registry; a command without them has the logins of the runner. */
export type RegistryInputs = Partial<Pick<Inputs, (typeof REGISTRY)[number]>>;

/** Who a run is at registries. */
export interface RegistryAccess {
  /** The login that it was given, and the registry that it is for. */
  login: { registry: string; username: string; password: string } | undefined;
  /** Tells who it is at the registry of an image: by its own login, else by those of the runner. */
  authFor: FindRegistryAuth;
}

/**
 * registryAccess returns who a run is at registries, and keeps the password out of the log. A login that the run was given
 * is for the registry that images of the project are pushed to or, where none is built, pulled from. It throws a UserError
 * where that is none or several.
 */
export function registryAccess(
  project: Pick<ResolvedEnvironment, 'builds' | 'wanted'>,
  inputs: RegistryInputs,
  { env, log }: Surroundings,
): RegistryAccess {
  const { 'registry-username': username, 'registry-password': said } = inputs;
  const password = said?.trim();
  if (password !== undefined) log.hide(password);
  const ofRunner = (image: string) => findRegistryAuth(image, dockerConfigFolder(env));
  if (username === undefined && password === undefined) return { login: undefined, authFor: ofRunner };
  if (username === undefined || password === undefined) {
    throw new UserError(`registry-${username === undefined ? 'username' : 'password'} is missing`, {
      hint: 'Give both registry-username and registry-password, or neither. A secret that is not set is empty.',
    });
  }
  const registry = onlyOne(registriesOf(project));
  const auth = { username, password, serveraddress: registry };
  return {
    login: { registry, username, password },
    authFor: async (image) => (registryOf(image) === registry ? auth : await ofRunner(image)),
  };
}

/** loginsOf returns who a run is at registries, as a client that asks them itself wants to know it. */
export function loginsOf({ authFor }: RegistryAccess): (image: string) => Promise<Login | undefined> {
  return async (image) => {
    const { username, password } = (await authFor(image)) ?? {};
    return username === undefined || password === undefined ? undefined : { username, password };
  };
}

function registriesOf({ builds, wanted }: Pick<ResolvedEnvironment, 'builds' | 'wanted'>): string[] {
  const built = Object.values(builds).map(({ repository }) => repository);
  const images = built.length > 0 ? built : wanted.services.map(({ container }) => container.image);
  return [...new Set(images.map(registryOf))];
}

/** One login is for one registry. */
function onlyOne(registries: readonly string[]): string {
  const [registry, ...others] = registries;
  if (registry !== undefined && others.length === 0) return registry;
  throw new UserError(
    registry === undefined
      ? 'a login for a registry is given, and no service has an image'
      : `images are in several registries (${registries.join(', ')}), and one login is given`,
    {
      hint: 'Log in to each of them before this step (docker/login-action), and leave registry-username and registry-password out.',
    },
  );
}
