import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { loadEnvironment, type RepositorySecrets } from '../config/resolve.ts';
import type { Reach } from '../deploy/request.ts';
import { providerOf } from '../fleet/provider.ts';
import { findRepository } from '../git/repository.ts';
import { openWorkTree } from '../git/work-tree.ts';
import { githubRun } from '../github/run.ts';
import { UserError } from '../model/errors.ts';
import type { Author } from '../model/release.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { askGitHub } from '../state/lease-watch.ts';
import { openStore } from '../state/store.ts';
import type { Inputs, PROJECT } from './inputs.ts';
import type { Surroundings } from './surroundings.ts';

/** What opens a project. */
export type ProjectInputs = Pick<Inputs, (typeof PROJECT)[number]> &
  Partial<Pick<Inputs, 'images' | 'secrets' | 'service'>>;

/** An environment of the file, and how its servers and its record are reached. */
export interface Project {
  config: LoadedConfig;
  wanted: EnvironmentSpec;
  /** Values of its files that count as secret, by service and name. */
  repositorySecrets: RepositorySecrets;
  /** For people: `shop production`. */
  title: string;
  reach: Reach;
  author: Author;
}

/**
 * openProject reads the configuration and says how servers and record are reached; nothing is touched yet. It
 * throws UserErrors for every mistake in file and inputs.
 */
export async function openProject(inputs: ProjectInputs, surroundings: Surroundings): Promise<Project> {
  const { env, log, clock } = surroundings;
  const folder = inputs['working-directory'] ?? '';
  const workspace = join(surroundings.workspace, folder);
  // Annotations count from the workspace.
  const path = join(folder, inputs.config);
  const text = await readConfig(surroundings.workspace, path);
  const options = {
    images: inputs.images ?? {},
    repository: await openWorkTree(dirname(join(surroundings.workspace, path)), env),
    // Who brings no secrets starts nothing by the file.
    isStarted: (name: string) => inputs.secrets !== undefined && (inputs.service?.includes(name) ?? true),
  };
  const { config, wanted, repositorySecrets } = loadEnvironment(text, path, env, inputs.environment, options);
  for (const warning of config.warnings) log.warning(warning);
  const scope = { project: wanted.project, environment: wanted.environment };
  const run = githubRun(env);
  const { 'github-token': token, 'ssh-private-key': sshPrivateKey } = inputs;
  if (token !== undefined) log.hide(token);
  // Some secrets have `\n` for each line end.
  if (sshPrivateKey !== undefined) log.hide(sshPrivateKey.replaceAll('\\n', '\n'));
  return {
    config,
    wanted,
    repositorySecrets,
    title: `${scope.project} ${scope.environment}`,
    reach: {
      provider: providerOf(wanted, { sshPrivateKey }),
      openStore: () =>
        openStore({
          workspace,
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
      findRepository: () => findRepository({ workspace, env }),
      log,
      clock,
    },
    author: { run: run.run, actor: run.actor, commit: run.sha },
  };
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
