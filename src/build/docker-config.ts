import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerConfigFolder } from '../docker/credentials.ts';
import { UserError } from '../model/errors.ts';

/** Who a run is at a registry. */
export interface RegistryLogin {
  /** As Docker's own configuration names it: the host, and for Docker Hub `https://index.docker.io/v1/`. */
  registry: string;
  username: string;
  password: string;
}

/** A folder of a run's own, and the environment of a client of Docker that uses it. */
export interface ScratchPlace {
  folder: string;
  env: Record<string, string>;
}

/**
 * withDockerConfig runs `work` with a configuration of Docker of its own that nobody else can read, and that is gone
 * afterwards: the login never stands in the one of the runner. Plugins, builders and contexts are those of the runner, and
 * so are its other logins. `parent` is the folder for what is temporary.
 */
export async function withDockerConfig<T>(
  { env, parent, login }: { env: NodeJS.ProcessEnv; parent: string; login: RegistryLogin | undefined },
  work: (place: ScratchPlace) => Promise<T>,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  // Readable for its owner alone, by mkdtemp's own rule.
  const folder = await mkdtemp(join(parent, 'switchyard-build-'));
  try {
    const own = join(folder, 'docker');
    await mkdir(own, { mode: 0o700 });
    const given = dockerConfigFolder(env);
    await linkAllBut(given, own, 'config.json');
    const config = withLogin(await readConfig(join(given, 'config.json')), login);
    await writeFile(join(own, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    // The inputs of a run are the environment of its process, and are of no concern to a builder.
    const set = Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('INPUT_'),
    );
    const builders = env.BUILDX_CONFIG ?? join(given, 'buildx');
    return await work({
      folder,
      env: { ...Object.fromEntries(set), DOCKER_CONFIG: own, BUILDX_CONFIG: builders },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function linkAllBut(from: string, to: string, left: string): Promise<void> {
  const names = await readdir(from).catch(() => []);
  await Promise.all(
    names.filter((name) => name !== left).map((name) => symlink(join(from, name), join(to, name))),
  );
}

type DockerConfig = Record<string, unknown> & {
  auths?: Record<string, unknown>;
  credHelpers?: Record<string, string>;
};

async function readConfig(path: string): Promise<DockerConfig> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  try {
    return JSON.parse(text) as DockerConfig;
  } catch (cause) {
    throw new UserError(`the Docker configuration ${path} is not valid JSON`, { cause });
  }
}

/** A helper that keeps other logins is not asked for this one. */
function withLogin(config: DockerConfig, login: RegistryLogin | undefined): DockerConfig {
  if (login === undefined) return config;
  const { registry, username, password } = login;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    ...config,
    auths: { ...config.auths, [registry]: { auth } },
    // The client takes an empty name for its own file.
    credHelpers: { ...config.credHelpers, [registry]: '' },
  };
}
