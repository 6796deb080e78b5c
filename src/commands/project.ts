import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { loadEnvironment, type ResolvedEnvironment } from '../config/resolve.ts';
import type { SecretSources } from '../config/secrets.ts';
import type { Reach } from '../deploy/request.ts';
import { providerOf } from '../fleet/provider.ts';
import { findRepository } from '../git/repository.ts';
import { openWorkTree } from '../git/work-tree.ts';
import { readWorkspace } from '../git/workspace.ts';
import { githubRun } from '../github/run.ts';
import { UserError } from '../model/errors.ts';
import type { Author } from '../model/release.ts';
import { askGitHub } from '../state/lease-watch.ts';
import { openStore } from '../state/store.ts';
import { type Inputs, type PROJECT, RELEASING } from './inputs.ts';
import type { Surroundings } from './surroundings.ts';

/** What opens a project. */
export type ProjectInputs = Pick<Inputs, (typeof PROJECT)[number]> &
  Partial<Pick<Inputs, 'images' | 'secrets' | 'service'>>;

/** An environment of the file, and how its servers and its record are reached. */
export interface Project extends ResolvedEnvironment {
  config: LoadedConfig;
  /** What the values of its secrets come from. */
  sources: SecretSources;
  /** For people: `shop production`. */
  title: string;
  reach: Reach;
  author: Author;
}

/**
 * openProject reads the configuration and says how servers and record are reached; nothing is touched yet. A command
 * with the inputs of one that brings new versions starts services by the file: all that they need has to be there. It
 * throws UserErrors for every mistake in file and inputs.
 */
export async function openProject(inputs: ProjectInputs, surroundings: Surroundings): Promise<Project> {
  const { env, log, clock } = surroundings;
  const folder = inputs['working-directory'] ?? '';
  const workspace = join(surroundings.workspace, folder);
  // Annotations count from the workspace.
  const path = join(folder, inputs.config);
  const text = await readConfig(surroundings.workspace, path);
  // Beside the reading of the file. Whoever needs it is told what it fails with.
  const workspaceFacts = readWorkspace({ workspace, env });
  workspaceFacts.catch(() => undefined);
  const { secrets: given = {} } = inputs;
  for (const value of Object.values(given)) log.hide(value);
  const isReleasing = RELEASING.every((name) => inputs[name] !== undefined);
  const options = {
    images: inputs.images ?? {},
    secrets: given,
    repository: openWorkTree(dirname(join(surroundings.workspace, path)), env),
    // What starts nothing by the file needs none of its files.
    isStarted: (name: string) => isReleasing && (inputs.service?.includes(name) ?? true),
  };
  const environment = loadEnvironment(text, path, env, inputs.environment, options);
  const { config, wanted, definitions } = environment;
  const files = await readSecretFiles(join(surroundings.workspace, dirname(path)), definitions);
  for (const content of files.values())
    for (const form of ['utf8', 'base64'] as const) log.hide(content.toString(form));
  for (const warning of config.warnings) log.warning(warning);
  const scope = { project: wanted.project, environment: wanted.environment };
  const run = githubRun(env);
  const { 'github-token': token, 'ssh-private-key': sshPrivateKey } = inputs;
  if (token !== undefined) log.hide(token);
  // Some secrets have `\n` for each line end.
  if (sshPrivateKey !== undefined) log.hide(sshPrivateKey.replaceAll('\\n', '\n'));
  return {
    ...environment,
    sources: { given, variables: env, files },
    title: `${scope.project} ${scope.environment}`,
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
      findRepository: () => findRepository({ workspace, env }, workspaceFacts),
      log,
      clock,
    },
    author: { run: run.run, actor: run.actor, commit: run.sha },
  };
}

/** readSecretFiles returns the files that the values of secrets come from, by the paths in the file. */
async function readSecretFiles(
  folder: string,
  definitions: Project['definitions'],
): Promise<Map<string, Buffer>> {
  const paths = Object.values(definitions).flatMap(({ file }) => file ?? []);
  const found = await Promise.all(
    paths.map(async (path): Promise<[string, Buffer][]> => {
      // What is not there is told where it is needed.
      const content = await readFile(resolve(folder, path)).catch(() => undefined);
      return content === undefined ? [] : [[path, content]];
    }),
  );
  return new Map(found.flat());
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
