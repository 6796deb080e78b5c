import type { Setting } from './configuration.ts';

/** Variables that tie git to another repository; git lists them with `git rev-parse --local-env-vars`. */
const REPOSITORY_VARIABLES = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/** Configuration handed over in the environment; replaced by ours as a whole. */
const CONFIGURATION_VARIABLE = /^GIT_CONFIG_(?:PARAMETERS|COUNT|KEY_\d+|VALUE_\d+)$/;

/**
 * quietEnvironment returns `env` for a git that must not ask, translate or look at another repository.
 * What says how to reach a remote (`GIT_SSH_COMMAND`, `SSH_AUTH_SOCK`, proxies, …) is kept.
 */
export function quietEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const quiet: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !REPOSITORY_VARIABLES.has(name)) quiet[name] = value;
  }
  return {
    ...quiet,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GCM_INTERACTIVE: 'never',
    GIT_OPTIONAL_LOCKS: '0',
  };
}

/** withoutSettings returns `env` without configuration that was handed over in it. */
export function withoutSettings(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CONFIGURATION_VARIABLE.test(name)));
}

/**
 * withSettings returns `env` with `settings` as the configuration of highest rank. This way, and not by
 * `git -c`, because a command line can be read by every process of the machine.
 */
export function withSettings(
  env: Record<string, string>,
  settings: readonly Setting[],
): Record<string, string> {
  const result = withoutSettings(env);
  result.GIT_CONFIG_COUNT = String(settings.length);
  for (const [index, { key, value }] of settings.entries()) {
    result[`GIT_CONFIG_KEY_${index}`] = key;
    result[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return result;
}
