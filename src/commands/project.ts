import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { checkRecipients, openAge, sealAge } from '../config/age.ts';
import type { LoadedConfig } from '../config/load.ts';
import { loadEnvironment, type ResolvedEnvironment, resolveWithSecrets } from '../config/resolve.ts';
import type { SecretDefinition } from '../config/schema/secrets.ts';
import type { SecretSources } from '../config/secrets.ts';
import type { GeneratedRequest } from '../deploy/observation/generated-secrets.ts';
import type { Reach } from '../deploy/request.ts';
import { providerOf } from '../fleet/provider.ts';
import { findRepository } from '../git/repository.ts';
import { openWorkTree } from '../git/work-tree.ts';
import { readWorkspace } from '../git/workspace.ts';
import { githubRun } from '../github/run.ts';
import { UserError } from '../model/errors.ts';
import type { Author } from '../model/release.ts';
import type { LayoutStore } from '../registry/layout-store.ts';
import { askGitHub } from '../state/lease-watch.ts';
import { openStore } from '../state/store.ts';
import { type Inputs, type PROJECT, RELEASING } from './inputs.ts';
import { layoutsOf } from './layouts.ts';
import { type RegistryAccess, type RegistryInputs, registryAccess } from './registry-access.ts';
import type { Surroundings } from './surroundings.ts';

/** What opens a project. */
export type ProjectInputs = Pick<Inputs, (typeof PROJECT)[number]> &
  RegistryInputs &
  Partial<Pick<Inputs, 'images' | 'secrets' | 'age-key' | 'service'>>;

/** What says which environment of which file is meant. */
export type FileInputs = Pick<Inputs, 'environment' | 'working-directory' | 'config'> &
  Partial<Pick<Inputs, 'images' | 'secrets' | 'age-key' | 'service'>>;

/** An environment as the file of the checkout has it. */
export interface ReadProject extends ResolvedEnvironment {
  config: LoadedConfig;
  /** What the values of its secrets come from. */
  sources: SecretSources;
  /** How encrypted copies of generated secrets are made and opened. */
  sealing: Pick<GeneratedRequest, 'recipients' | 'seal' | 'open'>;
  /** For people: `shop production`. */
  title: string;
  /** Of the checkout. */
  workspace: string;
  /** That the file lies in. */
  folder: string;
  /** withImages returns the environment with these images by service, in place of those that the run was given. */
  withImages(images: Readonly<Record<string, string>>): ResolvedEnvironment;
}

/** An environment of the file, and how its servers and its record are reached. */
export interface Project extends ReadProject {
  reach: Reach;
  access: RegistryAccess;
  author: Author;
  /** Images that this machine has for servers. */
  layouts: LayoutStore;
}

/**
 * openProject reads the configuration and says how servers and record are reached; nothing is touched yet. A command
 * with the inputs of one that brings new versions starts services by the file: all that they need has to be there. It
 * throws UserErrors for every mistake in file and inputs.
 */
export async function openProject(inputs: ProjectInputs, surroundings: Surroundings): Promise<Project> {
  const { env, log, clock } = surroundings;
  const workspace = join(surroundings.workspace, inputs['working-directory'] ?? '');
  // Beside the reading of the file. Whoever needs it is told what it fails with.
  const workspaceFacts = readWorkspace({ workspace, env });
  workspaceFacts.catch(() => undefined);
  const read = await readProject(inputs, surroundings);
  const { wanted } = read;
  const scope = { project: wanted.project, environment: wanted.environment };
  const run = githubRun(env);
  const { 'github-token': token, 'ssh-private-key': sshPrivateKey } = inputs;
  if (token !== undefined) log.hide(token);
  // Some secrets have `\n` for each line end.
  if (sshPrivateKey !== undefined) log.hide(sshPrivateKey.replaceAll('\\n', '\n'));
  const access = registryAccess(read, inputs, surroundings);
  return {
    ...read,
    access,
    reach: {
      provider: providerOf(wanted, { sshPrivateKey }),
      openStore: () =>
        openStore({
          workspace,
          workspaceFacts,
          env,
          branch: inputs['state-branch'],
          scope,
          ...(token !== undefined && { token }),
          run,
          log,
          clock,
          isAlive: askGitHub(token, run),
          onLease: (id) => surroundings.onLease(scope, id),
        }),
      registryAuth: access.authFor,
      findRepository: () => findRepository({ workspace, env }, workspaceFacts),
      log,
      clock,
    },
    layouts: layoutsOf(env),
    author: { run: run.run, actor: run.actor, commit: run.sha },
  };
}

