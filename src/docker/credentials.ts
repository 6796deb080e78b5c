import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../model/errors.ts';
import type { RegistryAuth } from './engine.ts';

/** The parts of the Docker CLI's `config.json` that name credentials. */
interface DockerConfig {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** The key under which the Docker CLI keeps Docker Hub's credentials. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

/**
 * registryOf returns the registry of an image name: its first part when that looks like a host, else Docker
 * Hub (the rule of distribution/reference).
 */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost && !/^(?:index\.)?docker\.io$/.test(first) ? first : DOCKER_HUB;
}

/** Tells who a run is at the registry of an image; undefined is nobody. */
export type FindRegistryAuth = (image: string) => Promise<RegistryAuth | undefined>;

/** dockerConfigFolder returns where the client of Docker keeps its configuration. */
export function dockerConfigFolder(env: NodeJS.ProcessEnv): string {
  return env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker');
}

/**
 * findRegistryAuth returns the runner's credentials for an image's registry (from `docker login`), or
 * undefined when it has none. `folder` is that of {@link dockerConfigFolder}.
 */
export async function findRegistryAuth(image: string, folder: string): Promise<RegistryAuth | undefined> {
  const config = await readConfig(join(folder, 'config.json'));
  const registry = registryOf(image);
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined) {
    const found = await askHelper(helper, registry);
    if (found !== undefined) return found;
  }
  const entry = config.auths?.[registry] ?? config.auths?.[`https://${registry}`];
  if (entry === undefined) return undefined;
  if (entry.identitytoken) return { identitytoken: entry.identitytoken, serveraddress: registry };
  if (!entry.auth) return undefined;
  const [username = '', ...password] = Buffer.from(entry.auth, 'base64').toString().split(':');
  return { username, password: password.join(':'), serveraddress: registry };
}

async function readConfig(path: string): Promise<DockerConfig> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return JSON.parse(text) as DockerConfig;
  } catch (cause) {
    throw new UserError(`the Docker configuration ${path} is not valid JSON`, { cause });
  }
}

function parseAnswer(stdout: string): { Username?: string; Secret?: string } | undefined {
  try {
    return JSON.parse(stdout) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The protocol of docker-credential-helpers: the registry on stdin, JSON on stdout, failure when unknown. */
function askHelper(helper: string, registry: string): Promise<RegistryAuth | undefined> {
  return new Promise((resolve) => {
    const child = execFile(`docker-credential-${helper}`, ['get'], { env: process.env }, (error, stdout) => {
      const answer = error ? undefined : parseAnswer(stdout);
      if (answer?.Username === undefined || answer.Secret === undefined) return resolve(undefined);
      const { Username: username, Secret: secret } = answer;
      resolve(
        username === '<token>'
          ? { identitytoken: secret, serveraddress: registry }
          : { username, password: secret, serveraddress: registry },
      );
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(registry);
  });
}
