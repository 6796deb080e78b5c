import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { resolveEnvironment } from '../config/resolve.ts';
import { requireSecrets } from '../config/secrets.ts';
import { localProvider } from '../fleet/local.ts';
import type { Provider } from '../fleet/server.ts';
import { staticProvider } from '../fleet/static.ts';
import { runContext } from '../github/context.ts';
import { UserError } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { normalisePrivateKey } from '../ssh/keys.ts';
import { askGitHub } from '../state/ask-github.ts';
import { openStore, type Store } from '../state/store.ts';
import type { Inputs } from './inputs.ts';
import type { RunnerLog } from './log.ts';
import { rememberLease } from './post.ts';

/** What every action works on. */
export interface Project {
  wanted: EnvironmentSpec;
  provider: Provider;
  openStore(): Promise<Store>;
  author: { run: string; actor: string; commit: string | undefined };
}

/**
 * openProject reads the configuration and says how servers and record are reached; nothing is touched yet. It
 * throws UserErrors for every mistake in file and inputs.
 */
export async function openProject(
  inputs: Inputs,
  log: RunnerLog,
): Promise<Project & { config: LoadedConfig }> {
  const workspace = process.env.GITHUB_WORKSPACE ?? process.cwd();
  const config = loadConfig(await readConfig(workspace, inputs.config), inputs.config, process.env);
  const wanted = resolveEnvironment(config, inputs.environment, { images: inputs.images });
  const run = runContext(process.env);
  const token = inputs['github-token'];
  if (token !== undefined) log.hide(token);
  return {
    config,
    wanted,
    provider: providerOf(wanted, inputs, log),
    openStore: () =>
      openStore({
        workspace,
        branch: inputs['state-branch'],
        scope: { project: wanted.project, environment: wanted.environment },
        ...(token !== undefined && { token }),
        run,
        log,
        now: () => new Date(),
        isAlive: askGitHub(token, run),
        onLease: (id) => rememberLease({ project: wanted.project, environment: wanted.environment }, id),
      }),
    author: { run: run.run, actor: run.actor, commit: run.sha },
  };
}

/** secretsOf returns the secret values that services name, and keeps all of them out of the log. */
export function secretsOf(
  inputs: Inputs,
  { config, wanted }: { config: LoadedConfig; wanted: EnvironmentSpec },
  services: readonly string[] | undefined,
  log: RunnerLog,
): Record<string, Record<string, string>> {
  for (const value of Object.values(inputs.secrets)) log.hide(value);
  const selected = wanted.services.filter(({ name }) => services === undefined || services.includes(name));
  return requireSecrets({ ...wanted, services: selected }, inputs.secrets, config.locate);
}

function providerOf(wanted: EnvironmentSpec, inputs: Inputs, log: RunnerLog): Provider {
  if (wanted.provider === 'local') return localProvider();
  const key = normalisePrivateKey(inputs['ssh-private-key'] ?? '');
  log.hide(key);
  return staticProvider(key);
}

async function readConfig(workspace: string, path: string): Promise<string> {
  try {
    return await readFile(join(workspace, path), 'utf8');
  } catch (cause) {
    throw new UserError(`there is no ${path} in the repository`, {
      hint: 'Is the repository checked out (actions/checkout) before this step? The input "config" names another file.',
      cause,
    });
  }
}