/**
 * readProject reads the configuration, and keeps what is secret in it out of the log. A command with the inputs of one that
 * brings new versions starts services by the file: all that they need has to be there. It throws UserErrors for every
 * mistake in file and inputs.
 */
export async function readProject(
  inputs: FileInputs,
  { workspace: around, env, log }: Surroundings,
): Promise<ReadProject> {
  const below = inputs['working-directory'] ?? '';
  // Annotations count from the workspace.
  const path = join(below, inputs.config);
  const text = await readConfig(around, path);
  const folder = dirname(join(around, path));
  const { secrets: given = {} } = inputs;
  for (const value of Object.values(given)) log.hide(value);
  const isReleasing = RELEASING.every((name) => inputs[name] !== undefined);
  const options = {
    images: inputs.images ?? {},
    secrets: given,
    repository: openWorkTree(folder, env),
    // What starts nothing by the file needs none of its files.
    isStarted: (name: string) => isReleasing && (inputs.service?.includes(name) ?? true),
  };
  const environment = loadEnvironment(text, path, env, inputs.environment, options);
  const { config, wanted, definitions, recipients } = environment;
  const { 'age-key': keys = [] } = inputs;
  for (const key of keys) log.hide(key);
  await checkRecipients(recipients);
  const { files, closed } = await readSecretFiles(folder, definitions, keys);
  for (const content of files.values())
    for (const form of ['utf8', 'base64'] as const) log.hide(content.toString(form));
  for (const warning of config.warnings) log.warning(warning);
  return {
    ...environment,
    sources: { given, variables: env, files, closed },
    sealing: {
      recipients,
      seal: (value) => sealAge(recipients, value),
      ...(keys.length > 0 && {
        open: async (name, age) =>
          (await openAge(`the encrypted copy of secret ${name}`, Buffer.from(age), keys)).toString(),
      }),
    },
    title: `${wanted.project} ${wanted.environment}`,
    workspace: join(around, below),
    folder,
    withImages: (images) => resolveWithSecrets(config, inputs.environment, { ...options, images }),
  };
}

/** readSecretFiles returns what is in the files that the values of secrets come from; what is missing is told where it is needed. */
async function readSecretFiles(
  folder: string,
  definitions: Project['definitions'],
  ageKeys: readonly string[],
): Promise<Pick<SecretSources, 'files' | 'closed'>> {
  const files = new Map<string, Buffer>();
  const closed = new Map<string, UserError>();
  const read = async ({ file: path, isEncrypted }: SecretDefinition): Promise<void> => {
    if (path === undefined) return;
    const content = await readFile(resolve(folder, path)).catch(() => undefined);
    if (content === undefined) return;
    try {
      files.set(path, isEncrypted ? await openAge(path, content, ageKeys) : content);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      closed.set(path, error);
    }
  };
  await Promise.all(Object.values(definitions).map(read));
  return { files, closed };
}

async function readConfig(workspace: string, path: string): Promise<string> {
  try {
    return await readFile(join(workspace, path), 'utf8');
  } catch (cause) {
    throw new UserError(`there is no ${path} in the repository`, {
      hint: 'Is the repository checked out (actions/checkout) before this step? One that was checked out with "path" is named by the input "working-directory", another file by "config".',
      cause,
    });
  }
}
